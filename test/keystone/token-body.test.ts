import fc from 'fast-check'
import t from 'tap'
import { readTokenBody } from '../../src/keystone/token-body.ts'
import { tokenBody } from '../support/scripted-keystone.ts'

const RED = { id: 'd-red', name: 'red' }
const BLUE = { id: 'd-blue', name: 'blue' }
/** What is no text that names something. */
const NO_TEXT = [undefined, null, '', 7, true, {}, ['text']]
const NO_RECORD = [null, 'text', 7, true, []]

t.test(
  'a token body is read whole: user with domain, scope with domain, roles, methods and times',
  async (t) => {
    t.strictSame(readTokenBody(tokenBody()), {
      user: { id: 'u-alice', name: 'alice', domain: RED },
      scope: { kind: 'project', id: 'p-red', name: 'shop', domain: BLUE },
      roles: ['member'],
      methods: ['password'],
      issuedAt: Date.parse('2026-06-01T00:00:00Z'),
      expiresAt: Date.parse('2026-06-01T01:00:00Z'),
    })
  },
)

t.test('of names and ids no other member is taken over', async (t) => {
  const extra = { description: 'x', enabled: true }
  const read = readTokenBody(
    tokenBody({
      user: { id: 'u', name: 'n', domain: { ...RED, ...extra }, ...extra },
      project: { id: 'p', name: 's', domain: { ...BLUE, ...extra }, ...extra },
    }),
  )
  t.strictSame(read?.user, { id: 'u', name: 'n', domain: RED })
  t.strictSame(read?.scope, { kind: 'project', id: 'p', name: 's', domain: BLUE })
})

t.test('the scope is the project, else the domain, else the system, else none', async (t) => {
  const none = { project: undefined }
  const rows: [Record<string, unknown>, unknown][] = [
    [
      { domain: BLUE, system: { all: true } },
      { kind: 'project', id: 'p-red', name: 'shop', domain: BLUE },
    ],
    [
      { ...none, domain: BLUE },
      { kind: 'domain', ...BLUE },
    ],
    [
      { ...none, domain: BLUE, system: { all: true } },
      { kind: 'domain', ...BLUE },
    ],
    [{ ...none, system: { all: true } }, { kind: 'system' }],
    [none, { kind: 'unscoped' }],
  ]
  for (const [more, scope] of rows) t.strictSame(readTokenBody(tokenBody(more))?.scope, scope)
})

t.test('a scope that is named but not whole makes the body none, never a smaller scope', async (t) => {
  const project = { id: 'p', name: 's', domain: BLUE }
  const bad: Record<string, unknown>[] = [
    ...NO_RECORD.flatMap((value) => [{ project: value }, { project: undefined, domain: value }]),
    ...NO_RECORD.map((domain) => ({ project: { ...project, domain } })),
    ...NO_TEXT.flatMap((value) => [
      { project: { ...project, id: value } },
      { project: { ...project, name: value } },
      { project: { ...project, domain: { ...BLUE, id: value } } },
      { project: { ...project, domain: { ...BLUE, name: value } } },
      { project: undefined, domain: { ...BLUE, id: value } },
      { project: undefined, domain: { ...BLUE, name: value } },
    ]),
  ]
  for (const more of bad) t.equal(readTokenBody(tokenBody(more)), undefined, JSON.stringify(more))
})

t.test('a user without id, name, domain id or domain name is none', async (t) => {
  const user = { id: 'u', name: 'n', domain: RED }
  const bad: unknown[] = [
    ...NO_RECORD,
    undefined,
    ...NO_RECORD.map((domain) => ({ ...user, domain })),
    ...NO_TEXT.flatMap((value) => [
      { ...user, id: value },
      { ...user, name: value },
      { ...user, domain: { ...RED, id: value } },
      { ...user, domain: { ...RED, name: value } },
    ]),
  ]
  for (const value of bad)
    t.equal(readTokenBody(tokenBody({ user: value })), undefined, JSON.stringify(value))
})

t.test('what is no object with a token is no body', async (t) => {
  for (const value of [undefined, ...NO_RECORD, {}]) {
    t.equal(readTokenBody(value), undefined)
    t.equal(readTokenBody({ token: value }), undefined)
  }
  t.equal(readTokenBody([tokenBody()]), undefined)
})

t.test('roles are sorted and each is there once; without roles there are none', async (t) => {
  const roles = (...names: unknown[]) =>
    readTokenBody(tokenBody({ roles: names.map((name) => ({ name })) }))?.roles
  t.strictSame(roles('reader', 'admin', 'member', 'admin'), ['admin', 'member', 'reader'])
  t.strictSame(roles(), [])
  t.strictSame(readTokenBody(tokenBody({ roles: undefined }))?.roles, [])
  t.strictSame(readTokenBody(tokenBody({ roles: null }))?.roles, [])
})

t.test(
  'a role list with one role that cannot be read makes the body none, never a shorter list',
  async (t) => {
    const good = { name: 'member' }
    for (const bad of [...NO_RECORD, ...NO_TEXT.map((name) => ({ id: 'r', name }))])
      for (const roles of [[bad], [good, bad], [bad, good]])
        t.equal(readTokenBody(tokenBody({ roles })), undefined, JSON.stringify(roles))
    for (const roles of ['member', 7, good, true]) t.equal(readTokenBody(tokenBody({ roles })), undefined)
  },
)

t.test('methods are the texts of the list', async (t) => {
  t.strictSame(readTokenBody(tokenBody({ methods: ['token', 'password'] }))?.methods, ['token', 'password'])
  t.strictSame(readTokenBody(tokenBody({ methods: ['token', 7, '', null] }))?.methods, ['token'])
  for (const methods of [undefined, null, 'password', { 0: 'password' }])
    t.strictSame(readTokenBody(tokenBody({ methods }))?.methods, [])
})

t.test('times are in UTC to the millisecond; another zone or no time makes the body none', async (t) => {
  const read = readTokenBody(
    tokenBody({ issued_at: '2026-06-01T02:03:04.567000Z', expires_at: '2026-06-02T05:06:07Z' }),
  )
  t.equal(read?.issuedAt, Date.UTC(2026, 5, 1, 2, 3, 4, 567))
  t.equal(read?.expiresAt, Date.UTC(2026, 5, 2, 5, 6, 7))
  const bad = ['2026-06-01T00:00:00', '2026-06-01T00:00:00+02:00', 'Z', 'soonZ', '2026-06-31T25:00:00Z']
  for (const value of [...NO_TEXT, ...bad])
    for (const name of ['issued_at', 'expires_at'])
      t.equal(readTokenBody(tokenBody({ [name]: value })), undefined, `${name} ${value}`)
  const epoch = readTokenBody(tokenBody({ issued_at: '1970-01-01T00:00:00Z' }))
  t.equal(epoch?.issuedAt, 0, 'a time of 0 is a time')
})

t.test('access rules are read whole, also when there are none that allow', async (t) => {
  const first = { service: 'compute', method: 'GET', path: '/v2.1/servers' }
  const second = { service: 'image', method: 'POST', path: '/v2/**' }
  const rulesOf = (credential: unknown) => readTokenBody(tokenBody({ application_credential: credential }))
  t.strictSame(rulesOf({ access_rules: [{ id: 'x', ...first }, second] })?.accessRules, [first, second])
  t.strictSame(rulesOf({ access_rules: [] })?.accessRules, [])
  for (const credential of [undefined, { id: 'c' }, { access_rules: null }, { access_rules: undefined }])
    t.strictSame(rulesOf(credential), readTokenBody(tokenBody()), 'unrestricted: no member at all')
  for (const bad of [
    ...NO_RECORD,
    ...Object.keys(first).flatMap((name) => NO_TEXT.map((v) => ({ ...first, [name]: v }))),
  ])
    for (const list of [[bad], [second, bad], [bad, second]])
      t.equal(rulesOf({ access_rules: list }), undefined, JSON.stringify(list))
  for (const list of ['none', 7, first, false]) t.equal(rulesOf({ access_rules: list }), undefined)
})

t.test('whatever a body holds, reading gives a whole token or none', async () => {
  const parts = Object.keys(tokenBody().token)
  fc.assert(
    fc.property(fc.constantFrom(...parts), fc.jsonValue(), (name, value) => {
      const read = readTokenBody(tokenBody({ [name]: value }))
      return (
        read === undefined ||
        (typeof read.user.domain.id === 'string' &&
          Number.isFinite(read.expiresAt) &&
          read.roles.every(Boolean))
      )
    }),
    { numRuns: 100 },
  )
})
