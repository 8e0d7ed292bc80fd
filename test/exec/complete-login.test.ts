import t from 'tap'
import type { SettingName } from '../../src/config/login-options.ts'
import { type Ask, completeLogin, missingSettings, SECRETS, tlsOf } from '../../src/exec/complete-login.ts'
import { somebody } from '../support/somebody.ts'
import { settingsOf } from '../support/token-source-world.ts'

const URL = { auth_url: 'https://a/v3' }
const USER = { ...URL, username: 'alice', password: 'secret' }
const ALICE = { name: 'alice', domain: { id: 'default' } }
const NO_TLS = { ca: undefined, cert: undefined, key: undefined }

const noTerminal = async () => undefined
const neverOpened = async () => {
  throw new Error('a terminal was looked for')
}

const secretly = (name: SettingName) => ({ name, secret: true, optional: false })
const openly = (name: SettingName) => ({ name, secret: false, optional: false })
const perhaps = (name: SettingName) => ({ name, secret: false, optional: true })

t.test('settings with all that is needed make a login of their kind, and nobody is asked', async (t) => {
  const credential = { application_credential_id: 'c1', application_credential_secret: 'hush' }
  for (const [values, method] of [
    [USER, { kind: 'user', user: ALICE, scope: undefined, password: 'secret' }],
    [
      { ...USER, user_domain_id: 'two', project_name: 'web', project_domain_name: 'Three' },
      {
        kind: 'user',
        user: { name: 'alice', domain: { id: 'two' } },
        scope: { project: { name: 'web', domain: { name: 'Three' } } },
        password: 'secret',
      },
    ],
    [
      { ...URL, user_id: 'u1', password: 'x' },
      { kind: 'user', user: { id: 'u1' }, scope: undefined, password: 'x' },
    ],
    [
      { ...URL, username: 'alice', passcode: '123456', auth_type: 'v3totp' },
      { kind: 'user', user: ALICE, scope: undefined, passcode: '123456' },
    ],
    [
      { ...URL, ...credential },
      { kind: 'application_credential', credential: { id: 'c1' }, secret: 'hush' },
    ],
    [
      { ...URL, ...credential, username: 'alice', password: 'x', auth_type: 'password' },
      { kind: 'user', user: ALICE, scope: undefined, password: 'x' },
    ],
    [
      { ...URL, token: 't', project_id: 'p' },
      { kind: 'token', token: 't', scope: { project: { id: 'p' } } },
    ],
  ] as const)
    t.strictSame(
      await completeLogin(settingsOf(values), neverOpened),
      { url: 'https://a/v3', tls: NO_TLS, method, asked: false } as never,
      JSON.stringify(values),
    )
})

t.test('files for TLS go along, each in its place', async (t) => {
  const settings = settingsOf({ ...USER, cacert: '/ca', cert: '/cert', key: '/key' })
  const tls = { ca: '/ca', cert: '/cert', key: '/key' }
  t.strictSame((await completeLogin(settings, neverOpened)).tls, tls)
  t.strictSame(tlsOf(settings), tls)
  t.strictSame(tlsOf({}), NO_TLS)
})

t.test('only what is missing is asked for, secrets without echo', async (t) => {
  for (const [values, answers, questions] of [
    [{ ...URL, username: 'alice' }, { password: 'typed' }, [secretly('password')]],
    [{ username: 'alice', password: 'x' }, { auth_url: 'https://b' }, [openly('auth_url')]],
    [
      { ...URL, username: 'alice', auth_type: 'v3multifactor' },
      { password: 'x', passcode: '1' },
      [secretly('password'), secretly('passcode')],
    ],
    [
      { ...URL, application_credential_id: 'c1' },
      { application_credential_secret: 'x' },
      [secretly('application_credential_secret')],
    ],
    [
      { ...URL, auth_type: 'v3applicationcredential' },
      { application_credential_id: 'c1', application_credential_secret: 'x' },
      [openly('application_credential_id'), secretly('application_credential_secret')],
    ],
    [{ ...URL, auth_type: 'token' }, { token: 'x' }, [secretly('token')]],
  ] as const) {
    const person = somebody(answers)
    const login = await completeLogin(settingsOf(values), person.open)
    t.strictSame(person.questions, questions as never, JSON.stringify(values))
    t.equal(login.asked, true)
    t.equal(login.url, 'auth_url' in values ? 'https://a/v3' : 'https://b')
  }
})

t.test('along with the user name, domain and project are asked for and may be left empty', async (t) => {
  const rest = [perhaps('user_domain_name'), perhaps('project_name'), secretly('password')]
  const full = somebody({ username: 'alice', user_domain_name: 'Two', project_name: 'web', password: 'x' })
  t.strictSame((await completeLogin(settingsOf(URL), full.open)).method, {
    kind: 'user',
    user: { name: 'alice', domain: { name: 'Two' } },
    scope: { project: { name: 'web', domain: { id: 'default' } } },
    password: 'x',
  })
  t.strictSame(full.questions, [openly('username'), ...rest])
  const short = somebody({ username: 'alice', password: 'x' })
  t.strictSame((await completeLogin(settingsOf(URL), short.open)).method, {
    kind: 'user',
    user: ALICE,
    scope: undefined,
    password: 'x',
  })
  const known = somebody({ username: 'alice' })
  await completeLogin(settingsOf({ ...URL, password: 'x', project_name: 'web' }), known.open)
  t.strictSame(known.questions, [openly('username'), perhaps('user_domain_name')])
  const credential = somebody({ username: 'alice' })
  const named = { application_credential_name: 'robot', application_credential_secret: 'x' }
  t.strictSame((await completeLogin(settingsOf({ ...URL, ...named }), credential.open)).method, {
    kind: 'application_credential',
    credential: { name: 'robot', user: ALICE },
    secret: 'x',
  })
})

t.test(
  'without a terminal all that is missing is named, with its variable and the flag of its file',
  async (t) => {
    for (const [values, ways] of [
      [
        {},
        [
          'auth_url .*OS_AUTH_URL or --keystone-url',
          'username .*OS_USERNAME or --user-name',
          'password .*OS_PASSWORD or --password-file',
        ],
      ],
      [{ ...URL, username: 'a' }, ['password .*OS_PASSWORD or --password-file']],
      [{ ...URL, username: 'a', auth_type: 'v3totp' }, ['passcode .*OS_PASSCODE or --passcode']],
      [
        { ...URL, application_credential_id: 'c' },
        [
          'application_credential_secret .*OS_APPLICATION_CREDENTIAL_SECRET or --application-credential-secret-file',
        ],
      ],
      [{ ...URL, auth_type: 'token' }, ['token .*OS_TOKEN or --token-file']],
    ] as const)
      await t.rejects(
        completeLogin(settingsOf(values), noTerminal),
        { code: 'LOGIN_INCOMPLETE', message: new RegExp(`^${ways.join('; ')}, .*clouds\\.yaml.*OS_CLOUD$`) },
        JSON.stringify(values),
      )
  },
)

t.test('what is still missing after the questions is named', async (t) => {
  await t.rejects(completeLogin(settingsOf({ ...URL, username: 'a' }), somebody({}).open), {
    code: 'LOGIN_INCOMPLETE',
    message: /^password /,
  })
  await t.rejects(completeLogin(settingsOf({ username: 'a', password: 'x' }), somebody({}).open), {
    code: 'LOGIN_INCOMPLETE',
    message: /^auth_url /,
  })
})

t.test('a question that is cancelled ends the login', async (t) => {
  const fault = new Error('cancelled')
  const ask: Ask = async () => {
    throw fault
  }
  await t.rejects(
    completeLogin(settingsOf({ ...URL, username: 'a' }), async () => ask),
    fault,
  )
})

t.test('the commands that give the secrets of the login are run, before anybody is asked', async (t) => {
  for (const [values, expected] of [
    [{ ...URL, username: 'a', password_command: 'echo p1' }, { password: 'p1' }],
    [
      { ...URL, username: 'a', password: 'x', passcode_command: 'echo 42', auth_type: 'v3multifactor' },
      { password: 'x', passcode: '42' },
    ],
    [
      { ...URL, application_credential_id: 'c', application_credential_secret_command: 'echo s1' },
      { credential: { id: 'c' }, secret: 's1' },
    ],
  ] as const)
    t.match((await completeLogin(settingsOf(values), neverOpened)).method, expected)
})

t.test('the commands of other kinds of login are not run', async (t) => {
  const other = { password_command: 'exit 1', passcode_command: 'exit 1' }
  const credential = { application_credential_id: 'c', application_credential_secret: 's' }
  t.match((await completeLogin(settingsOf({ ...URL, ...credential, ...other }), neverOpened)).method, {
    secret: 's',
  })
  t.match((await completeLogin(settingsOf({ ...URL, token: 't', ...other }), neverOpened)).method, {
    token: 't',
  })
  const secret = { application_credential_secret_command: 'exit 1' }
  t.match((await completeLogin(settingsOf({ ...USER, ...secret }), neverOpened)).method, {
    password: 'secret',
  })
})

t.test('a command that fails is told by its source, and nobody is asked in its place', async (t) => {
  await t.rejects(
    completeLogin(settingsOf({ ...URL, username: 'a', password_command: 'exit 3' }), neverOpened),
    {
      code: 'LOGIN_INCOMPLETE',
      message: /^environment password_command: .*exit code 3$/,
    },
  )
})

t.test('an auth type that is not known is refused with those that are, and not quoted', async (t) => {
  for (const type of ['v2password', 'toString', '__proto__']) {
    const settings = settingsOf({ ...USER, auth_type: type })
    const refused = {
      code: 'CONFIG_INVALID',
      message:
        /^environment auth_type: .*password, v3password, v3totp, v3multifactor, token, v3token, v3applicationcredential/,
    }
    await t.rejects(completeLogin(settings, neverOpened), refused)
    t.throws(() => missingSettings(settings), refused)
  }
})

t.test('what would be asked for is known without running a command', async (t) => {
  for (const [values, missing] of [
    [USER, []],
    [{}, ['auth_url', 'username', 'password']],
    [{ ...URL, username: 'a' }, ['password']],
    [{ ...URL, username: 'a', password_command: 'exit 1' }, []],
    [{ ...URL, user_id: 'a', password: 'x', auth_type: 'v3multifactor' }, ['passcode']],
    [{ ...URL, user_id: 'a', password: 'x', auth_type: 'v3multifactor', passcode_command: 'exit 1' }, []],
    [{ ...URL, application_credential_id: 'c' }, ['application_credential_secret']],
    [{ ...URL, application_credential_id: 'c', application_credential_secret_command: 'exit 1' }, []],
    [{ ...URL, application_credential_name: 'c', application_credential_secret: 'x' }, ['username']],
    [{ token: 't' }, ['auth_url']],
  ] as const)
    t.strictSame(missingSettings(settingsOf(values)), missing as never, JSON.stringify(values))
})

t.test('four settings are secrets', async (t) => {
  t.strictSame([...SECRETS].sort(), ['application_credential_secret', 'passcode', 'password', 'token'])
})
