import t from 'tap'
import { type LoginValues, toLoginMethod, toScope } from '../../src/keystone/login-method.ts'

const ALICE = { username: 'alice', user_domain_id: 'd-red' }
const USER = { name: 'alice', domain: { id: 'd-red' } }
const BOTH = { password: 'pw', passcode: '123456' }

t.test('a user proves with what the kind of log-in takes', async (t) => {
  const rows: [LoginValues, object][] = [
    [{ password: 'pw' }, { password: 'pw' }],
    [{ passcode: '123456' }, { passcode: '123456' }],
    [BOTH, BOTH],
    [{ ...BOTH, auth_type: 'password' }, { password: 'pw' }],
    [{ ...BOTH, auth_type: 'v3password' }, { password: 'pw' }],
    [{ ...BOTH, auth_type: 'v3totp' }, { passcode: '123456' }],
    [{ ...BOTH, auth_type: 'v3multifactor' }, BOTH],
    [{ password: 'pw', passcode: '' }, { password: 'pw' }],
    [{ password: '', passcode: '123456' }, { passcode: '123456' }],
    [{ passcode: '123456', auth_type: 'v3totp' }, { passcode: '123456' }],
  ]
  for (const [values, proofs] of rows)
    t.strictSame(
      toLoginMethod('user', { ...ALICE, ...values }),
      { kind: 'user', user: USER, scope: undefined, ...proofs },
      JSON.stringify(values),
    )
})

t.test('what a log-in of a user lacks is named', async (t) => {
  const rows: [LoginValues, string[]][] = [
    [{}, ['username', 'password']],
    [{ password: 'pw' }, ['username']],
    [{ passcode: '123456' }, ['username']],
    [{ username: '', password: 'pw' }, ['username']],
    [{ ...ALICE }, ['password']],
    [{ ...ALICE, password: '', passcode: '' }, ['password']],
    [{ ...ALICE, auth_type: 'v3password', passcode: '123456' }, ['password']],
    [{ ...ALICE, auth_type: 'v3totp' }, ['passcode']],
    [{ ...ALICE, auth_type: 'v3totp', password: 'pw' }, ['passcode']],
    [{ ...ALICE, auth_type: 'v3multifactor' }, ['password', 'passcode']],
    [{ ...ALICE, auth_type: 'v3multifactor', password: 'pw' }, ['passcode']],
    [{ ...ALICE, auth_type: 'v3multifactor', passcode: '123456' }, ['password']],
    [{ auth_type: 'v3totp' }, ['username', 'passcode']],
  ]
  for (const [values, missing] of rows)
    t.strictSame(toLoginMethod('user', values), { missing }, JSON.stringify(values))
})

t.test('a user is an id, or a name in the nearest domain that is named', async (t) => {
  const rows: [LoginValues, object][] = [
    [{ user_id: 'u', username: 'alice', user_domain_id: 'd-red' }, { id: 'u' }],
    [
      { user_id: '', username: 'alice', user_domain_id: 'd-red' },
      { name: 'alice', domain: { id: 'd-red' } },
    ],
    [{ username: 'alice' }, { name: 'alice', domain: { id: 'default' } }],
    [
      { username: 'alice', project_domain_id: 'd-blue' },
      { name: 'alice', domain: { id: 'default' } },
    ],
  ]
  for (const [values, user] of rows) {
    t.match(toLoginMethod('user', { ...values, password: 'pw' }), { user })
    const found = toLoginMethod('user', { ...values, password: 'pw' }) as { user: object }
    t.strictSame(found.user, user, JSON.stringify(values))
  }
})

/** From the one that counts most to the one that counts least. */
const domains = (kind: string): [string, object][] => [
  [`${kind}_domain_id`, { id: 'value-0' }],
  [`${kind}_domain_name`, { name: 'value-1' }],
  ['domain_id', { id: 'value-2' }],
  ['domain_name', { name: 'value-3' }],
  ['default_domain_id', { id: 'value-4' }],
  ['default_domain', { id: 'value-5' }],
  ['default_domain_name', { name: 'value-6' }],
]

t.test('of the ways to name a domain the nearest counts, for users and projects alike', async (t) => {
  for (const kind of ['user', 'project']) {
    const ways = domains(kind)
    for (const [first, [, domain]] of ways.entries()) {
      const values = Object.fromEntries(
        ways.map(([name], index) => [name, index < first ? undefined : `value-${index}`]),
      )
      if (kind === 'project')
        t.strictSame(toScope({ ...values, project_name: 'shop' }), { project: { name: 'shop', domain } })
      else
        t.strictSame(toLoginMethod('user', { ...values, username: 'alice', password: 'pw', trust_id: 't' }), {
          kind: 'user',
          user: { name: 'alice', domain },
          scope: { 'OS-TRUST:trust': { id: 't' } },
          password: 'pw',
        })
    }
  }
})

t.test('the scope is the system, a trust, a project or a domain: the first that is named', async (t) => {
  const ways: [LoginValues, object][] = [
    [{ system_scope: 'all' }, { system: { all: true } }],
    [{ trust_id: 'trust' }, { 'OS-TRUST:trust': { id: 'trust' } }],
    [{ project_id: 'p' }, { project: { id: 'p' } }],
    [{ tenant_id: 'p-old' }, { project: { id: 'p-old' } }],
    [{ project_name: 'shop', project_domain_id: 'd' }, { project: { name: 'shop', domain: { id: 'd' } } }],
    [{ tenant_name: 'store', project_domain_id: 'd' }, { project: { name: 'store', domain: { id: 'd' } } }],
    [{ domain_id: 'd-1' }, { domain: { id: 'd-1' } }],
    [{ domain_name: 'red' }, { domain: { name: 'red' } }],
  ]
  for (const [first, [values, scope]] of ways.entries()) {
    t.strictSame(toScope(values), scope)
    const later = Object.assign(
      {},
      ...ways
        .slice(first)
        .map(([more]) => more)
        .reverse(),
    )
    const all = toScope({ ...later, project_domain_id: 'd' })
    t.strictSame(all, scope, `before all that comes later: ${Object.keys(values)}`)
  }
})

t.test(
  'without a place there is no scope; an empty value names nothing, a domain of the user no scope',
  async (t) => {
    const none: LoginValues[] = [
      {},
      { ...ALICE, user_domain_name: 'red' },
      { project_domain_id: 'd', project_domain_name: 'red' },
      { default_domain: 'd', default_domain_id: 'd', default_domain_name: 'red' },
      { system_scope: '', trust_id: '', project_id: '', project_name: '', domain_id: '', domain_name: '' },
    ]
    for (const values of none) t.equal(toScope(values), undefined, JSON.stringify(values))
    t.strictSame(toScope({ project_name: 'shop' }), { project: { name: 'shop', domain: { id: 'default' } } })
  },
)

t.test('a token logs in for the scope that is named', async (t) => {
  t.strictSame(toLoginMethod('token', { token: 'tok', project_id: 'p', password: 'pw' }), {
    kind: 'token',
    token: 'tok',
    scope: { project: { id: 'p' } },
  })
  t.strictSame(toLoginMethod('token', { token: 'tok' }), { kind: 'token', token: 'tok', scope: undefined })
  for (const values of [{}, { token: '' }, { ...ALICE, password: 'pw' }])
    t.strictSame(toLoginMethod('token', values), { missing: ['token'] })
})

t.test('an application credential is an id, or a name with its user; its scope is its own', async (t) => {
  const id = { application_credential_id: 'c' }
  const name = { application_credential_name: 'ci' }
  const secret = { application_credential_secret: 's' }
  const rows: [LoginValues, object][] = [
    [{ ...id, ...secret }, { id: 'c' }],
    [{ ...id, ...name, ...ALICE, ...secret, project_id: 'p' }, { id: 'c' }],
    [
      { ...name, ...ALICE, ...secret },
      { name: 'ci', user: USER },
    ],
    [
      { ...name, user_id: 'u', ...secret, application_credential_id: '' },
      { name: 'ci', user: { id: 'u' } },
    ],
  ]
  for (const [values, credential] of rows)
    t.strictSame(toLoginMethod('application_credential', values), {
      kind: 'application_credential',
      credential,
      secret: 's',
    })
  const lacks: [LoginValues, string[]][] = [
    [{}, ['application_credential_id', 'application_credential_secret']],
    [secret, ['application_credential_id']],
    [{ ...ALICE, ...secret }, ['application_credential_id']],
    [id, ['application_credential_secret']],
    [{ ...id, application_credential_secret: '' }, ['application_credential_secret']],
    [{ ...name, ...ALICE }, ['application_credential_secret']],
    [{ ...name, ...secret }, ['username']],
    [name, ['username', 'application_credential_secret']],
    [{ ...id, ...name }, ['application_credential_secret']],
  ]
  for (const [values, missing] of lacks)
    t.strictSame(toLoginMethod('application_credential', values), { missing }, JSON.stringify(values))
})
