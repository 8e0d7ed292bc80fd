import t from 'tap'
import { stayAlive, systemClock } from '../../src/clock.ts'
import { PortcullisError } from '../../src/errors.ts'
import type { KeystoneInventory, RoleAssignment } from '../../src/keystone/inventory.ts'
import { NAMESPACES, ROLE_BINDINGS } from '../../src/kubernetes/object.ts'
import { namespaceFormat } from '../../src/project-namespace.ts'
import type { ReconcileRules } from '../../src/sync/difference.ts'
import { ownerLabels, PROJECT_ID } from '../../src/sync/ownership.ts'
import { createReconciler } from '../../src/sync/reconciler.ts'
import { readRoleTable } from '../../src/sync/role-table.ts'
import { canonicalTemplates, directoryTemplate, type TemplateSource } from '../../src/sync/template-source.ts'
import { folderTemplate, POLICY } from '../support/folder-template.ts'
import { createMemoryCluster } from '../support/memory-cluster.ts'
import { EVERYTHING } from '../support/reconcile-rules.ts'
import { reconcilerCases } from '../support/reconciler-cases.ts'

t.teardown(stayAlive())

const DOMAIN = { id: 'default', name: 'Default' }
const SIGNAL = new AbortController().signal
const hex = (number: number) => number.toString(16).padStart(32, '0')
const person = (number: number) => ({ id: hex(number), name: `user-${number}`, domain: DOMAIN })

/** A Keystone that is a plain value, and a cluster in memory. */
function world(options: { projects: number; template?: TemplateSource; maxRemovals?: number }) {
  const cluster = createMemoryCluster()
  const projects = Array.from({ length: options.projects }, (_, index) => ({
    id: `p${index}`,
    name: `project-${index}`,
    domain: DOMAIN,
    enabled: true,
  }))
  const assignments: RoleAssignment[] = projects.map(({ id }, index) => ({
    project: id,
    user: person(index),
    role: 'member',
  }))
  const state = {
    keystone: { projects, assignments } as KeystoneInventory,
    known: new Set<string>(),
    /** The projects that Keystone was asked for one by one. */
    asked: [] as string[],
    rules: EVERYTHING,
  }
  const reconciler = createReconciler({
    client: cluster.client,
    inventory: {
      read: async () => state.keystone,
      async knows(id) {
        state.asked.push(id)
        return state.known.has(id)
      },
    },
    rules: () => state.rules,
    template: options.template,
    maxRemovals: options.maxRemovals ?? 25,
    clock: systemClock,
  })
  const run = async () => reconciler.apply(await reconciler.plan(), SIGNAL)
  const without = (...gone: readonly string[]) => {
    state.keystone = {
      projects: state.keystone.projects.filter(({ id }) => !gone.includes(id)),
      assignments: state.keystone.assignments.filter(({ project }) => !gone.includes(project)),
    }
  }
  return { cluster, state, reconciler, run, without }
}

const done = (create: number, update: number, gone: number) => ({
  done: { create, update, delete: gone },
  skipped: 0,
  failures: [],
  interrupted: false,
})
t.test('a run that finds nothing to change asks for one list of each kind and nothing else', async (t) => {
  const { folder } = folderTemplate(t)
  const cluster = createMemoryCluster()
  const { client } = cluster
  const template = canonicalTemplates(directoryTemplate(folder), { client, namespace: 'kube-system' })
  const plain = world({ projects: 400 })
  t.same(await plain.run(), done(800, 0, 0))
  plain.cluster.calls.length = 0
  t.same(await plain.run(), done(0, 0, 0))
  t.same(plain.cluster.calls, ['list namespaces', 'list rolebindings'])

  const templated = world({ projects: 400, template })
  t.same(await templated.run(), done(1200, 0, 0))
  t.same(cluster.calls, ['dry-run networkpolicies'])
  templated.cluster.calls.length = 0
  t.same(await templated.run(), done(0, 0, 0))
  const kinds = ['namespaces', 'rolebindings', 'resourcequotas', 'limitranges', 'networkpolicies', 'roles']
  t.same(
    templated.cluster.calls,
    kinds.map((kind) => `list ${kind}`),
  )
  t.same(cluster.calls, ['dry-run networkpolicies'], 'a template is tried once')
})

t.test('removals beyond a quarter are refused as a whole, a few always pass', async (t) => {
  const { cluster, state, reconciler, run } = world({ projects: 40 })
  await run()
  const [few, many] = [state.keystone.assignments.slice(10), state.keystone.assignments.slice(21)]
  state.keystone = { ...state.keystone, assignments: many }
  const before = [...cluster.names('rolebindings')]
  const comparison = await reconciler.plan()
  t.match(comparison.refused, { code: 'SYNC_TOO_MANY_REMOVALS', message: /^21 of 80 owned objects/ })
  await t.rejects(reconciler.apply(comparison, SIGNAL), { code: 'SYNC_TOO_MANY_REMOVALS' })
  t.same(cluster.names('rolebindings'), before)
  state.keystone = { ...state.keystone, assignments: few }
  t.same(await run(), done(0, 0, 10))

  const sure = world({ projects: 40, maxRemovals: 100 })
  await sure.run()
  sure.state.keystone = { ...sure.state.keystone, assignments: many.slice(10) }
  t.same(await sure.run(), done(0, 0, 31))
})

t.test('what the operator changes is no suspicious removal', async (t) => {
  const { folder, write } = folderTemplate(t)
  const { state, run } = world({ projects: 40, template: directoryTemplate(folder) })
  t.same(await run(), done(120, 0, 0))
  const roles = readRoleTable({ 'role-bindings': [{ 'keystone-role': 'member', role: 'viewer' }] })
  state.rules = { ...state.rules, roles }
  t.same(await run(), done(40, 0, 40))
  write(POLICY.replace('closed', 'open'))
  t.same(await run(), done(40, 0, 40))
})

t.test('a project counts as deleted only when Keystone says so when asked for it', async (t) => {
  const { cluster, state, run, without } = world({ projects: 3 })
  await run()
  without('p1')
  state.known.add('p1')
  await t.rejects(run(), { code: 'KEYSTONE_BAD_ANSWER' })
  t.ok(cluster.names('rolebindings').some((name) => name.startsWith('p1/')))
  state.known.delete('p1')
  t.same(await run(), done(0, 1, 1))
  t.same(await run(), done(0, 0, 0))
  t.same(state.asked, ['p1', 'p1'], 'it is asked for until it is marked')
  state.rules = { ...state.rules, pruneAfterMs: 0 }
  state.known.add('p1')
  await t.rejects(run(), { code: 'KEYSTONE_BAD_ANSWER' }, 'and once more before its namespace is deleted')
  state.known.delete('p1')
  t.same(await run(), done(0, 0, 1))
  t.same(cluster.names('namespaces'), ['p0', 'p2'])
})

t.test('a project out of scope gets nothing, but loses what was revoked', async (t) => {
  const { cluster, state, run } = world({ projects: 2 })
  await run()
  state.rules = { ...state.rules, inScope: ({ id }) => id !== 'p0' }
  const [, other] = state.keystone.assignments
  const added = { project: 'p0', user: person(7), role: 'reader' }
  state.keystone = { ...state.keystone, assignments: [added, other as RoleAssignment] }
  t.same(await run(), done(0, 0, 1))
  t.same(cluster.names('rolebindings'), [`p1/${hex(1)}_member`])
})

t.test(
  'our own things that do not say of which project they are, and what is going, are left alone',
  async (t) => {
    const { cluster, reconciler, run } = world({ projects: 1 })
    cluster.put(NAMESPACES, { metadata: { name: 'odd', labels: ownerLabels } })
    const going = { name: 'p0', labels: ownerLabels, annotations: { [PROJECT_ID]: 'p0' } }
    cluster.put(NAMESPACES, { metadata: { ...going, deletionTimestamp: '2026-01-01T00:00:00Z' } })
    const subjects = [{ kind: 'User', name: 'x' }]
    for (const namespace of ['odd', 'p0'])
      cluster.put(ROLE_BINDINGS, { metadata: { name: 'b', namespace, labels: ownerLabels }, subjects })
    const { plan } = await reconciler.plan()
    t.match(plan.obstacles, [{ name: 'odd', what: 'unclear' }])
    t.same(await run(), done(0, 0, 0))
  },
)

t.test('a binding follows the table of roles and the name of its user', async (t) => {
  const { cluster, state, run } = world({ projects: 1 })
  await run()
  const path = `p0/${hex(0)}_member`
  const uid = () => cluster.get('rolebindings', path)?.metadata.uid
  const first = uid()
  state.rules = { ...state.rules, usernameOf: () => 'renamed' }
  t.same(await run(), done(0, 1, 0))
  t.equal(uid(), first)
  t.match(cluster.get('rolebindings', path)?.subjects, [{ kind: 'User', name: 'renamed' }])
  const roles = readRoleTable({ 'role-bindings': [{ 'keystone-role': 'member', role: 'viewer' }] })
  state.rules = { ...state.rules, roles }
  t.same(await run(), done(1, 0, 1))
  t.not(uid(), first, 'what a binding refers to cannot be changed: it is made anew')
  t.match(cluster.get('rolebindings', path)?.roleRef, { kind: 'Role', name: 'viewer' })
  state.rules = { ...state.rules, usernameOf: () => undefined }
  t.same(await run(), done(0, 0, 1), 'who may not log in has no binding')
  const [one] = state.keystone.assignments as [RoleAssignment]
  state.keystone = { ...state.keystone, assignments: [one, { ...one, user: person(1) }] }
  state.rules = { ...state.rules, usernameOf: ({ id, name }) => (id === one.user.id ? undefined : name) }
  t.same(await run(), done(1, 0, 0), 'others have theirs')
})

t.test('a role whose name no path can hold has no binding', async (t) => {
  const { state, run } = world({ projects: 1 })
  const [one] = state.keystone.assignments
  state.keystone = { ...state.keystone, assignments: [{ ...(one as RoleAssignment), role: 'a/b' }] }
  t.same(await run(), done(1, 0, 0))
})

t.test('a project that is renamed keeps its namespace, whatever the format says', async (t) => {
  const { cluster, state, run } = world({ projects: 1 })
  const format = namespaceFormat('%n-%i')
  const namespaceOf: ReconcileRules['namespaceOf'] = ({ id, name }) =>
    format({ id, name, userDomainId: 'd' })?.name
  state.rules = { ...state.rules, namespaceOf }
  await run()
  const [project] = state.keystone.projects
  state.keystone = { ...state.keystone, projects: [{ ...project, name: 'new' } as never] }
  t.same(await run(), done(0, 1, 0))
  t.same(cluster.names('namespaces'), ['project-0-p0'])
  t.match(cluster.get('namespaces', 'project-0-p0')?.metadata.annotations, {
    'portcullis.dev/project-name': 'new',
  })
})

t.test(
  'a template that turns bad keeps its last good form; before there is one, no namespace is made',
  async (t) => {
    const { folder, write } = folderTemplate(t, 'kind: Pod\n')
    const { cluster, reconciler, run, state } = world({ projects: 1, template: directoryTemplate(folder) })
    t.match((await reconciler.plan()).templateFault, /a\.yaml: expected Namespace or ResourceQuota/)
    t.same(await run(), done(0, 0, 0))
    write(POLICY)
    t.same(await run(), done(3, 0, 0))
    write('kind: Pod\n')
    const more = { id: 'p9', name: 'p9', domain: DOMAIN, enabled: true }
    state.keystone = { ...state.keystone, projects: [...state.keystone.projects, more] }
    const comparison = await reconciler.plan()
    t.ok(comparison.templateFault)
    t.same(await reconciler.apply(comparison, SIGNAL), done(2, 0, 0), 'with its network policy')
    t.same(cluster.names('networkpolicies'), ['p0/closed', 'p9/closed'])
  },
)

t.test('revoked rights go before anything is made', async (t) => {
  const { cluster, state, run } = world({ projects: 2 })
  await run()
  const [one] = state.keystone.assignments as [RoleAssignment]
  state.keystone = { ...state.keystone, assignments: [{ ...one, role: 'reader' }] }
  cluster.calls.length = 0
  await run()
  t.same(
    cluster.calls.filter((call) => !call.startsWith('list')),
    ['delete rolebindings', 'delete rolebindings', 'create rolebindings'],
  )
})

t.test('what others did meanwhile is no failure, a refusal is one, and the rest goes on', async (t) => {
  const { cluster, run } = world({ projects: 4 })
  cluster.fault = (call, { namespace }) => {
    if (call !== 'create rolebindings') return undefined
    return ({ p0: 'exists', p1: 'terminating', p2: 'forbidden' } as const)[namespace ?? '']
  }
  const result = await run()
  t.match(result, {
    done: { create: 5 },
    skipped: 2,
    failures: [{ refusal: 'forbidden', step: { namespace: 'p2' } }],
  })
})

t.test('an API server that is gone ends the run, and so does the end of the lead', async (t) => {
  const { cluster, reconciler, run } = world({ projects: 50 })
  cluster.fault = (call) =>
    call === 'create rolebindings' ? new PortcullisError('HTTP_UNREACHABLE', 'gone') : undefined
  await t.rejects(run(), { code: 'HTTP_UNREACHABLE' })
  t.ok(cluster.calls.filter((call) => call === 'create rolebindings').length <= 8)
  cluster.calls.length = 0
  cluster.fault = (call, { namespace }) =>
    call === 'create rolebindings' && namespace === 'p0'
      ? new PortcullisError('HTTP_UNREACHABLE', 'gone for a moment')
      : undefined
  await t.rejects(run(), { code: 'HTTP_UNREACHABLE' })
  await new Promise((resolve) => setImmediate(resolve))
  t.ok(cluster.calls.filter((call) => call === 'create rolebindings').length <= 16, 'none goes on by itself')
  cluster.fault = () => undefined
  const lead = new AbortController()
  const comparison = await reconciler.plan()
  lead.abort()
  cluster.calls.length = 0
  t.match(await reconciler.apply(comparison, lead.signal), { interrupted: true, done: { create: 0 } })
  t.same(cluster.calls, [])
})

t.test('a list that the API server refuses or cuts short changes nothing', async (t) => {
  const { cluster, run } = world({ projects: 2 })
  await run()
  cluster.fault = (call) => (call === 'list rolebindings' ? 'forbidden' : undefined)
  cluster.calls.length = 0
  await t.rejects(run(), { code: 'KUBERNETES_REFUSED_US' })
  t.notOk(cluster.calls.some((call) => !call.startsWith('list')))
})

reconcilerCases(t)
