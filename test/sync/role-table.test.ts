import t from 'tap'
import { errorText } from '../../src/errors.ts'
import { readRoleTable } from '../../src/sync/role-table.ts'

t.test('a bad table of roles is told with every fault', async (t) => {
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
})
