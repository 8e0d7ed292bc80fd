import t from 'tap'
import { type KubernetesObject, ROLE_BINDINGS } from '../../src/kubernetes/object.ts'
import { ensureBindings, type UserRoles } from '../../src/sync/login-bindings.ts'
import { readRoleTable, sameName } from '../../src/sync/role-table.ts'
import { bindingOf } from '../support/cluster-objects.ts'
import { createMemoryCluster } from '../support/memory-cluster.ts'
import { USERS } from '../support/two-domains.ts'

const { acmeAlice, betaAlice } = USERS
const ALICE = acmeAlice.id
const RBAC = 'rbac.authorization.k8s.io'
const alice = (...roles: readonly string[]): UserRoles => ({
  userId: ALICE,
  username: 'Acme:alice',
  roles,
  complete: true,
})
const ours = (role: string, namespace = 'web') => bindingOf(namespace, acmeAlice, 'Acme:alice', role)
/** As k8s-keystone-auth makes them: without a label. */
const theirs = (role: string, more: object = {}) => ({
  ...bindingOf('web', acmeAlice, 'Acme:alice', role, { labels: {} }),
  ...more,
})

function world(...found: readonly KubernetesObject[]) {
  const cluster = createMemoryCluster()
  for (const object of found) cluster.put(ROLE_BINDINGS, object)
  const changed: string[] = []
  const metrics = {
    changed: (kind: string, action: string) => void changed.push(`${action} ${kind}`),
    job() {},
    waited() {},
    watch() {},
  }
  const ensure = (user: UserRoles, table = sameName, namespace = 'web') =>
    ensureBindings(cluster.client, namespace, user, table, metrics)
  const deeds = () => cluster.calls.filter((call) => !call.startsWith('list'))
  return { cluster, changed, ensure, deeds, names: () => cluster.names('rolebindings') }
}

t.test('a login makes a binding for each role of the token that the table names', async (t) => {
  const { cluster, changed, ensure, names } = world()
  t.strictSame(await ensure(alice('member', 'reader')), [])
  t.strictSame(names(), [`web/${ALICE}_member`, `web/${ALICE}_reader`])
  const { metadata, ...rest } = cluster.get('rolebindings', `web/${ALICE}_member`) as KubernetesObject
  t.match(metadata, {
    name: `${ALICE}_member`,
    namespace: 'web',
    labels: { 'app.kubernetes.io/managed-by': 'portcullis' },
  })
  t.strictSame(rest, {
    subjects: [{ kind: 'User', apiGroup: RBAC, name: 'Acme:alice' }],
    roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'member' },
  })
  t.strictSame(changed, ['create role_binding', 'create role_binding'])
  const mapped = world()
  const table = readRoleTable({
    'role-bindings': ['member', 'a/b', 'a%b'].map((role) => ({ 'keystone-role': role, role: 'editor' })),
  })
  await mapped.ensure(alice('member', 'reader', 'a/b', 'a%b'), table)
  t.strictSame(mapped.names(), [`web/${ALICE}_member`], 'a role that no path can hold has no binding')
  t.match(mapped.cluster.get('rolebindings', `web/${ALICE}_member`)?.roleRef, {
    kind: 'Role',
    name: 'editor',
  })
})

t.test('a login that finds its bindings as they should be changes nothing', async (t) => {
  const { changed, ensure, cluster } = world(ours('member'), theirs('reader'))
  t.strictSame(await ensure(alice('member', 'reader')), [])
  t.strictSame([cluster.calls, changed], [['list rolebindings'], []])
})

t.test('bindings of roles that the user lost are deleted, ours and those of k8s-keystone-auth', async (t) => {
  const { changed, ensure, names } = world(ours('member'), ours('admin'), theirs('reader'))
  t.strictSame(await ensure(alice('member')), [])
  t.strictSame(names(), [`web/${ALICE}_member`])
  t.strictSame(changed, ['delete role_binding', 'delete role_binding'])
  const last = world(ours('member'), theirs('reader'))
  await last.ensure(alice())
  t.strictSame(last.names(), [], 'also those of the last role')
  const untabled = world(ours('member'))
  await untabled.ensure(alice('member'), readRoleTable({ 'role-bindings': [] }))
  t.strictSame(untabled.names(), [], 'and of roles that the table no longer names')
})

t.test('a login deletes no binding of another user, of another namespace or of another form', async (t) => {
  const user = { kind: 'User', apiGroup: RBAC, name: 'Acme:alice' }
  const kept = [
    bindingOf('web', betaAlice, 'Beta:alice', 'admin'),
    bindingOf('web', { id: `${ALICE}0` }, 'x', 'admin'),
    bindingOf('web', { id: `x${ALICE}` }, 'x', 'admin'),
    ours('admin', 'ops'),
    theirs('r1', { subjects: [{ ...user, kind: 'Group' }] }),
    theirs('r2', { subjects: [user, { ...user, name: 'Beta:alice' }] }),
    theirs('r3', { subjects: undefined }),
    theirs('r4', { subjects: ['Acme:alice'] }),
    theirs('r5', { roleRef: { apiGroup: RBAC, kind: 'Role', name: 'r5' } }),
    theirs('r6', { roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'cluster-admin' } }),
    theirs('cluster-admin', { roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'admin' } }),
    theirs('r7', { roleRef: undefined }),
    bindingOf('web', acmeAlice, 'Acme:alice', 'r8', { labels: { 'app.kubernetes.io/managed-by': 'Helm' } }),
    bindingOf('web', acmeAlice, 'Acme:alice', 'r9', { deletionTimestamp: '2026-06-01T00:00:00Z' }),
  ]
  const { ensure, names, deeds } = world(ours('member'), ...kept)
  const before = names()
  t.strictSame(await ensure(alice('member')), [])
  t.strictSame(names(), before)
  t.strictSame(deeds(), [])
})

t.test('a token that may lack roles of the user deletes nothing, and adds what it has', async (t) => {
  const { ensure, names } = world(ours('admin'), theirs('reader'))
  t.strictSame(await ensure({ ...alice('member'), complete: false }), [])
  t.strictSame(
    names(),
    ['admin', 'member', 'reader'].map((role) => `web/${ALICE}_${role}`),
  )
})

t.test('a binding in the way that is something else stays and is reported', async (t) => {
  const group = theirs('member', { subjects: [{ kind: 'Group', apiGroup: RBAC, name: 'Acme:alice' }] })
  const helm = {
    ...bindingOf('web', acmeAlice, 'Acme:somebody', 'reader', {
      labels: { 'app.kubernetes.io/managed-by': 'Helm' },
    }),
  }
  const { ensure, deeds } = world(group, helm, theirs('admin', { subjects: [] }))
  t.strictSame(await ensure(alice('member', 'reader')), [`${ALICE}_member`, `${ALICE}_reader`])
  t.strictSame(deeds(), [])
})

t.test('a binding of another name of the user is changed in the version that was looked at', async (t) => {
  for (const old of [
    bindingOf('web', acmeAlice, 'alice', 'member'),
    bindingOf('web', acmeAlice, 'alice', 'member', { labels: {} }),
  ]) {
    const { cluster, changed, ensure, deeds } = world(old)
    const uid = cluster.get('rolebindings', `web/${ALICE}_member`)?.metadata.uid
    await ensure(alice('member'))
    const found = cluster.get('rolebindings', `web/${ALICE}_member`)
    t.strictSame(found?.subjects, [{ kind: 'User', apiGroup: RBAC, name: 'Acme:alice' }])
    t.equal(found?.metadata.uid, uid)
    t.strictSame(found?.metadata.labels, old.metadata.labels)
    t.strictSame([deeds(), changed], [['patch rolebindings'], ['update role_binding']])
  }
})

t.test(
  'a binding to another role is deleted and made again, whether or not the token has all roles',
  async (t) => {
    for (const complete of [true, false]) {
      const { cluster, changed, ensure, deeds } = world(theirs('member'))
      const table = readRoleTable({
        'role-bindings': [{ 'keystone-role': 'member', 'cluster-role': 'edit' }],
      })
      t.strictSame(await ensure({ ...alice('member'), complete }, table), [])
      t.match(cluster.get('rolebindings', `web/${ALICE}_member`)?.roleRef, {
        kind: 'ClusterRole',
        name: 'edit',
      })
      t.strictSame(deeds(), ['delete rolebindings', 'create rolebindings'])
      t.strictSame(changed, ['delete role_binding', 'create role_binding'])
    }
  },
)

t.test('only the very binding that was looked at is deleted: one that took its name stays', async (t) => {
  const { cluster, changed, ensure, names } = world(ours('member'), ours('admin'))
  let looks = 0
  cluster.fault = (call) => {
    if (call.startsWith('list')) looks += 1
    // meanwhile somebody made another binding of that name, which is not ours
    if (call === 'delete rolebindings' && looks === 1)
      cluster.put(ROLE_BINDINGS, theirs('admin', { subjects: [{ kind: 'Group', name: 'g' }] }))
    return undefined
  }
  t.strictSame(await ensure(alice('member')), [])
  t.equal(looks, 2, 'it is looked at again')
  t.strictSame(names(), [`web/${ALICE}_admin`, `web/${ALICE}_member`])
  t.strictSame(changed, [])
})

t.test('a binding that changed since it was looked at is not overwritten, but looked at again', async (t) => {
  const { cluster, changed, ensure } = world(bindingOf('web', acmeAlice, 'alice', 'member'))
  let looks = 0
  cluster.fault = (call) => {
    if (call.startsWith('list')) looks += 1
    if (call === 'patch rolebindings' && looks === 1)
      cluster.put(
        ROLE_BINDINGS,
        bindingOf('web', acmeAlice, 'alice', 'member', {
          labels: { 'app.kubernetes.io/managed-by': 'Helm' },
        }),
      )
    return undefined
  }
  t.strictSame(await ensure(alice('member')), [`${ALICE}_member`])
  t.match(cluster.get('rolebindings', `web/${ALICE}_member`)?.subjects, [{ name: 'alice' }])
  t.strictSame([looks, changed], [2, []])
})

t.test('what another replica did first is looked at again and not counted', async (t) => {
  for (const [call, refusal, found] of [
    ['create rolebindings', 'exists', []],
    ['patch rolebindings', 'conflict', [bindingOf('web', acmeAlice, 'alice', 'member')]],
    ['patch rolebindings', 'absent', [bindingOf('web', acmeAlice, 'alice', 'member')]],
    ['delete rolebindings', 'absent', [ours('member'), ours('admin')]],
    ['delete rolebindings', 'conflict', [ours('member'), ours('admin')]],
  ] as const) {
    const { cluster, changed, ensure, names } = world(...found)
    let raced = false
    cluster.fault = (made) => {
      if (made !== call || raced) return undefined
      raced = true
      return refusal
    }
    t.strictSame(await ensure(alice('member')), [])
    t.strictSame(names(), [`web/${ALICE}_member`], `${call} ${refusal}`)
    t.equal(changed.length, 1)
    t.equal(cluster.calls.filter((made) => made.startsWith('list')).length, 2)
  }
})

t.test('bindings that change each time are given up after four looks', async (t) => {
  const { cluster, ensure } = world()
  cluster.fault = (call) => (call === 'create rolebindings' ? 'exists' : undefined)
  await t.rejects(ensure(alice('member')), { code: 'KUBERNETES_SERVER_ERROR', message: /role bindings/ })
  t.equal(cluster.calls.filter((call) => call.startsWith('list')).length, 4)
})

t.test('a refusal of the API server is an error that names the call', async (t) => {
  const found = [bindingOf('web', acmeAlice, 'alice', 'member'), ours('admin')]
  for (const [call, verb] of [
    ['list rolebindings', 'list'],
    ['create rolebindings', 'create'],
    ['patch rolebindings', 'update'],
    ['delete rolebindings', 'delete'],
  ] as const)
    for (const refusal of ['forbidden', 'terminating', 'invalid'] as const) {
      const { cluster, changed, ensure } = world(...found)
      cluster.fault = (made) => (made === call ? refusal : undefined)
      await t.rejects(ensure(alice('reader', 'member')), {
        code: 'KUBERNETES_REFUSED_US',
        message: new RegExp(`${verb} rolebindings \\(${refusal}\\)`),
      })
      const done = { list: 0, create: 0, update: 1, delete: 2 }[verb]
      t.equal(changed.length, done, `${verb}: only what was done is counted`)
    }
})
