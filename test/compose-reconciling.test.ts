import t, { type Test } from 'tap'
import { systemClock } from '../src/clock.ts'
import { composeReconciling } from '../src/compose-reconciling.ts'
import { type SyncSettings, syncSettings } from '../src/compose-sync-config.ts'
import { readOpenStackSettings } from '../src/config/openstack-credentials.ts'
import type { ServeConfig } from '../src/config/serve-options.ts'
import { createKeystoneMetrics } from '../src/keystone/metrics.ts'
import { createMetricsRegistry } from '../src/metrics/registry.ts'
import { startSimulatedKeystone } from '../src/simulator/keystone.ts'
import { fixChance } from './support/fixed-chance.ts'
import { simulatedAdmin, systemReaderEnv } from './support/keystone-admin.ts'
import { createManualClock } from './support/manual-clock.ts'
import { createMemoryCluster } from './support/memory-cluster.ts'
import { seriesOf } from './support/metric-series.ts'
import { recordLog } from './support/recorded-log.ts'
import { settled } from './support/settled.ts'
import { until } from './support/until.ts'

const PROJECTS = { 'data-types-to-sync': ['projects'] }
const LEASE = 'kube-system/portcullis-reconciler'

/** The reconciler of the server over a simulated Keystone with a project, and a cluster in memory; clock by hand. */
async function world(
  t: Test,
  options: {
    file?: object
    syncInterval?: number
    credentials?: boolean
    cluster?: ReturnType<typeof createMemoryCluster>
  } = {},
) {
  fixChance(t, 0.5)
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  t.teardown(() => keystone.close())
  const admin = simulatedAdmin(keystone)
  const env = await systemReaderEnv(admin)
  const project = await admin.createProject()
  await admin.grant(await admin.createUser(), { project: project.id }, 'member')
  const cluster = options.cluster ?? createMemoryCluster()
  const clock = createManualClock()
  const { log, lines } = recordLog()
  const registry = createMetricsRegistry()
  let settings = syncSettings(options.file ?? PROJECTS, { namespaceFormat: '%i' })
  const followers: ((settings: SyncSettings) => void)[] = []
  let clients = 0
  const unused = () => {
    throw new Error('not for the reconciler')
  }
  const reconciling = composeReconciling(
    {
      ...{ syncInterval: options.syncInterval ?? 300_000, leaseDuration: 15_000 },
      ...{ identity: 'qualified', adopt: false, pruneNamespaces: false, maxRemovals: 25 },
    } as ServeConfig,
    {
      keystoneUrl: keystone.url,
      keystoneMetrics: createKeystoneMetrics(registry),
      openstack: () => (options.credentials === false ? undefined : readOpenStackSettings(env)),
      kubernetes: {
        client() {
          clients += 1
          return cluster.client
        },
        ...{ mirror: unused, firstAnswers: unused, checks: unused, close: unused },
      },
      configuration: {
        settings: () => settings,
        follow(take) {
          followers.push(take)
          take(settings)
        },
        watches: [],
      },
      clock,
      log,
      version: '0',
    },
    registry,
  )
  t.teardown(() => reconciling.stop())
  const use = (file: object) => {
    settings = syncSettings(file, { namespaceFormat: '%i' })
    for (const follower of followers) follower(settings)
  }
  const runs = async () => {
    const series = await seriesOf(registry, 'reconcile_runs_total')
    return Object.values(series).reduce((sum, count) => sum + count, 0)
  }
  const ran = (count: number) => until(`run ${count}`, async () => (await runs()) === count)
  const lease = () => cluster.get('leases', LEASE)?.spec as Record<string, unknown> | undefined
  return { project, cluster, clock, lines, reconciling, clients: () => clients, use, runs, ran, lease }
}

t.test('the replica that holds the Lease makes the namespaces, at once and at each interval', async (t) => {
  const { project, cluster, clock, lease, ran, runs } = await world(t)
  await ran(1)
  t.ok(cluster.names('namespaces').includes(project.id))
  t.equal(lease()?.leaseDurationSeconds, 15)
  await clock.advance(299_000)
  t.equal(await runs(), 1)
  await clock.advance(1000)
  await ran(2)
})

t.test('each replica has a name of its own, and only one of two makes anything', async (t) => {
  const cluster = createMemoryCluster()
  const first = await world(t, { cluster })
  await first.ran(1)
  const second = await world(t, { cluster })
  await second.clock.advance(600_000)
  await settled()
  t.equal(await second.runs(), 0)
  const other = await world(t)
  await other.ran(1)
  t.not(first.lease()?.holderIdentity, other.lease()?.holderIdentity)
})

t.test('nothing is begun without an interval, a configuration or credentials', async (t) => {
  const idle = await world(t, { syncInterval: 0 })
  const unconfigured = await world(t, { file: {} })
  const nobody = await world(t, { credentials: false })
  nobody.use(PROJECTS)
  for (const { clients, reconciling } of [idle, unconfigured, nobody]) {
    t.equal(clients(), 0)
    t.equal(reconciling.check.fault(), undefined)
  }
  t.strictSame(nobody.lines, [
    { level: 'info', msg: 'Does not reconcile: that takes service credentials for Keystone' },
  ])
  unconfigured.use(PROJECTS)
  await unconfigured.ran(1)
  unconfigured.use(PROJECTS)
  t.equal(unconfigured.clients(), 1, 'begun once')
})

t.test('a configuration that asks for nothing any more ends the comparisons, not the lead', async (t) => {
  const { clock, use, ran, runs, lease } = await world(t)
  await ran(1)
  use({})
  const renewed = lease()?.renewTime
  await clock.advance(600_000)
  t.equal(await runs(), 1)
  t.not(lease()?.renewTime, renewed)
  use(PROJECTS)
  await clock.advance(300_000)
  await ran(2)
})

t.test('a Lease that is refused is the fault, and reddens nothing', async (t) => {
  const cluster = createMemoryCluster()
  cluster.fault = (call) => (call.endsWith('leases') ? 'forbidden' : undefined)
  const { reconciling } = await world(t, { cluster })
  await settled()
  const { name, reddens, fault } = reconciling.check
  t.strictSame([name, reddens], ['reconcile', []])
  t.match(fault(), /Lease \(forbidden\)/)
})

t.test('a comparison that fails is the fault while the Lease is well', async (t) => {
  const cluster = createMemoryCluster()
  cluster.fault = (call) => (call === 'list rolebindings' ? 'forbidden' : undefined)
  const { reconciling, ran } = await world(t, { cluster })
  await ran(1)
  t.match(reconciling.check.fault(), /refuses to list rolebindings/)
})

t.test('a stop gives the Lease back', async (t) => {
  const { reconciling, ran, lease } = await world(t)
  await ran(1)
  t.not(lease()?.holderIdentity, '')
  await reconciling.stop()
  t.equal(lease()?.holderIdentity, '')
})

t.test('a run of an earlier lead ends before that of the next one begins', async (t) => {
  const cluster = createMemoryCluster()
  const held = Promise.withResolvers<void>()
  const { list } = cluster.client
  let lists = 0
  Object.assign(cluster.client, {
    async list(...args: Parameters<typeof list>) {
      lists += 1
      await held.promise
      return list(...args)
    },
  })
  const { clock, ran, lines } = await world(t, { cluster })
  await settled()
  t.equal(lists, 2)
  cluster.fault = (call) => (call === 'patch leases' ? new Error('down') : undefined)
  await clock.advance(10_000)
  t.ok(lines.some(({ msg }) => msg === 'Leads no longer'))
  cluster.fault = () => undefined
  await clock.advance(6000)
  await settled()
  t.equal(lines.filter(({ msg }) => msg === 'Leads').length, 2)
  t.equal(lists, 2, 'the second run has not begun')
  held.resolve()
  await ran(2)
  t.equal(lists, 4)
})
