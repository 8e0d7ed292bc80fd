import { join } from 'node:path'
import t from 'tap'
import { readCloudConf } from '../../src/config/cloud-conf.ts'
import { readOpenStackSettings } from '../../src/config/openstack-credentials.ts'
import { loginBody } from '../../src/keystone/credentials.ts'

type Test = { testdir(content: Record<string, string>): string }
const read = (t: Test, text: string) => readCloudConf(join(t.testdir({ 'cloud.conf': text }), 'cloud.conf'))
const login = (t: Test, text: string) => {
  const settings = readOpenStackSettings(read(t, text).env)
  return {
    ...settings,
    auth: JSON.parse(JSON.stringify(loginBody(settings?.credentials.method as never))).auth,
  }
}

t.test('each key of barbican-kms-plugin means what it means there', async (t) => {
  const { authUrl, caFile, credentials, auth } = login(
    t,
    `[Global]
auth-url = https://k:5000/v3
username = svc
password = pw
tenant-name = p
user-domain-name = U
tenant-domain-id = d
region = R1
os-endpoint-type = internalURL
ca-file = /etc/ca.pem
[KeyManager]
key-id = 0b6f4f6e-6a53-4d3b-9f0e-2f4b8d1c7a10
`,
  )
  t.match({ authUrl, caFile }, { authUrl: 'https://k:5000/v3', caFile: '/etc/ca.pem' })
  t.match(credentials, { region: 'R1', interface: 'internal' })
  t.same(auth, {
    identity: {
      methods: ['password'],
      password: { user: { name: 'svc', domain: { name: 'U' }, password: 'pw' } },
    },
    scope: { project: { name: 'p', domain: { id: 'd' } } },
  })
})

t.test('domain-* stands in for the domains of user and project where those are empty', async (t) => {
  const both = '[Global]\nusername=u\npassword=p\ntenant-name=t\n'
  for (const [line, domain] of [
    ['domain-id=D', { id: 'D' }],
    ['domain-name=N', { name: 'N' }],
  ] as const) {
    const { auth } = login(t, both + line)
    t.same(auth.identity.password.user.domain, domain)
    t.same(auth.scope.project.domain, domain)
  }
})

t.test('application credentials and trusts log in as such', async (t) => {
  const text = '[Global]\napplication-credential-id=i\napplication-credential-secret=s'
  t.same(login(t, text).auth, {
    identity: { methods: ['application_credential'], application_credential: { id: 'i', secret: 's' } },
  })
  const { auth } = login(t, '[Global]\nuser-id=u\npassword=p\ntrust-id=T')
  t.same(auth.scope, { 'OS-TRUST:trust': { id: 'T' } })
})

t.test('use-clouds leads to clouds.yaml', async (t) => {
  const clouds = 'clouds: {prod: {auth: {auth_url: http://k, user_id: u, password: p, project_id: x}}}'
  const beside = { testdir: (content: object) => t.testdir({ ...content, 'clouds.yaml': clouds }) }
  const file = join(t.testdirName, 'clouds.yaml')
  const { authUrl, auth } = login(beside, `[Global]\nuse-clouds\nclouds-file = ${file}\ncloud = prod`)
  t.equal(authUrl, 'http://k')
  t.same(auth.scope, { project: { id: 'x' } })
})

t.test('names are case-blind, values may be quoted, comments and unknown keys are skipped', async (t) => {
  const { env, keyId } = read(
    t,
    '\uFEFF# top\r\n; and this\r\n[GLOBAL] # here too\r\n  UserName = svc ; the user\r\nPASSWORD = "p#w;\\"d\\\\ "\r\nbogus = 1\r\nflag\r\n[LoadBalancer "x"]\r\nusername = other\r\n[keymanager]\r\nKey-Id = abc\r\n',
  )
  t.same(env, { OS_USERNAME: 'svc', OS_PASSWORD: 'p#w;"d\\ ' })
  t.equal(keyId, 'abc')
})

t.test('what would weaken or change the log-in is refused, not ignored', async (t) => {
  for (const line of ['tls-insecure = true', 'tls-insecure', 'token = t', 'cert-file = /c'])
    t.throws(() => read(t, `[Global]\n${line}`), { code: 'CONFIG_INVALID', message: /not supported/ })
  t.doesNotThrow(() => read(t, '[Global]\ntls-insecure = false'))
})

t.test('a line that cannot be read is named by its number, never quoted', async (t) => {
  for (const [text, line] of [
    ['[Global]\npassword = "open', 2],
    ['username = x', 1],
    ['[Global]\n\n= secret', 3],
    ['[Global\nusername = x', 1],
  ] as const)
    t.throws(() => read(t, text), { message: new RegExp(`line ${line}: (?!.*(secret|open))`) })
  t.throws(() => readCloudConf('/nonexistent/cloud.conf'), { code: 'FILE_UNREADABLE' })
})
