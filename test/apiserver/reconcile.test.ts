import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { TestUser } from '../support/keystone-admin.ts'
import { startKubeApiserver } from '../support/kube-apiserver.ts'
import { runProgram, startServe, temporaryFolder } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { ask } from '../support/wire.ts'

const apiserver = await startKubeApiserver()
t.teardown(() => apiserver.stop())
// what other tests left belongs to projects of other Keystones, which would count as deleted
await apiserver.kubectl([
  'delete',
  'namespace',
  '-l',
  'app.kubernetes.io/managed-by=portcullis',
  '--wait=false',
])
const admin = await realKeystone('fernet').admin()
/** Reads everything and changes nothing. */
const service = await admin.createUser()
await admin.grant(service, 'system', 'reader')
const OPENSTACK = {
  OS_AUTH_URL: admin.url,
  OS_USER_ID: service.id,
  OS_PASSWORD: service.password,
  OS_SYSTEM_SCOPE: 'all',
}
const MARK = 'portcullis.dev/project-state'
const SINCE = 'portcullis.dev/project-state-since'
const OWNER = 'app.kubernetes.io/managed-by'

interface Found {
  readonly metadata: {
    name: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
    deletionTimestamp?: string
    resourceVersion: string
  }
  readonly [field: string]: unknown
}

async function kubectl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await apiserver.kubectl(args)
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
  return stdout
}

async function apply(...objects: readonly object[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
  const { code, stderr } = await apiserver.kubectl(['apply', '-f', '-'], { input })
  if (code !== 0) throw new Error(stderr)
}

const get = async (...what: readonly string[]): Promise<Found> =>
  JSON.parse(await kubectl('get', ...what, '-o', 'json'))
const bindings = async (namespace: string): Promise<readonly string[]> => {
  const { items } = JSON.parse(await kubectl('get', 'rolebindings', '-n', namespace, '-o', 'json'))
  return (items as { metadata: { name: string }; roleRef: { kind: string; name: string } }[])
    .map(({ metadata, roleRef }) => `${metadata.name} ${roleRef.kind} ${roleRef.name}`)
    .sort()
}
const versions = async (namespace: string) =>
  kubectl(
    'get',
    'rolebindings,quota,limitrange,netpol,role',
    '-n',
    namespace,
    '-o',
    'jsonpath={.items[*].metadata.resourceVersion}',
  )

/** A domain with its sync file, and the commands on them. */
async function world(t: Test, more = '') {
  const folder = temporaryFolder(t)
  const domain = await admin.createDomain()
  const file = join(folder, 'sync.yaml')
  const write = (text: string) =>
    writeFileSync(
      file,
      `data-types-to-sync: [projects, role_assignments]\nprojects-allowlist: [{domain: ${domain.id}}]\n${text}`,
    )
  write(more)
  const user = () => admin.createUser({ domain: domain.id })
  const project = async (...members: readonly [TestUser, string][]) => {
    const made = await admin.createProject(domain.id)
    for (const [user, role] of members) await admin.grant(user, { project: made.id }, role)
    return made
  }
  const sync = async (part: string, ...flags: readonly string[]) =>
    runProgram(
      t,
      'portcullis',
      ['sync', part, '--kubeconfig', apiserver.adminKubeconfig, '--sync-config-file', file, ...flags],
      OPENSTACK,
    )
  const run = async (...flags: readonly string[]) => {
    const done = await sync('run', ...flags)
    t.equal(done.code, 0, done.stderr + done.stdout)
    return done
  }
  return { folder, domain, write, user, project, sync, run }
}

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
  const { folder, user, project, run, sync } = await world(t)
  const alice = await user()
  const { id } = await project([alice, 'member'])
  await run()
  const before = await bindings(id)
  await admin.deleteProject((await project([alice, 'reader'])).id)
  const { code, stderr, stdout } = await runProgram(
    t,
    'portcullis',
    [
      'sync',
      'run',
      '--kubeconfig',
      apiserver.adminKubeconfig,
      '--sync-config-file',
      join(folder, 'sync.yaml'),
    ],
    {
      ...OPENSTACK,
      OS_USER_ID: alice.id,
      OS_PASSWORD: alice.password,
      OS_SYSTEM_SCOPE: '',
      OS_PROJECT_ID: id,
    },
  )
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

t.test(
  'of two servers one reconciles, and the other takes over from one that is killed or stops',
  async (t) => {
    const { folder, user, project } = await world(t)
    const alice = await user()
    const { id } = await project([alice, 'member'])
    const replica = async () => {
      const server = await startServe(
        t,
        [
          ...['--kubeconfig', apiserver.adminKubeconfig, '--sync-config-file', join(folder, 'sync.yaml')],
          ...['--sync-interval', '500ms', '--lease-duration', '3s'],
        ],
        { env: OPENSTACK },
      )
      const metric = async (name: string) => {
        const { text } = await ask(server.adminUrl, { path: '/metrics' })
        return Number(new RegExp(`^portcullis_${name} (\\S+)$`, 'm').exec(text)?.[1])
      }
      return { ...server, metric }
    }
    const appears = async (role: string) => {
      await admin.grant(alice, { project: id }, role)
      const name = `${alice.id}_${role}`
      await kubectl('wait', '--for=create', '-n', id, `rolebinding/${name}`, '--timeout=20s')
      await admin.revokeRole(alice, id, role)
      await kubectl('wait', '--for=delete', '-n', id, `rolebinding/${name}`, '--timeout=20s')
    }
    const [first, second] = [await replica(), await replica()]
    const one = await Promise.race([
      first.logged('Leads').then(() => first),
      second.logged('Leads').then(() => second),
    ])
    const other = one === first ? second : first
    await kubectl('wait', '--for=create', `namespace/${id}`, '--timeout=20s')
    await appears('creator')
    t.same([await one.metric('reconcile_leader'), await other.metric('reconcile_leader')], [1, 0])
    t.notOk(other.log().some(({ msg }) => msg === 'Reconciled'))
    t.match((await ask(one.adminUrl, { path: '/readyz?verbose' })).text, '[+]reconcile ok')
    const { milliseconds: _, ...line } = await one.logged('Reconciled')
    t.match(line, {
      projects: Number,
      owned: Number,
      create: Number,
      update: Number,
      delete: Number,
      skipped: 0,
      failed: 0,
    })

    one.child.kill('SIGKILL')
    await other.logged('Leads')
    await appears('observer')

    const third = await replica()
    const holder = () =>
      kubectl(
        'get',
        'lease',
        '-n',
        'kube-system',
        'portcullis-reconciler',
        '-o',
        'jsonpath={.spec.holderIdentity}',
      )
    const before = await holder()
    other.child.kill('SIGTERM')
    await other.exited
    t.not(await holder(), before, 'it is given back at once')
    await third.logged('Leads')
    await appears('creator')
  },
)

t.test('what goes wrong is told in readyz, metrics and one log line, and heals by itself', async (t) => {
  const { folder, user, project } = await world(t)
  const [alice, own] = [await user(), await admin.createUser()]
  const { id } = await project([alice, 'reader'])
  await admin.grant(own, { project: id }, 'member')
  const server = await startServe(
    t,
    [
      ...['--kubeconfig', apiserver.adminKubeconfig, '--sync-config-file', join(folder, 'sync.yaml')],
      ...['--sync-interval', '500ms', '--lease-duration', '3s'],
    ],
    {
      env: {
        ...OPENSTACK,
        OS_USER_ID: own.id,
        OS_PASSWORD: own.password,
        OS_SYSTEM_SCOPE: '',
        OS_PROJECT_ID: id,
      },
    },
  )
  t.match(await server.logged('Could not reconcile'), { code: 'KEYSTONE_REFUSED_US' })
  const ready = await ask(server.adminUrl, { path: '/readyz?verbose' })
  t.equal(ready.status, 200, 'log-ins go on')
  t.match(ready.text, '[!]reconcile warning: Keystone refuses to list its')
  t.match(
    (await ask(server.adminUrl, { path: '/metrics' })).text,
    /reconcile_runs_total\{outcome="failed"\} [1-9]/,
  )
  await admin.grant(own, { project: id }, 'admin')
  await server.logged('Reconciled')
  t.ok((await bindings(id)).includes(`${alice.id}_reader ClusterRole reader`))
})
