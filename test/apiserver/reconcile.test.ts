import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { OWNER, reconcileWorld } from '../support/reconcile-world.ts'

const { apiserver, admin, kubectl, apply, get, bindings, world } = await reconcileWorld(t)

const MARK = 'portcullis.dev/project-state'
const SINCE = 'portcullis.dev/project-state-since'

const versions = async (namespace: string) =>
  kubectl(
    'get',
    'rolebindings,quota,limitrange,netpol,role',
    '-n',
    namespace,
    '-o',
    'jsonpath={.items[*].metadata.resourceVersion}',
  )

const TEMPLATE = `
apiVersion: v1
kind: Namespace
metadata: {labels: {pod-security.kubernetes.io/enforce: restricted}, annotations: {example.org/by: template}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: compute}
spec: {hard: {requests.cpu: "4000m", pods: "20"}}
---
apiVersion: v1
kind: LimitRange
metadata: {name: defaults}
spec: {limits: [{type: Container, default: {cpu: 0.5}}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed}
spec: {podSelector: {}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: viewer}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`

t.test('what Keystone has is made once, by the table of roles and from the template', async (t) => {
  const { folder, domain, user, project, sync, run } = await world(
    t,
    'role-bindings:\n- {keystone-role: member, cluster-role: edit}\n- {keystone-role: reader, role: viewer}\n',
  )
  const templates = join(folder, 'template')
  mkdirSync(templates)
  writeFileSync(join(templates, 'all.yaml'), TEMPLATE)
  const flags = ['--sync-template-dir', templates]
  const [alice, bob, carol] = [await user(), await user(), await user()]
  const { id, name } = await project([alice, 'member'])
  await admin.createGroup('ops', bob)
  await admin.grantGroup('ops', domain.id, id, 'reader')
  await admin.grantInherited(carol, domain.id, 'reader')

  const planned = await sync('plan', ...flags)
  t.equal(planned.code, 3, planned.stderr)
  t.match(planned.stdout, `create Namespace     ${id}  (missing)`)
  t.match(planned.stdout, `create RoleBinding   ${id}/${alice.id}_member  (missing)`)
  t.equal((await apiserver.kubectl(['get', 'namespace', id])).code, 1, 'a plan changes nothing')

  await run(...flags)
  const namespace = await get('namespace', id)
  t.match(namespace.metadata, {
    labels: { [OWNER]: 'portcullis', 'pod-security.kubernetes.io/enforce': 'restricted' },
    annotations: {
      'portcullis.dev/project-id': id,
      'portcullis.dev/project-name': name,
      'portcullis.dev/project-domain': domain.id,
      'example.org/by': 'template',
    },
  })
  t.same(
    await bindings(id),
    [
      `${alice.id}_member ClusterRole edit`,
      `${alice.id}_reader Role viewer`,
      `${bob.id}_reader Role viewer`,
      `${carol.id}_reader Role viewer`,
    ].sort(),
  )
  const one = await get('rolebinding', '-n', id, `${alice.id}_member`)
  t.same(one.subjects, [
    { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: `keystone:user:${domain.id}/${alice.name}` },
  ])
  t.match((await get('quota', '-n', id, 'compute')).spec, { hard: { 'requests.cpu': '4', pods: '20' } })

  const [before, version] = [await versions(id), (await get('namespace', id)).metadata.resourceVersion]
  const again = await sync('plan', ...flags)
  t.equal(again.code, 0, again.stdout)
  await run(...flags)
  t.equal(await versions(id), before, 'nothing is written when nothing changed')
  t.equal((await get('namespace', id)).metadata.resourceVersion, version)

  await kubectl('patch', 'netpol', '-n', id, 'closed', '--type=merge', '-p', '{"spec":{"ingress":[{}]}}')
  await kubectl('label', 'namespace', id, 'pod-security.kubernetes.io/enforce=privileged', '--overwrite')
  await kubectl('label', 'namespace', id, 'team=blue')
  await kubectl('delete', 'limitrange', '-n', id, 'defaults')
  await run(...flags)
  t.notOk(
    'ingress' in ((await get('netpol', '-n', id, 'closed')).spec as object),
    'what was let in is closed again',
  )
  t.match((await get('namespace', id)).metadata.labels, {
    'pod-security.kubernetes.io/enforce': 'restricted',
    team: 'blue',
  })
  t.equal((await get('limitrange', '-n', id, 'defaults')).metadata.name, 'defaults')

  writeFileSync(
    join(templates, 'all.yaml'),
    TEMPLATE.replace('pods: "20"', 'pods: "30"').replace(
      /---\napiVersion: v1\nkind: LimitRange[\s\S]*?(?=---)/,
      '',
    ),
  )
  await run(...flags)
  t.match((await get('quota', '-n', id, 'compute')).spec, { hard: { pods: '30' } })
  t.equal(
    (await apiserver.kubectl(['get', 'limitrange', '-n', id, 'defaults'])).code,
    1,
    'what the template lost is deleted',
  )
})

t.test('what Keystone takes away is taken away, and nothing that is not ours', async (t) => {
  const { user, project, run, sync } = await world(t)
  const [alice, bob, carol, dave] = [await user(), await user(), await user(), await user()]
  const { id } = await project([alice, 'admin'], [bob, 'member'], [carol, 'reader'])
  await admin.createGroup(`leavers-${id}`, dave)
  await admin.grantGroup(`leavers-${id}`, dave.domain, id, 'reader')
  const closing = await project([alice, 'reader'])
  const ending = await project([alice, 'reader'])
  await run()
  t.same(
    await bindings(id),
    [
      ...['admin', 'member', 'reader'].map((role) => `${alice.id}_${role} ClusterRole ${role}`),
      ...['member', 'reader'].map((role) => `${bob.id}_${role} ClusterRole ${role}`),
      `${carol.id}_reader ClusterRole reader`,
      `${dave.id}_reader ClusterRole reader`,
    ].sort(),
  )
  // somebody else's things, in our namespaces and in one of the same name as a project's
  const foreign = { kind: 'User', name: 'somebody', apiGroup: 'rbac.authorization.k8s.io' }
  const roleRef = { kind: 'ClusterRole', name: 'view', apiGroup: 'rbac.authorization.k8s.io' }
  const roleBinding = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    subjects: [foreign],
    roleRef,
  }
  const places = [id, closing.id, ending.id]
  await apply(
    ...places.map((namespace) => ({ ...roleBinding, metadata: { name: 'theirs', namespace } })),
    ...places.map((namespace) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'theirs', namespace },
    })),
  )
  const other = await project([alice, 'reader'])
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: other.id } })
  const { metadata: theirs } = await get('namespace', other.id)

  await admin.revokeRole(alice, id, 'admin')
  await admin.grant(alice, { project: id }, 'reader')
  await admin.deleteUser(bob)
  await admin.leaveGroups(dave)
  await admin.setProjectEnabled(closing.id, false)
  await admin.deleteProject(ending.id)
  const { stdout } = await run('--prune-namespaces', '--prune-grace', '1h')
  t.match(stdout, `note:  Namespace     ${other.id} is not ours`)
  t.same(
    await bindings(id),
    [
      `${alice.id}_reader ClusterRole reader`,
      `${carol.id}_reader ClusterRole reader`,
      'theirs ClusterRole view',
    ].sort(),
  )
  for (const [{ id: name }, state] of [
    [closing, 'disabled'],
    [ending, 'deleted'],
  ] as const) {
    const { metadata } = await get('namespace', name)
    t.equal(metadata.labels?.[MARK], state)
    t.ok(Date.now() - Date.parse(metadata.annotations?.[SINCE] ?? '') < 60_000)
    t.same(await bindings(name), ['theirs ClusterRole view'])
    t.equal((await get('configmap', '-n', name, 'theirs')).metadata.name, 'theirs')
  }
  t.equal((await get('namespace', other.id)).metadata.resourceVersion, theirs.resourceVersion)
  t.same(await bindings(other.id), [])
  t.equal((await sync('plan', '--prune-namespaces', '--prune-grace', '1h')).code, 0, 'the mark is made once')

  // as if an hour had passed for both
  const since = new Date(Date.now() - 3_700_000).toISOString()
  for (const { id: name } of [closing, ending])
    await kubectl('annotate', 'namespace', name, `${SINCE}=${since}`, '--overwrite')
  await run()
  await run('--prune-namespaces', '--prune-grace', '2h')
  t.notOk(
    (await get('namespace', ending.id)).metadata.deletionTimestamp,
    'neither without the flag nor within the grace',
  )
  await admin.setProjectEnabled(closing.id, true)
  const last = await run('--prune-namespaces', '--prune-grace', '1h')
  t.match(last.stdout, `delete Namespace     ${ending.id}  (grace over)`)
  t.ok((await get('namespace', ending.id)).metadata.deletionTimestamp)
  const back = await get('namespace', closing.id)
  t.notOk(back.metadata.deletionTimestamp, 'a project that is only disabled keeps its namespace')
  t.notOk(MARK in (back.metadata.labels ?? {}) || SINCE in (back.metadata.annotations ?? {}))
  t.same(
    await bindings(closing.id),
    [`${alice.id}_reader ClusterRole reader`, 'theirs ClusterRole view'].sort(),
  )
  t.equal((await sync('plan', '--prune-namespaces')).code, 0, 'what is being deleted is left alone')
})
