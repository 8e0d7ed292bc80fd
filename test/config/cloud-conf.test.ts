import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readCloudConf } from '../../src/config/cloud-conf.ts'
import { readOpenStackSettings } from '../../src/config/openstack-credentials.ts'
import { loginBody } from '../../src/keystone/credentials.ts'

const FOLDER = t.testdir()
const read = (text: string) => {
  writeFileSync(join(FOLDER, 'cloud.conf'), text)
  return readCloudConf(join(FOLDER, 'cloud.conf'))
}
const login = (text: string) => {
  const settings = readOpenStackSettings(read(text).env)
  return {
    ...settings,
    auth: JSON.parse(JSON.stringify(loginBody(settings?.credentials.method as never))).auth,
  }
}

t.test('each key of barbican-kms-plugin means what it means there', async (t) => {
  const { authUrl, caFile, credentials, auth } = login(
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
    const { auth } = login(both + line)
    t.same(auth.identity.password.user.domain, domain)
    t.same(auth.scope.project.domain, domain)
  }
})

t.test('application credentials and trusts log in as such', async (t) => {
  const text = '[Global]\napplication-credential-id=i\napplication-credential-secret=s'
  t.same(login(text).auth, {
    identity: { methods: ['application_credential'], application_credential: { id: 'i', secret: 's' } },
  })
  const { auth } = login('[Global]\nuser-id=u\npassword=p\ntrust-id=T')
  t.same(auth.scope, { 'OS-TRUST:trust': { id: 'T' } })
})

t.test('use-clouds leads to clouds.yaml', async (t) => {
  const clouds = 'clouds: {prod: {auth: {auth_url: http://k, user_id: u, password: p, project_id: x}}}'
  const file = join(FOLDER, 'clouds.yaml')
  writeFileSync(file, clouds)
  const { authUrl, auth } = login(`[Global]\nuse-clouds\nclouds-file = ${file}\ncloud = prod`)
  t.equal(authUrl, 'http://k')
  t.same(auth.scope, { project: { id: 'x' } })
})

t.test('names are case-blind, values may be quoted, comments and unknown keys are skipped', async (t) => {
  const { env, keyId } = read(
    '\uFEFF# top\r\n; and this\r\n[GLOBAL] # here too\r\n  UserName = svc ; the user\r\nPASSWORD = "p#w;\\"d\\\\ "\r\nbogus = 1\r\nflag\r\n[LoadBalancer "x"]\r\nusername = other\r\n[keymanager]\r\nKey-Id = abc\r\n',
  )
  t.same(env, { OS_USERNAME: 'svc', OS_PASSWORD: 'p#w;"d\\ ' })
  t.equal(keyId, 'abc')
})

const UNSUPPORTED = ['tls-insecure', 'token', 'cert-file', 'key-file', 'trustee-id', 'trustee-password']

t.test('what would weaken or change the log-in is refused, not ignored', async (t) => {
  for (const key of UNSUPPORTED) {
    for (const line of [`${key} = x`, `${key} = true`, key, `${key} = 0`])
      t.throws(
        () => read(`[Global]\n${line}\nusername = u`),
        { code: 'CONFIG_INVALID', message: new RegExp(`cloud.conf, \\[Global\\] ${key}: is not supported$`) },
        line,
      )
    for (const line of [`${key} = false`, `${key} =`, `${key} = ""`])
      t.strictSame(read(`[Global]\n${line}\nusername = u`).env, { OS_USERNAME: 'u' }, line)
  }
})

t.test('each refused key is named, and a cloud of clouds.yaml lets none of them pass', async (t) => {
  const faults = () => read('[Global]\ntoken = t\nusername = u\nkey-file = k\nuse-clouds\n')
  t.throws(faults, /\[Global\] token: .*\n.*\[Global\] key-file: /)
  t.throws(faults, { code: 'CONFIG_INVALID', message: /^(?!.*username)/s })
})

t.test('each key of [Global] is the variable of its meaning; a key without a value is none', async (t) => {
  const rows = [
    ['auth-url', 'OS_AUTH_URL'],
    ['user-id', 'OS_USER_ID'],
    ['username', 'OS_USERNAME'],
    ['password', 'OS_PASSWORD'],
    ['tenant-id', 'OS_PROJECT_ID'],
    ['tenant-name', 'OS_PROJECT_NAME'],
    ['trust-id', 'OS_TRUST_ID'],
    ['domain-id', 'OS_DOMAIN_ID'],
    ['domain-name', 'OS_DOMAIN_NAME'],
    ['tenant-domain-id', 'OS_PROJECT_DOMAIN_ID'],
    ['tenant-domain-name', 'OS_PROJECT_DOMAIN_NAME'],
    ['user-domain-id', 'OS_USER_DOMAIN_ID'],
    ['user-domain-name', 'OS_USER_DOMAIN_NAME'],
    ['region', 'OS_REGION_NAME'],
    ['os-endpoint-type', 'OS_INTERFACE'],
    ['ca-file', 'OS_CACERT'],
    ['application-credential-id', 'OS_APPLICATION_CREDENTIAL_ID'],
    ['application-credential-name', 'OS_APPLICATION_CREDENTIAL_NAME'],
    ['application-credential-secret', 'OS_APPLICATION_CREDENTIAL_SECRET'],
  ] as const
  const all = rows.map(([key]) => `${key} = of ${key}\n`).join('')
  const { env, keyId } = read(`[Global]\n${all}`)
  t.strictSame(env, Object.fromEntries(rows.map(([key, variable]) => [variable, `of ${key}`])))
  t.equal(keyId, undefined)
  t.strictSame(read(`[Global]\n${rows.map(([key]) => `${key} =\n`).join('')}`).env, {})
  t.strictSame(read(''), { env: {}, keyId: undefined }, 'an empty file says nothing')
})

t.test('use-clouds puts the cloud in place of everything else, and only when it is true', async (t) => {
  const text = (line: string) => `[Global]\n${line}\ncloud = c\nusername = u\n[KeyManager]\nkey-id = k\n`
  t.strictSame(read(text('use-clouds = true')), { env: { OS_CLOUD: 'c' }, keyId: 'k' })
  t.strictSame(read(text('use-clouds\nclouds-file = /c.yaml')), {
    env: { OS_CLOUD: 'c', OS_CLIENT_CONFIG_FILE: '/c.yaml' },
    keyId: 'k',
  })
  t.strictSame(read(text('use-clouds = false\nclouds-file = /c.yaml')), {
    env: { OS_USERNAME: 'u' },
    keyId: 'k',
  })
  t.strictSame(read('[Global]\nuse-clouds\n').env, { OS_CLOUD: '' }, 'no name is no cloud')
})

t.test('a value is read as git reads it', async (t) => {
  for (const [line, value] of [
    ['password=pw', 'pw'],
    ['password =  p w  ', 'p w'],
    ['password = "  p w  "', '  p w  '],
    ['password = " a"b" c "  ', ' ab c '],
    ['password = a "  " ', 'a   '],
    ['password = a"#"b # c', 'a#b'],
    ['password = a;b', 'a'],
    ['password = a#b', 'a'],
    ['password = a=b', 'a=b'],
    ['password = a\\nb\\tc\\bd', 'a\nb\tc\bd'],
    ['password = a\\"b\\\\c\\#d', 'a"b\\c#d'],
    ['password = a\\ ', 'a\\'],
    ['password = a\\  b', 'a  b'],
    ['password = "a\\"b"', 'a"b'],
    ['password\t=\tpw\t', 'pw'],
    ['password', 'true'],
    ['  PassWord  ', 'true'],
  ] as const)
    t.strictSame(read(`[Global]\n${line}\n`).env, { OS_PASSWORD: value }, line)
})

t.test('a section may come in parts, and a later value replaces an earlier one', async (t) => {
  t.strictSame(
    read('[Global]\nusername=a\npassword=p\n[KeyManager "x"] ; c\nkey-id=k\n[ GLOBAL ]\nusername=b\n'),
    { env: { OS_USERNAME: 'b', OS_PASSWORD: 'p' }, keyId: 'k' },
  )
})

t.test('the fault of a line says what was expected there', async (t) => {
  t.throws(() => read('[Global]\n= x'), /expected \[section\] or key = value$/)
  t.throws(() => read('username = x'), /expected a \[section\] before the first key$/)
  t.throws(() => read('[Global]\npassword = "x'), /quotes do not match$/)
})

t.test('a byte order mark is skipped at the start of the file alone', async (t) => {
  t.strictSame(read('\uFEFF[Global]\npassword = a\uFEFFb').env, { OS_PASSWORD: 'a\uFEFFb' })
  t.strictSame(read('[Global   "long name"]\nusername = u\n[Global ""]\npassword = p').env, {
    OS_USERNAME: 'u',
    OS_PASSWORD: 'p',
  })
})

t.test('a line that cannot be read is named by its number, never quoted', async (t) => {
  for (const [text, line] of [
    ['[Global]\npassword = "open', 2],
    ['username = x', 1],
    ['[Global]\n\n= secret', 3],
    ['[Global\nusername = x', 1],
    ['[Global] secret', 1],
    ['x [Global]', 1],
    ['[Global]\n9secret = x', 2],
    ['[Global]\na.secret', 2],
    ['[Global]\na secret', 2],
    ['[Global]\r\npassword = secret"', 2],
    ['[Glo bal]', 1],
    ['[Global "open]', 1],
  ] as const)
    t.throws(
      () => read(text),
      { code: 'CONFIG_INVALID', message: new RegExp(`cloud.conf, line ${line}: (?!.*(secret|open))`) },
      text,
    )
  t.throws(() => readCloudConf('/nonexistent/cloud.conf'), { code: 'FILE_UNREADABLE' })
})
