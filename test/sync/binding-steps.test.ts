import t from 'tap'
import { type KubernetesObject, ROLE_BINDINGS } from '../../src/kubernetes/object.ts'
import { bindingSteps } from '../../src/sync/binding-steps.ts'
import { roleBinding } from '../../src/sync/role-binding.ts'
import type { RoleTarget } from '../../src/sync/role-table.ts'
import type { WantedBinding } from '../../src/sync/wanted-bindings.ts'
import { hexId } from '../support/two-domains.ts'

const [ALICE, BOB] = [
  { userId: hexId(0xa1), username: 'Acme:alice' },
  { userId: hexId(0xb1), username: 'Beta:bob' },
]
const LABELS = { 'app.kubernetes.io/managed-by': 'portcullis' }
const COMMON = { resource: ROLE_BINDINGS, namespace: 'web' }
const RBAC = 'rbac.authorization.k8s.io'

const clusterRole = (name: string): RoleTarget => ({ kind: 'ClusterRole', name })
const wanted = (person: typeof ALICE, role: string, target = clusterRole(role)): WantedBinding => ({
  grant: { ...person, role },
  target,
})
const nameOf = ({ grant }: WantedBinding) => `${grant.userId}_${grant.role}`
/** The binding as the API server has it: with a uid and a version of its own. */
function live(binding: WantedBinding, more: Partial<KubernetesObject> & { meta?: object } = {}) {
  const { meta, ...rest } = more
  const object = roleBinding('web', binding.grant, binding.target)
  const name = nameOf(binding)
  return {
    ...object,
    ...rest,
    metadata: { ...object.metadata, uid: `uid-${name}`, resourceVersion: `v-${name}`, ...meta },
  } as KubernetesObject
}
const steps = (
  should: readonly WantedBinding[],
  found: readonly KubernetesObject[],
  options: Partial<Parameters<typeof bindingSteps>[1]> = {},
) =>
  bindingSteps(
    'web',
    { adopt: false, complete: true, surplus: 'revoked', ...options },
    new Map(should.map((binding) => [nameOf(binding), binding])),
    new Map(found.map((object) => [object.metadata.name, object])),
  )
const NOTHING = { deletions: [], others: [], obstacles: [] }
const removal = (binding: WantedBinding, reason = 'revoked') => {
  const name = nameOf(binding)
  return { ...COMMON, action: 'delete', name, uid: `uid-${name}`, reason }
}
const creation = (binding: WantedBinding, reason: string) => ({
  ...COMMON,
  action: 'create',
  name: nameOf(binding),
  object: roleBinding('web', binding.grant, binding.target),
  reason,
})
const change = (binding: WantedBinding, reason: string) => ({
  ...COMMON,
  action: 'update',
  name: nameOf(binding),
  patch: {
    metadata: { resourceVersion: `v-${nameOf(binding)}`, labels: LABELS },
    subjects: [{ kind: 'User', apiGroup: RBAC, name: binding.grant.username }],
  },
  reason,
})
const unmarked = { meta: { labels: undefined } }

t.test('bindings that are as they should be stay, missing ones are made, surplus ones go', async (t) => {
  const [kept, missing, surplus] = [wanted(ALICE, 'member'), wanted(BOB, 'member'), wanted(ALICE, 'admin')]
  t.strictSame(steps([kept, missing], [live(kept), live(surplus)]), {
    deletions: [removal(surplus)],
    others: [creation(missing, 'missing')],
    obstacles: [],
  })
  t.strictSame(steps([], [live(kept), live(surplus)], { surplus: 'project_deleted' }), {
    ...NOTHING,
    deletions: [removal(kept, 'project_deleted'), removal(surplus, 'project_deleted')],
  })
})

t.test('where nothing may be added, surplus bindings go and nothing is made or changed', async (t) => {
  const [kept, missing, surplus] = [wanted(ALICE, 'member'), wanted(BOB, 'member'), wanted(ALICE, 'admin')]
  const changed = live(kept, { subjects: [{ kind: 'User', name: 'other' }] })
  const retargeted = live(kept, { roleRef: { kind: 'ClusterRole', name: 'other' } })
  for (const object of [live(kept), changed, retargeted])
    t.strictSame(steps([kept, missing], [object, live(surplus)], { complete: false }), {
      ...NOTHING,
      deletions: [removal(surplus)],
    })
})

t.test(
  'a binding of somebody else is never changed or deleted; it is an obstacle only where it is in the way',
  async (t) => {
    const [inTheWay, apart] = [wanted(ALICE, 'member'), wanted(BOB, 'member')]
    for (const labels of [undefined, {}, { 'app.kubernetes.io/managed-by': 'Helm' }]) {
      const found = [live(inTheWay, { meta: { labels } }), live(apart, { meta: { labels } })]
      t.strictSame(steps([inTheWay], found), {
        ...NOTHING,
        obstacles: [{ ...COMMON, name: nameOf(inTheWay), what: 'not_ours' }],
      })
      t.strictSame(steps([inTheWay], found, { complete: false }), NOTHING)
    }
  },
)

t.test('only the very binding that was looked at is deleted, and none that is going already', async (t) => {
  const binding = wanted(ALICE, 'member')
  t.strictSame(steps([], [live(binding, { meta: { uid: 'other' } })]).deletions, [
    { ...removal(binding), uid: 'other' },
  ])
  t.strictSame(steps([], [live(binding, { meta: { uid: undefined } })]), NOTHING)
  t.strictSame(steps([], [live(binding, { meta: { deletionTimestamp: '2026-06-01T00:00:00Z' } })]), NOTHING)
})

t.test('a binding that refers to another role is deleted and made again', async (t) => {
  const binding = wanted(ALICE, 'member', { kind: 'Role', name: 'editor' })
  for (const roleRef of [
    { kind: 'ClusterRole', name: 'editor' },
    { kind: 'Role', name: 'viewer' },
    'nothing',
    undefined,
  ])
    t.strictSame(
      steps([binding], [live(binding, { roleRef })]),
      { deletions: [removal(binding, 'different')], others: [creation(binding, 'different')], obstacles: [] },
      JSON.stringify(roleRef),
    )
})

t.test('a binding of other subjects gets its user back, in the version that was looked at', async (t) => {
  const binding = wanted(ALICE, 'member')
  const alice = { kind: 'User', apiGroup: RBAC, name: 'Acme:alice' }
  for (const subjects of [
    [{ ...alice, name: 'Beta:alice' }],
    [{ ...alice, kind: 'Group' }],
    [{ ...alice, kind: 'ServiceAccount' }],
    [alice, { ...alice, name: 'Beta:bob' }],
    [],
    ['Acme:alice'],
    'Acme:alice',
    undefined,
  ])
    t.strictSame(
      steps([binding], [live(binding, { subjects })]),
      { ...NOTHING, others: [change(binding, 'different')] },
      JSON.stringify(subjects),
    )
  t.strictSame(
    steps([binding], [live(binding, { subjects: [{ kind: 'User', name: 'Acme:alice' }] })]),
    NOTHING,
  )
})

t.test('with adopt, bindings of the form of k8s-keystone-auth become ours or go', async (t) => {
  const [kept, renamed, surplus, elsewhere] = [
    wanted(ALICE, 'member'),
    wanted(BOB, 'member'),
    wanted(ALICE, 'admin'),
    wanted(BOB, 'reader', { kind: 'Role', name: 'viewer' }),
  ]
  const found = [
    live(kept, unmarked),
    live(renamed, { ...unmarked, subjects: [{ kind: 'User', name: 'bob' }] }),
    live(surplus, unmarked),
    live(elsewhere, { ...unmarked, roleRef: { kind: 'ClusterRole', name: 'reader' } }),
  ]
  t.strictSame(steps([kept, renamed, elsewhere], found, { adopt: true }), {
    deletions: [removal(surplus), removal(elsewhere, 'different')],
    others: [change(kept, 'adopted'), change(renamed, 'adopted'), creation(elsewhere, 'different')],
    obstacles: [],
  })
  t.strictSame(steps([kept], [live(kept)], { adopt: true }), NOTHING, 'what is ours is not adopted again')
})

t.test('with adopt, a binding of any other form stays as it is', async (t) => {
  const binding = wanted(ALICE, 'member')
  const [name, user] = [nameOf(binding), { kind: 'User', name: 'Acme:alice' }]
  for (const [why, object] of [
    ['claimed by another tool', { meta: { labels: { 'app.kubernetes.io/managed-by': 'Helm' } } }],
    ['of a Role', { ...unmarked, roleRef: { kind: 'Role', name: 'member' } }],
    ['of another role', { ...unmarked, roleRef: { kind: 'ClusterRole', name: 'admin' } }],
    ['without a role', { ...unmarked, roleRef: undefined }],
    ['of two users', { ...unmarked, subjects: [user, { ...user, name: 'Beta:bob' }] }],
    ['of a group', { ...unmarked, subjects: [{ ...user, kind: 'Group' }] }],
    ['of nobody', { ...unmarked, subjects: undefined }],
  ] as const) {
    const found = [live(binding, object as object)]
    t.strictSame(steps([], found, { adopt: true }), NOTHING, why)
    t.strictSame(
      steps([binding], found, { adopt: true }).obstacles,
      [{ ...COMMON, name, what: 'not_ours' }],
      why,
    )
  }
  for (const userId of [
    'a'.repeat(31),
    'a'.repeat(65),
    'g'.repeat(32),
    `x${'a'.repeat(32)}`,
    'team',
    'A'.repeat(32),
  ])
    t.strictSame(
      steps([], [live(wanted({ ...ALICE, userId }, 'member'), unmarked)], { adopt: true }),
      NOTHING,
      userId,
    )
  for (const userId of ['a'.repeat(32), 'f'.repeat(64), '0'.repeat(40)])
    t.equal(
      steps([], [live(wanted({ ...ALICE, userId }, 'member'), unmarked)], { adopt: true }).deletions.length,
      1,
      userId,
    )
})

t.test('without adopt, bindings of the form of k8s-keystone-auth are not ours', async (t) => {
  const [surplus, kept] = [wanted(ALICE, 'admin'), wanted(BOB, 'member')]
  t.strictSame(steps([kept], [live(surplus, unmarked), live(kept, unmarked)]), {
    ...NOTHING,
    obstacles: [{ ...COMMON, name: nameOf(kept), what: 'not_ours' }],
  })
})
