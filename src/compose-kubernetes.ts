import type { Clock } from './clock.ts'
import { createGate } from './http/gate.ts'
import { createKubernetesCaller } from './kubernetes/caller.ts'
import { createKubernetesClient, type KubernetesClient } from './kubernetes/client.ts'
import type { ReadClusterAccess } from './kubernetes/cluster-access.ts'
import { type ConfigMapMirror, mirrorConfigMaps } from './kubernetes/config-map-mirror.ts'
import { openConnection } from './kubernetes/connection.ts'
import { createKubernetesMetrics, watchConnections } from './kubernetes/metrics.ts'
import type { Log } from './log.ts'
import type { MetricsRegistry } from './metrics/registry.ts'
import type { HealthCheck } from './server/health.ts'

interface Surroundings {
  readonly clock: Clock
  readonly log: Log
  readonly version: string
}

/** Where k8s-keystone-auth keeps its ConfigMaps. */
export const SYSTEM_NAMESPACE = 'kube-system'

/** Calls at once; watches have connections of their own beside them. */
const RUNNING = 8
const WAITING = 1024
const DEADLINE_MS = 10_000
/** For what the API server has to say before we serve: with it, nobody is refused for want of a policy after a restart. */
const FIRST_ANSWER_MS = 3000

/** Access to the Kubernetes API; throws KUBECONFIG_INVALID or FILE_UNREADABLE, asks nothing yet. */
export function openKubernetes(
  read: ReadClusterAccess,
  { clock, log, version }: Surroundings,
  registry: MetricsRegistry,
): { client: KubernetesClient; close: () => Promise<void> } {
  const connection = openConnection({
    read,
    userAgent: `portcullis/${version}`,
    connections: RUNNING,
    clock,
    log,
  })
  const caller = createKubernetesCaller({
    connection,
    gate: createGate({ running: RUNNING, waiting: WAITING }),
    deadlineMs: DEADLINE_MS,
    clock,
    metrics: createKubernetesMetrics(registry),
  })
  return { client: createKubernetesClient(caller), close: () => connection.close() }
}

/** The Kubernetes API for those parts of the server that turn out to need it. */
export interface Kubernetes {
  /** Opens the access if nobody has yet; throws as `openKubernetes`. */
  client(): KubernetesClient
  /** ConfigMaps of kube-system, under a name for health and metrics. */
  mirror(name: string, which: Parameters<typeof mirrorConfigMaps>[0]['which']): ConfigMapMirror
  /** Resolves when all mirrors have heard of the API server or of its absence, or after a few seconds. */
  firstAnswers(): Promise<void>
  checks(): readonly HealthCheck[]
  close(): Promise<void>
}

export function composeKubernetes(
  read: ReadClusterAccess,
  world: Surroundings,
  registry: MetricsRegistry,
): Kubernetes {
  const { clock, log } = world
  const mirrors = new Map<string, ConfigMapMirror>()
  let opened: ReturnType<typeof openKubernetes> | undefined
  const open = () => {
    opened ??= openKubernetes(read, world, registry)
    return opened
  }
  return {
    client: () => open().client,
    mirror(name, which) {
      const { client } = open()
      if (mirrors.size === 0)
        watchConnections(registry, () => [...mirrors].map(([key, one]) => [key, one.connected()] as const))
      const mirror = mirrorConfigMaps({ client, namespace: SYSTEM_NAMESPACE, which, clock, log })
      mirrors.set(name, mirror)
      return mirror
    },
    async firstAnswers() {
      let cancel = () => {}
      const late = new Promise<void>((resolve) => {
        cancel = clock.after(FIRST_ANSWER_MS, resolve)
      })
      await Promise.race([Promise.all([...mirrors.values()].map((mirror) => mirror.settled)), late])
      cancel()
    },
    checks: () => [...mirrors].map(([name, mirror]) => ({ name, reddens: [], fault: mirror.fault })),
    async close() {
      for (const mirror of mirrors.values()) mirror.stop()
      await opened?.close()
    },
  }
}
