import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Clock } from './clock.ts'
import { type Kubernetes, SYSTEM_NAMESPACE } from './compose-kubernetes.ts'
import { composeReconciler, openInventory } from './compose-sync.ts'
import type { SyncConfiguration } from './compose-sync-config.ts'
import type { OpenStackSettings } from './config/openstack-credentials.ts'
import type { ServeConfig } from './config/serve-options.ts'
import type { KeystoneMetrics } from './keystone/metrics.ts'
import type { Log } from './log.ts'
import type { MetricsRegistry } from './metrics/registry.ts'
import type { HealthCheck } from './server/health.ts'
import { createLeaderElection } from './sync/leader-election.ts'
import { createReconcileLoop } from './sync/reconcile-loop.ts'
import { createReconcileMetrics } from './sync/reconcile-metrics.ts'

const LEASE = { name: 'portcullis-reconciler', namespace: SYSTEM_NAMESPACE }

interface Parts {
  readonly keystoneUrl: string
  readonly keystoneMetrics: KeystoneMetrics
  readonly openstack: () => OpenStackSettings | undefined
  readonly kubernetes: Kubernetes
  readonly configuration: SyncConfiguration
  readonly clock: Clock
  readonly log: Log
  readonly version: string
}

interface Reconciling {
  readonly fault: () => string | undefined
  stop(): Promise<void>
}

/**
 * The reconciler within the server, in one replica at a time. It comes to life with the first sync configuration that asks for
 * something, if there are service credentials.
 */
export function composeReconciling(
  config: ServeConfig,
  parts: Parts,
  registry: MetricsRegistry,
): { readonly check: HealthCheck; stop(): Promise<void> } {
  const { configuration, log } = parts
  let reconciling: Reconciling | undefined
  let told = false
  configuration.follow(({ rules }) => {
    if (reconciling !== undefined || rules.dataTypes.length === 0 || config.syncInterval === 0) return
    if (parts.openstack() !== undefined) reconciling = start(config, parts, registry)
    else if (!told) log.info('Does not reconcile: that takes service credentials for Keystone')
    told = true
  })
  return {
    check: { name: 'reconcile', reddens: [], fault: () => reconciling?.fault() },
    async stop() {
      await reconciling?.stop()
    },
  }
}

function start(config: ServeConfig, parts: Parts, registry: MetricsRegistry): Reconciling {
  const { kubernetes, configuration, clock, log, openstack } = parts
  const client = kubernetes.client()
  const { inventory, close } = openInventory({
    ...parts,
    caFile: config.keystoneCaFile,
    metrics: parts.keystoneMetrics,
    openstack() {
      const settings = openstack()
      if (settings === undefined) throw new Error('the OpenStack credentials are gone')
      return settings
    },
  })
  const loop = createReconcileLoop({
    reconciler: composeReconciler(config, { client, inventory, settings: configuration.settings, clock }),
    wanted: () => configuration.settings().rules.dataTypes.length > 0,
    leading: () => election.leading(),
    intervalMs: config.syncInterval,
    clock,
    log,
    metrics: createReconcileMetrics(registry),
  })
  let running = Promise.resolve()
  const election = createLeaderElection({
    client,
    lease: LEASE,
    identity: `${hostname()}_${randomUUID()}`,
    leaseMs: config.leaseDuration,
    // a run of an earlier lead may still be waiting for an answer
    elected(lead) {
      running = running.then(() => loop.run(lead))
    },
    clock,
    log,
  })
  return {
    fault: () => election.fault() ?? loop.fault(),
    async stop() {
      await election.stop()
      await close()
    },
  }
}
