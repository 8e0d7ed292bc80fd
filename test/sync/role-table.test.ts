import t from 'tap'
import { errorText } from '../../src/errors.ts'
import { readRoleTable, sameName } from '../../src/sync/role-table.ts'

t.test('without a table each role is bound to the ClusterRole of its name', async (t) => {
  for (const file of [undefined, null, {}, { 'role-bindings': null }, { 'other-key': [] }, 'text', []]) {
    const table = readRoleTable(file)
    t.strictSame(table('member'), { kind: 'ClusterRole', name: 'member' }, JSON.stringify(file))
    t.strictSame(table('view'), { kind: 'ClusterRole', name: 'view' })
  }
  t.strictSame(sameName('admin'), { kind: 'ClusterRole', name: 'admin' })
})

t.test('with a table a role is bound to what it names, and other roles to nothing', async (t) => {
  const table = readRoleTable({
    'role-bindings': [
      { 'keystone-role': 'member', 'cluster-role': 'edit' },
      { 'keystone-role': 'reader', role: 'viewer' },
    ],
  })
  t.strictSame(table('member'), { kind: 'ClusterRole', name: 'edit' })
  t.strictSame(table('reader'), { kind: 'Role', name: 'viewer' })
  for (const role of ['admin', 'edit', 'viewer', 'Member', '']) t.equal(table(role), undefined, role)
  t.equal(readRoleTable({ 'role-bindings': [] })('member'), undefined, 'an empty table binds nothing')
})

t.test('an invalid table is reported with every fault', async (t) => {
  const told = (list: unknown) => {
    try {
      readRoleTable({ 'role-bindings': list })
      return 'well'
    } catch (error) {
      return errorText(error)
    }
  }
  t.equal(told([{ 'keystone-role': 'a', role: 'b' }]), 'well')
  t.equal(told('x'), 'role-bindings: expected a list')
  t.equal(told({}), 'role-bindings: expected a list')
  t.equal(
    told([
      { role: 'b' },
      { 'keystone-role': 'a', role: 'b', 'cluster-role': 'c' },
      { 'keystone-role': 'a', rule: 'b' },
    ]),
    'role-bindings[0]: keystone-role: expected the name of a role; role-bindings[1]: expected either cluster-role or role; ' +
      'role-bindings[2]: there is no key rule',
  )
  const twice = { 'keystone-role': 'a', role: 'b' }
  t.equal(told([twice, twice]), 'role-bindings[1]: a is there already')
  const neither = /role-bindings\[0\]: expected either cluster-role or role/
  for (const [entry, fault] of [
    ['member', /role-bindings\[0\]: expected keys and values/],
    [null, /role-bindings\[0\]: expected keys and values/],
    [{ 'keystone-role': '', role: 'b' }, /keystone-role/],
    [{ 'keystone-role': 7, role: 'b' }, /keystone-role/],
    [{ 'keystone-role': 'a' }, neither],
    [{ 'keystone-role': 'a', role: '' }, neither],
    [{ 'keystone-role': 'a', 'cluster-role': '' }, neither],
    [{ 'keystone-role': 'a', 'cluster-role': 'c', role: '' }, neither],
    [{ 'keystone-role': 'a', 'cluster-role': '', role: 'b' }, neither],
    [{ 'keystone-role': 'a', 'cluster-role': 7 }, neither],
  ] as const)
    t.match(told([entry]), fault, JSON.stringify(entry))
})
