import t from 'tap'
import { isSystemScoped, type LoginMethod, loginBody } from '../../src/keystone/credentials.ts'

const ALICE = { name: 'alice', domain: { id: 'd-red' } }
const SCOPES = [
  { project: { id: 'p' } },
  { project: { name: 'shop', domain: { name: 'blue' } } },
  { domain: { id: 'd' } },
  { 'OS-TRUST:trust': { id: 'trust' } },
  { system: { all: true } },
] as const

t.test('the body of a log-in holds exactly what is given, each proof under its own method', async (t) => {
  const scope = undefined
  const rows: [LoginMethod, object][] = [
    [
      { kind: 'user', user: ALICE, password: 'pw', scope },
      { methods: ['password'], password: { user: { ...ALICE, password: 'pw' } } },
    ],
    [
      { kind: 'user', user: { id: 'u' }, passcode: '123456', scope },
      { methods: ['totp'], totp: { user: { id: 'u', passcode: '123456' } } },
    ],
    [
      { kind: 'user', user: { id: 'u' }, password: 'pw', passcode: '123456', scope },
      {
        methods: ['password', 'totp'],
        password: { user: { id: 'u', password: 'pw' } },
        totp: { user: { id: 'u', passcode: '123456' } },
      },
    ],
    [
      { kind: 'user', user: ALICE, password: '', scope },
      { methods: ['password'], password: { user: { ...ALICE, password: '' } } },
    ],
    [
      { kind: 'application_credential', credential: { id: 'c' }, secret: 's' },
      { methods: ['application_credential'], application_credential: { id: 'c', secret: 's' } },
    ],
    [
      { kind: 'application_credential', credential: { name: 'ci', user: ALICE }, secret: 's' },
      {
        methods: ['application_credential'],
        application_credential: { name: 'ci', user: ALICE, secret: 's' },
      },
    ],
    [
      { kind: 'token', token: 'tok', scope },
      { methods: ['token'], token: { id: 'tok' } },
    ],
  ]
  for (const [method, identity] of rows) t.strictSame(loginBody(method), { auth: { identity } })
})

t.test('a scope is asked for as it is given; an application credential brings its own', async (t) => {
  for (const scope of SCOPES) {
    t.strictSame(loginBody({ kind: 'token', token: 'tok', scope }), {
      auth: { identity: { methods: ['token'], token: { id: 'tok' } }, scope },
    })
    t.strictSame(loginBody({ kind: 'user', user: { id: 'u' }, password: 'pw', scope }), {
      auth: { identity: { methods: ['password'], password: { user: { id: 'u', password: 'pw' } } }, scope },
    })
    const carried = { kind: 'application_credential', credential: { id: 'c' }, secret: 's', scope } as const
    t.notOk('scope' in (loginBody(carried) as { auth: object }).auth)
  }
})

t.test('only a log-in for the system is system-scoped', async (t) => {
  for (const scope of SCOPES) {
    const system = 'system' in scope
    t.equal(isSystemScoped({ kind: 'user', user: ALICE, password: 'pw', scope }), system)
    t.equal(isSystemScoped({ kind: 'token', token: 'tok', scope }), system)
    const carried = { kind: 'application_credential', credential: { id: 'c' }, secret: 's', scope } as const
    t.equal(isSystemScoped(carried), false)
  }
  t.equal(isSystemScoped({ kind: 'user', user: ALICE, password: 'pw', scope: undefined }), false)
  t.equal(isSystemScoped({ kind: 'application_credential', credential: { id: 'c' }, secret: 's' }), false)
})
