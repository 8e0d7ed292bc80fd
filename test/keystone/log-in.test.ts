import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { loginBody } from '../../src/keystone/credentials.ts'
import { logIn } from '../../src/keystone/log-in.ts'
import { readTokenBody } from '../../src/keystone/token-body.ts'
import { type Scripted, scriptKeystone, tokenBody } from '../support/scripted-keystone.ts'

const { signal } = new AbortController()
const METHOD = {
  kind: 'user',
  user: { id: 'u' },
  password: 'pw',
  scope: { project: { id: 'p' } },
} as const
const ISSUED = { 'x-subject-token': 'issued' }

function enter(answer: Scripted, more: { catalog?: boolean; receipt?: string } = {}) {
  const { call, calls } = scriptKeystone(() => answer)
  const outcome = logIn({ call, url: 'http://h/v3', method: METHOD, catalog: true, signal, ...more })
  return { outcome, calls }
}

t.test('a log-in is one attempt that is never repeated and waits behind nothing', async (t) => {
  const good = { status: 201, headers: ISSUED, body: tokenBody() }
  const common = {
    operation: 'login',
    method: 'POST',
    body: loginBody(METHOD),
    signal,
    retry: false,
    ahead: true,
  }
  for (const [more, asked] of [
    [{ catalog: true }, { url: 'http://h/v3/auth/tokens' }],
    [{ catalog: false }, { url: 'http://h/v3/auth/tokens?nocatalog' }],
    [
      { catalog: true, receipt: 'r-1' },
      { url: 'http://h/v3/auth/tokens', headers: { 'openstack-auth-receipt': 'r-1' } },
    ],
  ] as const) {
    const { outcome, calls } = enter(good, more)
    await outcome
    t.strictSame(calls, [{ ...common, ...asked }])
    t.equal(calls[0]?.signal, signal)
  }
})

t.test('a log-in gives the token of the header, what it is good for and the services', async (t) => {
  const says = readTokenBody(tokenBody())
  const services = [{ type: 'identity' }, { type: 'key-manager' }]
  for (const [catalog, read] of [
    [services, services],
    [[], []],
    [undefined, []],
    [null, []],
    ['x', []],
    [{ 0: 'x' }, []],
  ]) {
    const { outcome } = enter({ status: 201, headers: ISSUED, body: tokenBody({ catalog }) })
    t.strictSame(await outcome, { token: 'issued', says, catalog: read })
  }
})

t.test('an answer that is not 201 is a refusal with its status, also when it holds a token', async (t) => {
  for (const status of [200, 204, 300, 400, 401, 403, 404, 409]) {
    const { outcome } = enter({ status, headers: ISSUED, body: tokenBody() })
    t.strictSame(await outcome, { status })
  }
})

t.test(
  'what is right but not enough comes with a receipt and the sets of methods that would do',
  async (t) => {
    const headers = { 'openstack-auth-receipt': 'r-1' }
    const needs = [['password', 'totp'], ['password', 'x509'], []]
    const { outcome } = enter({ status: 401, headers, body: { receipt: {}, required_auth_methods: needs } })
    t.strictSame(await outcome, { status: 401, receipt: { id: 'r-1', needs } })
    const some = { required_auth_methods: ['totp', ['password'], ['totp', 7], null, {}] }
    t.strictSame(await enter({ status: 401, headers, body: some }).outcome, {
      status: 401,
      receipt: { id: 'r-1', needs: [['password']] },
    })
    const halves: Scripted[] = [
      { status: 401, headers, body: {} },
      { status: 401, headers, body: undefined },
      { status: 401, headers, body: { required_auth_methods: 'totp' } },
      { status: 401, headers: {}, body: { required_auth_methods: needs } },
      { status: 401, headers: { 'openstack-auth-receipt': '' }, body: { required_auth_methods: needs } },
      {
        status: 401,
        headers: { 'openstack-auth-receipt': ['a', 'b'] },
        body: { required_auth_methods: needs },
      },
    ]
    for (const half of halves) t.strictSame(await enter(half).outcome, { status: 401 })
  },
)

t.test('a 201 without a token, or whose body is not whole, is an error', async (t) => {
  const rows: Scripted[] = [
    { status: 201, headers: {}, body: tokenBody() },
    { status: 201, headers: { 'x-subject-token': '' }, body: tokenBody() },
    { status: 201, headers: { 'x-subject-token': ['a', 'b'] }, body: tokenBody() },
    { status: 201, headers: ISSUED, body: undefined },
    { status: 201, headers: ISSUED, body: tokenBody({ expires_at: undefined }) },
  ]
  for (const row of rows)
    await t.rejects(enter(row).outcome, { code: 'KEYSTONE_BAD_ANSWER', message: /token/ })
  const down = enter(new PortcullisError('HTTP_UNREACHABLE', 'down')).outcome
  await t.rejects(down, { code: 'HTTP_UNREACHABLE' })
})
