import t from 'tap'
import { type OpenStackSettings, readOpenStackSettings } from '../../src/config/openstack-credentials.ts'
import { loginBody } from '../../src/keystone/credentials.ts'

const settingsOf = (env: Record<string, string>) => readOpenStackSettings(env) as OpenStackSettings
const body = (env: Record<string, string>) => {
  const settings = readOpenStackSettings(env)
  return settings && JSON.parse(JSON.stringify(loginBody(settings.credentials.method))).auth
}

t.test('an environment that names nobody gives no credentials', async (t) => {
  t.equal(readOpenStackSettings({ OS_AUTH_URL: 'http://k/v3', OS_REGION_NAME: 'R' }), undefined)
})

t.test('a password log-in takes user, project and their domains by name or id', async (t) => {
  t.same(
    body({
      OS_USERNAME: 'svc',
      OS_PASSWORD: 'pw',
      OS_PROJECT_NAME: 'p',
      OS_USER_DOMAIN_NAME: 'U',
      OS_PROJECT_DOMAIN_ID: 'd',
    }),
    {
      identity: {
        methods: ['password'],
        password: { user: { name: 'svc', domain: { name: 'U' }, password: 'pw' } },
      },
      scope: { project: { name: 'p', domain: { id: 'd' } } },
    },
  )
  t.same(body({ OS_USER_ID: 'u', OS_PASSWORD: 'pw', OS_SYSTEM_SCOPE: 'all' }), {
    identity: { methods: ['password'], password: { user: { id: 'u', password: 'pw' } } },
    scope: { system: { all: true } },
  })
})

t.test('an application credential logs in without a scope', async (t) => {
  t.same(body({ OS_APPLICATION_CREDENTIAL_ID: 'i', OS_APPLICATION_CREDENTIAL_SECRET: 's' }), {
    identity: { methods: ['application_credential'], application_credential: { id: 'i', secret: 's' } },
  })
  t.same(
    body({ OS_APPLICATION_CREDENTIAL_NAME: 'n', OS_USER_ID: 'u', OS_APPLICATION_CREDENTIAL_SECRET: 's' })
      .identity.application_credential,
    { name: 'n', user: { id: 'u' }, secret: 's' },
  )
})

t.test('each of the four ways to say who logs in is enough to look for credentials', async (t) => {
  const secret = { OS_PASSWORD: 'p', OS_APPLICATION_CREDENTIAL_SECRET: 's', OS_USER_DOMAIN_ID: 'd' }
  t.equal(readOpenStackSettings({ ...secret, OS_PROJECT_ID: 'x', OS_TOKEN: 't' }), undefined)
  const none = { OS_USER_ID: '', OS_USERNAME: '', OS_APPLICATION_CREDENTIAL_ID: '' }
  t.equal(readOpenStackSettings({ ...secret, ...none, OS_APPLICATION_CREDENTIAL_NAME: '' }), undefined)
  for (const [name, methods] of [
    ['OS_USER_ID', ['password']],
    ['OS_USERNAME', ['password']],
    ['OS_APPLICATION_CREDENTIAL_ID', ['application_credential']],
  ] as const)
    t.strictSame(body({ ...secret, [name]: 'x', OS_SYSTEM_SCOPE: 'all' }).identity.methods, methods, name)
  t.throws(() => readOpenStackSettings({ ...secret, OS_APPLICATION_CREDENTIAL_NAME: 'x' }), {
    code: 'CONFIG_INVALID',
    message: /user/,
  })
})

t.test('an application credential beats a user, by id or by name', async (t) => {
  const both = { OS_USERNAME: 'u', OS_USER_DOMAIN_ID: 'd', OS_PASSWORD: 'p', OS_PROJECT_ID: 'x' }
  const secret = { OS_APPLICATION_CREDENTIAL_SECRET: 's' }
  for (const name of ['OS_APPLICATION_CREDENTIAL_ID', 'OS_APPLICATION_CREDENTIAL_NAME'])
    t.strictSame(body({ ...both, ...secret, [name]: 'a' }).identity.methods, ['application_credential'], name)
  t.strictSame(body({ ...both, ...secret }).identity.methods, ['password'], 'a secret alone is none')
})

t.test('a service logs in by password, whatever a person of that environment is asked for', async (t) => {
  const env = { OS_USER_ID: 'u', OS_PASSWORD: 'p', OS_PROJECT_ID: 'x' }
  t.strictSame(
    body({ ...env, OS_AUTH_TYPE: 'v3totp', OS_PASSCODE: '123456' }),
    body(env),
    'no one-time passcode is sent twice',
  )
})

t.test('address, authorities, region and interface come from the environment', async (t) => {
  const env = { OS_USER_ID: 'u', OS_PASSWORD: 'p', OS_PROJECT_ID: 'x' }
  const { credentials: bare, ...rest } = settingsOf(env)
  t.strictSame(rest, { authUrl: undefined, caFile: undefined })
  t.match(bare, { region: undefined, interface: 'public' })
  const more = { OS_AUTH_URL: 'http://k', OS_CACERT: '/ca.pem', OS_REGION_NAME: 'R1' }
  const { credentials, ...settings } = settingsOf({ ...env, ...more })
  t.strictSame(settings, { authUrl: 'http://k', caFile: '/ca.pem' })
  t.equal(credentials.region, 'R1')
})

t.test('the interface is public, internal or admin, also in the words of old clients', async (t) => {
  const side = (more: Record<string, string>) =>
    readOpenStackSettings({ OS_USER_ID: 'u', OS_PASSWORD: 'p', OS_PROJECT_ID: 'x', ...more })?.credentials
      .interface
  for (const word of ['public', 'internal', 'admin'] as const) {
    t.equal(side({ OS_INTERFACE: word }), word)
    t.equal(side({ OS_INTERFACE: `${word}URL` }), word)
    t.equal(side({ OS_ENDPOINT_TYPE: `${word}URL` }), word)
  }
  t.equal(side({ OS_INTERFACE: 'admin', OS_ENDPOINT_TYPE: 'internalURL' }), 'admin')
  t.equal(side({ OS_INTERFACE: '', OS_ENDPOINT_TYPE: 'internalURL' }), 'internal')
  for (const word of ['publicURLs', 'URLpublic', 'private', 'URL'])
    t.throws(() => side({ OS_INTERFACE: word }), {
      code: 'CONFIG_INVALID',
      message: /interface: expected public, internal or admin/,
    })
})

t.test('only variables whose name begins with OS_ count', async (t) => {
  t.equal(
    readOpenStackSettings({ XOS_USERNAME: 'u', USERNAME: 'u', os_username: 'u', PASSWORD: 'p' }),
    undefined,
  )
  t.equal(readOpenStackSettings({ 'X-OS_USER_ID': 'u', ABCUSER_ID: 'u' }), undefined)
})

t.test('half credentials are a fault that names what is missing', async (t) => {
  t.throws(() => readOpenStackSettings({ OS_USERNAME: 'svc' }), {
    code: 'CONFIG_INVALID',
    message: /password is missing/,
  })
  t.throws(() => readOpenStackSettings({ OS_APPLICATION_CREDENTIAL_ID: 'i' }), {
    message: /secret is missing/,
  })
})

t.test('without OS_CLOUD no clouds.yaml is read, and with it no other variable counts', async (t) => {
  const { credentials } = settingsOf({
    ...{ OS_CLOUD: '', OS_CLIENT_CONFIG_FILE: '/nowhere' },
    ...{ OS_USER_ID: 'u', OS_PASSWORD: 'p', OS_PROJECT_ID: 'x' },
  })
  t.equal(credentials.interface, 'public')
  const file = `${t.testdir({ 'c.yaml': 'clouds: {c: {region_name: R, auth: {auth_url: http://c}}}' })}/c.yaml`
  t.equal(
    readOpenStackSettings({ OS_CLOUD: 'c', OS_CLIENT_CONFIG_FILE: file, OS_USER_ID: 'u', OS_PASSWORD: 'p' }),
    undefined,
    'the cloud names nobody',
  )
})

t.test('OS_CLOUD reads clouds.yaml with secure.yaml beside it', async (t) => {
  const dir = t.testdir({
    'clouds.yaml':
      'clouds:\n  c:\n    region_name: R1\n    interface: internal\n    cacert: /ca.pem\n    auth: {auth_url: "http://k/v3", username: svc, project_name: p, user_domain_id: default, project_domain_id: default}\n',
    'secure.yaml': 'clouds:\n  c:\n    auth: {password: hidden}\n',
  })
  const env = { OS_CLOUD: 'c', OS_CLIENT_CONFIG_FILE: `${dir}/clouds.yaml` }
  const settings = readOpenStackSettings(env)
  t.match(settings, {
    authUrl: 'http://k/v3',
    caFile: '/ca.pem',
    credentials: { region: 'R1', interface: 'internal' },
  })
  t.equal(body(env).identity.password.user.password, 'hidden')
  t.throws(() => readOpenStackSettings({ ...env, OS_CLOUD: 'x' }), { message: /there is no cloud x/ })
})
