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
