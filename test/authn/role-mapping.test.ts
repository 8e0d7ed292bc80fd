import t from 'tap'
import { applyRoleMappings, readRoleMappings } from '../../src/authn/role-mapping.ts'
import type { KeystoneToken } from '../../src/keystone/token-body.ts'

const USER = { username: 'alice', uid: 'u1', groups: ['ops', 'p1'], extra: { k: ['v'] } }
const TOKEN: KeystoneToken = {
  user: { id: 'u1', name: 'alice', domain: { id: 'd1', name: 'acme' } },
  scope: { kind: 'project', id: 'p1', name: 'demo', domain: { id: 'd1', name: 'acme' } },
  roles: ['member', 'reader'],
  methods: ['password', 'totp'],
  issuedAt: 0,
  expiresAt: 1,
}
const map = (...entries: object[]) =>
  applyRoleMappings(readRoleMappings({ 'role-mappings': entries }), TOKEN, USER)

t.test('groups of each fitting mapping are added in order, none twice', async (t) => {
  const { groups } = map(
    { 'keystone-role': 'reader', groups: ['view', 'ops'] },
    { 'keystone-role': 'admin', groups: ['never'] },
    { 'keystone-role': 'member', groups: ['edit', 'view'] },
  )
  t.same(groups, ['ops', 'p1', 'view', 'edit'])
})

t.test('the last user name that is not empty wins; uid and extra stay', async (t) => {
  const mapped = map(
    { 'keystone-role': 'member', username: 'one' },
    { 'keystone-role': 'reader', username: 'two' },
    { 'keystone-role': 'member', username: '' },
  )
  t.same(mapped, { ...USER, username: 'two' })
})

t.test('roles are compared exactly', async (t) => {
  t.same(map({ 'keystone-role': 'Member', username: 'x' }, { 'keystone-role': 'mem', groups: ['x'] }), USER)
})

t.test('project, domain and methods narrow a mapping', async (t) => {
  const fits = (more: object) =>
    map({ 'keystone-role': 'member', username: 'mapped', ...more }).username === 'mapped'
  t.ok(fits({ project: 'p1' }))
  t.notOk(fits({ project: 'demo' }))
  t.ok(fits({ domain: 'd1' }))
  t.ok(fits({ domain: 'acme' }))
  t.notOk(fits({ domain: 'other' }))
  t.ok(fits({ methods: ['totp'] }))
  t.notOk(fits({ methods: ['totp', 'application_credential'] }))
})

t.test('every fault of a file is told at once, by its place', async (t) => {
  t.throws(
    () =>
      readRoleMappings({
        'role-mappings': [
          { groups: 'x' },
          'y',
          { 'keystone-role': 'a', role: 'b' },
          { 'keystone-role': 'a', username: 1 },
        ],
      }),
    {
      code: 'ROLE_MAPPING_INVALID',
      message:
        'role-mappings[0].keystone-role: expected the name of a role; role-mappings[0].groups: expected a list of texts; ' +
        'role-mappings[1]: expected keys and values; role-mappings[2].role: there is no such key; ' +
        'role-mappings[3].username: expected a text',
    },
  )
})

t.test('a file without mappings maps nothing', async (t) => {
  t.same(readRoleMappings(null), [])
  t.same(readRoleMappings({}), [])
  t.same(readRoleMappings({ 'role-mappings': null }), [])
})

t.test('a file or list of another kind is refused by its place', async (t) => {
  for (const [file, place] of [
    ['text', /keys and values/],
    [[], /keys and values/],
    [7, /keys and values/],
    [{ 'role-mappings': {} }, /^role-mappings: .*list/],
    [{ 'role-mappings': 'all' }, /^role-mappings: .*list/],
  ] as const)
    t.throws(
      () => readRoleMappings(file),
      { code: 'ROLE_MAPPING_INVALID', message: place },
      JSON.stringify(file),
    )
  t.same(readRoleMappings(undefined), [])
})

t.test('each value of another kind is a fault of its own key', async (t) => {
  for (const [key, value, kind] of [
    ['keystone-role', ['member'], 'text'],
    ['keystone-role', '', 'name of a role'],
    ['keystone-role', null, 'name of a role'],
    ['username', 1, 'text'],
    ['username', ['alice'], 'text'],
    ['project', 1, 'text'],
    ['domain', {}, 'text'],
    ['groups', 'view', 'list'],
    ['groups', ['view', 1], 'list'],
    ['methods', 'totp', 'list'],
    ['methods', [null], 'list'],
    ['Groups', ['view'], 'no such key'],
  ] as const)
    t.throws(
      () =>
        readRoleMappings({
          'role-mappings': [{ 'keystone-role': 'a' }, { 'keystone-role': 'member', [key]: value }],
        }),
      { code: 'ROLE_MAPPING_INVALID', message: new RegExp(`role-mappings\\[1\\]\\.${key}: .*${kind}`) },
      `${key}: ${JSON.stringify(value)}`,
    )
})

t.test('a mapping is read whole; what is left out, null or empty narrows and gives nothing', async (t) => {
  const none = { username: undefined, groups: [], project: undefined, domain: undefined, methods: [] }
  const empty = { username: null, groups: null, project: '', domain: null, methods: [] }
  const whole = { username: 'dev', groups: ['a', 'b'], project: 'p1', domain: 'd1', methods: ['totp'] }
  t.strictSame(
    readRoleMappings({
      'role-mappings': [
        { 'keystone-role': 'member' },
        { 'keystone-role': 'reader', ...empty },
        { 'keystone-role': 'admin', ...whole },
      ],
    }),
    [
      { keystoneRole: 'member', ...none },
      { keystoneRole: 'reader', ...none },
      { keystoneRole: 'admin', ...whole },
    ],
  )
})

t.test(
  'a project is the token’s scope, never a domain of that id; a domain is the user’s, never the project’s',
  async (t) => {
    const other = { id: 'd2', name: 'globex' }
    const name = (more: object, scope: KeystoneToken['scope']) =>
      applyRoleMappings(
        readRoleMappings({ 'role-mappings': [{ 'keystone-role': 'member', username: 'mapped', ...more }] }),
        { ...TOKEN, scope },
        USER,
      ).username
    const project = { kind: 'project', id: 'p1', name: 'demo', domain: other } as const
    t.equal(name({ project: 'p1' }, project), 'mapped')
    t.equal(name({ project: 'p1' }, { kind: 'domain', id: 'p1', name: 'p1' }), 'alice')
    t.equal(name({ project: 'p1' }, { kind: 'system' }), 'alice')
    t.equal(name({}, { kind: 'system' }), 'mapped')
    for (const domain of ['d2', 'globex', 'u1', 'ACME']) t.equal(name({ domain }, project), 'alice', domain)
    for (const domain of ['d1', 'acme']) t.equal(name({ domain }, project), 'mapped', domain)
  },
)

t.test('a mapping needs all of its methods, and all of role, project, domain and methods', async (t) => {
  const whole = {
    'keystone-role': 'member',
    username: 'mapped',
    project: 'p1',
    domain: 'd1',
    methods: ['totp', 'password'],
  }
  t.equal(map(whole).username, 'mapped')
  for (const other of [
    { 'keystone-role': 'admin' },
    { project: 'p2' },
    { domain: 'd2' },
    { methods: ['totp', 'oauth1'] },
  ])
    t.strictSame(map({ ...whole, ...other }), USER, JSON.stringify(other))
})

t.test('a mapping without a name keeps the user’s, one without groups keeps the groups', async (t) => {
  t.strictSame(map({ 'keystone-role': 'member', groups: ['view'] }), {
    ...USER,
    groups: ['ops', 'p1', 'view'],
  })
  t.strictSame(map({ 'keystone-role': 'member', username: 'dev' }), { ...USER, username: 'dev' })
  t.strictSame(map(), USER)
})
