import t from 'tap'
import { OWNER, reconcileWorld } from '../support/reconcile-world.ts'

const { admin, openstack, apply, get, bindings, world } = await reconcileWorld(t)

t.test('what k8s-keystone-auth made is taken over with --adopt, and only that', async (t) => {
  const { user, project, run, sync } = await world(t)
  const [alice, bob] = [await user(), await user()]
  const [adopted, helm] = [await project([alice, 'member']), await project([alice, 'member'])]
  const apiGroup = 'rbac.authorization.k8s.io'
  const binding = (namespace: string, name: string, username: string, role: string, labels = {}) => ({
    apiVersion: `${apiGroup}/v1`,
    kind: 'RoleBinding',
    metadata: { name, namespace, labels },
    subjects: [{ kind: 'User', name: username, apiGroup }],
    roleRef: { kind: 'ClusterRole', name: role, apiGroup },
  })
  const namespace = (name: string, labels = {}) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels },
  })
  await apply(namespace(adopted.id), namespace(helm.id, { [OWNER]: 'Helm' }))
  await apply(
    binding(adopted.id, `${alice.id}_member`, alice.name, 'member'),
    binding(adopted.id, `${bob.id}_admin`, bob.name, 'admin'),
    binding(adopted.id, `${bob.id}_view`, bob.name, 'view', { [OWNER]: 'Helm' }),
    binding(adopted.id, 'own', bob.name, 'view'),
  )
  const flags = ['--identity', 'compatible']
  await run(...flags)
  t.notOk((await get('namespace', adopted.id)).metadata.labels?.[OWNER])
  t.equal((await bindings(adopted.id)).length, 4, 'nothing is touched without the flag')

  await run(...flags, '--adopt')
  t.match((await get('namespace', adopted.id)).metadata, {
    labels: { [OWNER]: 'portcullis' },
    annotations: { 'portcullis.dev/project-id': adopted.id },
  })
  t.same(
    await bindings(adopted.id),
    [
      `${alice.id}_member ClusterRole member`,
      `${alice.id}_reader ClusterRole reader`,
      `${bob.id}_view ClusterRole view`,
      'own ClusterRole view',
    ].sort(),
  )
  t.match((await get('rolebinding', '-n', adopted.id, `${alice.id}_member`)).metadata.labels, {
    [OWNER]: 'portcullis',
  })
  t.equal((await get('namespace', helm.id)).metadata.labels?.[OWNER], 'Helm')
  t.same(await bindings(helm.id), [])
  t.equal((await sync('plan', ...flags, '--adopt')).code, 0)
})

t.test('credentials that do not see everything change nothing', async (t) => {
  const { user, project, run, sync, syncAs } = await world(t)
  const alice = await user()
  const { id } = await project([alice, 'member'])
  await run()
  const before = await bindings(id)
  await admin.deleteProject((await project([alice, 'reader'])).id)
  const own = { ...openstack, OS_USER_ID: alice.id, OS_PASSWORD: alice.password }
  const { code, stderr, stdout } = await syncAs({ ...own, OS_SYSTEM_SCOPE: '', OS_PROJECT_ID: id }, 'run')
  t.equal(code, 1, stdout)
  t.match(stderr, 'KEYSTONE_REFUSED_US: Keystone refuses to list')
  t.same(await bindings(id), before)
  t.equal((await sync('plan')).code, 0)
  t.equal((await sync('rub')).code, 2)
})

t.test('the difference can be had as JSON', async (t) => {
  const { user, project, sync } = await world(t)
  const alice = await user()
  const { id } = await project([alice, 'reader'])
  const planned = await sync('plan', '--output', 'json')
  t.equal(planned.code, 3)
  const report = JSON.parse(planned.stdout)
  t.same(report.steps, [
    { action: 'create', kind: 'Namespace', name: id, reason: 'missing' },
    { action: 'create', kind: 'RoleBinding', namespace: id, name: `${alice.id}_reader`, reason: 'missing' },
  ])
  const done = JSON.parse((await sync('run', '--output', 'json')).stdout)
  t.same([done.done, done.skipped, done.failed], [{ create: 2, update: 0, delete: 0 }, 0, []])
})
