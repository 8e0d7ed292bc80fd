import t from 'tap'
import { composeLoginSync } from '../src/compose-login-sync.ts'
import { syncSettings } from '../src/compose-sync-config.ts'
import type { KeystoneToken } from '../src/keystone/token-body.ts'
import { ROLE_BINDINGS } from '../src/kubernetes/object.ts'
import { createMetricsRegistry } from '../src/metrics/registry.ts'
import { ownerLabels } from '../src/sync/ownership.ts'
import { createManualClock } from './support/manual-clock.ts'
import { createMemoryCluster } from './support/memory-cluster.ts'
import { recordLog } from './support/recorded-log.ts'
import { settled } from './support/settled.ts'
import { hexId } from './support/two-domains.ts'

const USER = hexId(0xa1)
const BOTH = { 'data-types-to-sync': ['projects', 'role_assignments'] }

/** A token of a user of domain `red` for a project of domain `blue`. */
const token = (more: object = {}) =>
  ({
    methods: ['password'],
    user: { id: USER, name: 'alice', domain: { id: 'd-red', name: 'red' } },
    scope: { kind: 'project', id: 'p1', name: 'web', domain: { id: 'd-blue', name: 'blue' } },
    roles: ['member'],
    ...more,
  }) as unknown as KeystoneToken

function world(t: { teardown(run: () => unknown): void }, file: object = BOTH, waitMs = 1000) {
  const cluster = createMemoryCluster()
  const clock = createManualClock()
  let settings = syncSettings(file, { namespaceFormat: '%d-%i' })
  let clients = 0
  const unused = () => {
    throw new Error('not at a login')
  }
  const sync = composeLoginSync(
    {
      waitMs,
      clock,
      log: recordLog().log,
      kubernetes: {
        client() {
          clients += 1
          return cluster.client
        },
        ...{ mirror: unused, firstAnswers: unused, checks: unused, close: unused },
      },
      configuration: { settings: () => settings, follow: unused, watches: [] },
    },
    createMetricsRegistry(),
  )
  t.teardown(() => sync.watch.stop())
  const use = (next: object) => {
    settings = syncSettings(next, { namespaceFormat: '%d-%i' })
  }
  return { cluster, clock, sync, use, clients: () => clients }
}

t.test(
  'the namespace is named by the domain of the user, and the binding is of the mapped name',
  async (t) => {
    const { cluster, sync } = world(t)
    await sync.loggedIn(token(), 'mapped')
    t.strictSame(cluster.names('namespaces'), ['d-red-p1'])
    t.match(cluster.get('rolebindings', `d-red-p1/${USER}_member`), { subjects: [{ name: 'mapped' }] })
  },
)

t.test(
  'a token of an application credential takes no role away: it may have fewer than its user',
  async (t) => {
    for (const [methods, names] of [
      [['application_credential'], ['admin', 'member']],
      [
        ['token', 'application_credential'],
        ['admin', 'member'],
      ],
      [['password'], ['member']],
    ] as const) {
      const { cluster, sync } = world(t)
      const metadata = { namespace: 'd-red-p1', name: `${USER}_admin`, labels: ownerLabels }
      cluster.put(ROLE_BINDINGS, { metadata, roleRef: { kind: 'ClusterRole', name: 'admin' } })
      await sync.loggedIn(token({ methods }), 'alice')
      t.strictSame(
        cluster.names('rolebindings'),
        names.map((name) => `d-red-p1/${USER}_${name}`),
        methods.join(),
      )
    }
  },
)

t.test(
  'nothing is asked of Kubernetes until a configuration says to, nor for a token of no project',
  async (t) => {
    const { cluster, sync, use, clients } = world(t, {})
    t.equal(sync.loggedIn(token(), 'alice'), undefined)
    use(BOTH)
    t.equal(sync.loggedIn(token({ scope: { kind: 'domain', id: 'd', name: 'd' } }), 'alice'), undefined)
    t.equal(sync.loggedIn(token({ scope: { kind: 'none' } }), 'alice'), undefined)
    t.strictSame([clients(), cluster.calls], [0, []])
    await sync.loggedIn(token(), 'alice')
    await sync.loggedIn(token({ roles: ['admin'] }), 'alice')
    t.equal(clients(), 1, 'one synchronisation for all logins')
    t.equal(cluster.calls.filter((call) => call === 'watch namespaces').length, 1)
  },
)

t.test('a login waits as long as it is told to, and the fault is a check that reddens nothing', async (t) => {
  const { cluster, clock, sync } = world(t, BOTH, 700)
  const { name, reddens, fault } = sync.watch.check
  t.strictSame([name, reddens, fault()], ['login-sync', [], undefined])
  const { get } = cluster.client
  Object.assign(cluster.client, { get: () => new Promise(() => {}) })
  let waited = false
  void sync.loggedIn(token(), 'alice')?.then(() => {
    waited = true
  })
  await clock.advance(699)
  await settled()
  t.notOk(waited)
  await clock.advance(1)
  await settled()
  t.ok(waited)
  Object.assign(cluster.client, { get })
  cluster.fault = (call) => (call === 'get namespaces' ? 'forbidden' : undefined)
  const other = { kind: 'project', id: 'p2', name: 'ops', domain: { id: 'd-blue', name: 'blue' } }
  void sync.loggedIn(token({ scope: other }), 'alice')
  await settled()
  t.match(fault(), /refuses to read namespaces/)
})

t.test('after the stop nothing is made any more, and the watch is over', async (t) => {
  const { cluster, sync } = world(t)
  let signal: AbortSignal | undefined
  const { openWatch } = cluster.client
  Object.assign(cluster.client, {
    openWatch(...args: Parameters<typeof openWatch>) {
      signal = args[2].signal
      return openWatch(...args)
    },
  })
  await sync.loggedIn(token(), 'alice')
  await settled()
  t.equal(signal?.aborted, false)
  sync.watch.stop()
  t.equal(signal?.aborted, true)
  void sync.loggedIn(token({ roles: ['admin'] }), 'alice')
  await settled()
  t.strictSame(cluster.names('rolebindings'), [`d-red-p1/${USER}_member`])
})
