import t from 'tap'
import { NAMESPACES } from '../../src/kubernetes/object.ts'
import { ACTIONS, type Plan, REASONS, type Step, stepsOf } from '../../src/sync/plan.ts'

const step = (name: string): Step => ({
  action: 'delete',
  resource: NAMESPACES,
  name,
  uid: name,
  reason: 'grace_over',
})

t.test('the steps of a plan are those of all its stages, in their order', async (t) => {
  const plan: Plan = {
    stages: [[step('a'), step('b')], [], [step('c')], [step('d')]],
    obstacles: [],
    vanished: [],
    owned: 0,
    removals: 0,
  }
  t.strictSame(
    stepsOf(plan).map(({ name }) => name),
    ['a', 'b', 'c', 'd'],
  )
})

t.test('a plan gives these actions and reasons, which operators filter by', async (t) => {
  t.strictSame(ACTIONS, ['create', 'update', 'delete'])
  t.strictSame(REASONS, [
    'missing',
    'different',
    'adopted',
    'revoked',
    'project_disabled',
    'project_deleted',
    'project_back',
    'not_in_template',
    'grace_over',
  ])
})
