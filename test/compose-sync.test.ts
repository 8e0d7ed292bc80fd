import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../src/clock.ts'
import { composeReconciler, openInventory, openSync } from '../src/compose-sync.ts'
import { syncSettings } from '../src/compose-sync-config.ts'
import { type OpenStackSettings, readOpenStackSettings } from '../src/config/openstack-credentials.ts'
import type { SyncConfig } from '../src/config/sync-options.ts'
import { createKeystoneMetrics } from '../src/keystone/metrics.ts'
import { NAMESPACES } from '../src/kubernetes/object.ts'
import { createMetricsRegistry } from '../src/metrics/registry.ts'
import { startSimulatedKeystone } from '../src/simulator/keystone.ts'
import { ownerLabels, PROJECT_ID, PROJECT_STATE, PROJECT_STATE_SINCE } from '../src/sync/ownership.ts'
import { errorCode } from './support/error-code.ts'
import { folderTemplate } from './support/folder-template.ts'
import { simulatedAdmin, systemReaderEnv } from './support/keystone-admin.ts'
import { createManualClock } from './support/manual-clock.ts'
import { createMemoryCluster } from './support/memory-cluster.ts'
import { recordLog } from './support/recorded-log.ts'
import { INVENTORY, PROJECTS, USERS } from './support/two-domains.ts'
import { until } from './support/until.ts'

const BOTH = { 'data-types-to-sync': ['projects', 'role_assignments'] }
const SIGNAL = new AbortController().signal
const DEFAULTS: Partial<SyncConfig> = {
  identity: 'qualified',
  namespaceFormat: '%i',
  adopt: false,
  pruneNamespaces: false,
  pruneGrace: 1000,
  maxRemovals: 25,
}

/** The reconciler over two domains and a cluster in memory, under these options and this sync file. */
function reconciler(options: Partial<SyncConfig> = {}, file: object = BOTH) {
  const cluster = createMemoryCluster()
  const clock = createManualClock()
  const config = { ...DEFAULTS, ...options } as SyncConfig
  const state = { file }
  const made = composeReconciler(config, {
    client: cluster.client,
    inventory: { read: async () => INVENTORY, knows: async () => false },
    settings: () => syncSettings(state.file, config),
    clock,
  })
  const run = async () => made.apply(await made.plan(), SIGNAL)
  const usernames = () =>
    cluster.names('rolebindings').map((path) => {
      const [subject] = (cluster.get('rolebindings', path)?.subjects ?? []) as { name: string }[]
      return `${path} ${subject?.name}`
    })
  return { cluster, clock, state, made, run, usernames }
}

t.test('bindings name users as the token webhook does, by the option', async (t) => {
  for (const [identity, name] of [
    ['qualified', 'keystone:user:d-beta/alice'],
    ['compatible', 'alice'],
  ] as const) {
    const { run, usernames } = reconciler({ identity })
    await run()
    const of = `${PROJECTS.betaWeb.id}/${USERS.betaAlice.id}_reader`
    t.ok(usernames().includes(`${of} ${name}`), `${identity}: ${usernames().join(', ')}`)
  }
})

t.test('a user whose name a mapping gives is asked for in each project again', async (t) => {
  const mapping = { 'keystone-role': 'admin', username: 'the-admin' }
  const { run, usernames } = reconciler({ identity: 'compatible' }, { ...BOTH, 'role-mappings': [mapping] })
  await run()
  const bob = usernames().filter((line) => line.includes(USERS.acmeBob.id))
  t.strictSame(bob, [
    `${PROJECTS.acmeOps.id}/${USERS.acmeBob.id}_reader bob`,
    `${PROJECTS.acmeWeb.id}/${USERS.acmeBob.id}_admin the-admin`,
    `${PROJECTS.acmeWeb.id}/${USERS.acmeBob.id}_member the-admin`,
  ])
})

t.test('a namespace that nobody logs in to is named by the domain of the project', async (t) => {
  const { cluster, run } = reconciler({ namespaceFormat: '%d-%n-%i' })
  await run()
  t.strictSame(cluster.names('namespaces'), [
    'd-acme-ops-p-acme-ops',
    'd-acme-web-p-acme-web',
    'd-beta-web-p-beta-web',
  ])
})

t.test('the sync file of each run says what is made, and for whom', async (t) => {
  const { cluster, state, run } = reconciler(
    {},
    { 'data-types-to-sync': ['projects'], 'projects-blacklist': [PROJECTS.acmeOps.id] },
  )
  await run()
  t.strictSame(cluster.names('namespaces'), [PROJECTS.acmeWeb.id, PROJECTS.betaWeb.id])
  t.strictSame(cluster.names('rolebindings'), [])
  state.file = { ...BOTH, 'role-bindings': [{ 'keystone-role': 'reader', 'cluster-role': 'view' }] }
  await run()
  t.strictSame(cluster.names('rolebindings'), [
    `${PROJECTS.acmeOps.id}/${USERS.acmeBob.id}_reader`,
    `${PROJECTS.betaWeb.id}/${USERS.betaAlice.id}_reader`,
  ])
})

t.test('namespaces of deleted projects go only with --prune-namespaces, after the grace', async (t) => {
  for (const [pruneNamespaces, age, left] of [
    [false, 10_000, 1],
    [true, 999, 1],
    [true, 1000, 0],
  ] as const) {
    const { cluster, clock, run } = reconciler({ pruneNamespaces })
    const since = new Date(clock.now() - age).toISOString()
    cluster.put(NAMESPACES, {
      metadata: {
        name: 'gone',
        labels: { ...ownerLabels, [PROJECT_STATE]: 'deleted' },
        annotations: { [PROJECT_ID]: 'gone', [PROJECT_STATE_SINCE]: since },
      },
    })
    await run()
    t.equal(cluster.names('namespaces').filter((name) => name === 'gone').length, left)
  }
})

t.test('too many removals are those of --max-removals', async (t) => {
  for (const [maxRemovals, refused] of [
    [0, 'SYNC_TOO_MANY_REMOVALS'],
    [25, 'SYNC_TOO_MANY_REMOVALS'],
    [100, undefined],
  ] as const) {
    const { cluster, made } = reconciler({ maxRemovals })
    for (let number = 0; number < 20; number += 1) {
      const annotations = { [PROJECT_ID]: `gone-${number}` }
      cluster.put(NAMESPACES, { metadata: { name: `n${number}`, labels: ownerLabels, annotations } })
    }
    t.equal((await made.plan()).refused?.code, refused)
  }
})

t.test('a template is spelt by the API server before it is compared', async (t) => {
  const { cluster, run } = reconciler({ syncTemplateDir: folderTemplate(t).folder })
  await run()
  t.ok(cluster.calls.includes('dry-run networkpolicies'))
  t.equal(cluster.names('networkpolicies').length, 3)
})

t.test('the authorities of the flag beat those of the credentials, which are not read then', async (t) => {
  const parts = {
    keystoneUrl: 'https://keystone',
    openstack: () => ({ caFile: '/nonexistent' }) as OpenStackSettings,
    ...{ clock: systemClock, version: '0', metrics: createKeystoneMetrics(createMetricsRegistry()) },
  }
  const caFile = join(t.testdir({ 'ca.pem': '' }), 'ca.pem')
  await openInventory({ ...parts, caFile }).close()
  t.throws(() => openInventory({ ...parts, caFile: undefined }), { code: 'FILE_UNREADABLE' })
})

t.test('the service logs in with the credentials of the moment', async (t) => {
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  const admin = simulatedAdmin(keystone)
  const env = await systemReaderEnv(admin)
  const project = await admin.createProject()
  await admin.grant(await admin.createUser(), { project: project.id }, 'member')
  let OS_PASSWORD = 'before the rotation'
  const { inventory, close } = openInventory({
    keystoneUrl: keystone.url,
    caFile: undefined,
    openstack: () => readOpenStackSettings({ ...env, OS_PASSWORD }) as OpenStackSettings,
    clock: systemClock,
    version: '0',
    metrics: createKeystoneMetrics(createMetricsRegistry()),
  })
  t.teardown(async () => {
    await close()
    await keystone.close()
  })
  t.equal(await errorCode(inventory.read(SIGNAL)), 'KEYSTONE_REFUSED_US')
  OS_PASSWORD = env.OS_PASSWORD
  t.equal(await errorCode(inventory.read(SIGNAL)), 'none')
})

t.test(
  'a command reads the sync file, else the ConfigMap, and closes what it opened when that is invalid',
  async (t) => {
    const asked: string[] = []
    const connections = new Set<Socket>()
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      response.setHeader('content-type', 'application/json')
      const data = { syncConfig: 'data-types-to-sync: []\n' }
      response.end(JSON.stringify({ metadata: { name: 'sync' }, data }))
    }).listen(0, '127.0.0.1')
    server.on('connection', (socket) => {
      connections.add(socket)
      socket.on('close', () => connections.delete(socket))
    })
    await once(server, 'listening')
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    const folder = t.testdir({
      'sync.yaml': 'data-types-to-sync: [projects]\n',
      kubeconfig: JSON.stringify({
        clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}` } }],
        users: [{ name: 'u', user: {} }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }),
    })
    const open = (more: Partial<SyncConfig>) =>
      openSync(
        {
          ...DEFAULTS,
          kubeconfig: join(folder, 'kubeconfig'),
          syncConfigmapName: 'sync',
          ...more,
        } as SyncConfig,
        {
          clock: systemClock,
          log: recordLog().log,
          version: '0',
          env: {},
          keystoneUrl: 'http://127.0.0.1:1',
          openstack: () => ({ caFile: undefined }) as OpenStackSettings,
        },
      )
    const { close } = await open({ syncConfigFile: join(folder, 'sync.yaml') })
    await close()
    t.strictSame(asked, [])
    t.equal(await errorCode(open({})), 'SYNC_CONFIG_INVALID')
    t.strictSame(asked, ['GET /api/v1/namespaces/kube-system/configmaps/sync'])
    await until('the connection is closed', () => connections.size === 0, 2000)
  },
)
