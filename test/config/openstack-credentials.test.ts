import t from 'tap'
import { readOpenStackSettings } from '../../src/config/openstack-credentials.ts'
import { loginBody } from '../../src/keystone/credentials.ts'

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

t.test('half credentials are a fault that names what is missing', async (t) => {
  t.throws(() => readOpenStackSettings({ OS_USERNAME: 'svc' }), {
    code: 'CONFIG_INVALID',
    message: /password is missing/,
  })
  t.throws(() => readOpenStackSettings({ OS_APPLICATION_CREDENTIAL_ID: 'i' }), {
    message: /secret is missing/,
  })
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
