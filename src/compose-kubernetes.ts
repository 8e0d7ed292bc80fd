import type { Clock } from './clock.ts'
import { createGate } from './http/gate.ts'
import { createKubernetesCaller } from './kubernetes/caller.ts'
import { createKubernetesClient, type KubernetesClient } from './kubernetes/client.ts'
import type { ReadClusterAccess } from './kubernetes/cluster-access.ts'
import { openConnection } from './kubernetes/connection.ts'
import { createKubernetesMetrics } from './kubernetes/metrics.ts'
import type { Log } from './log.ts'
import type { MetricsRegistry } from './metrics/registry.ts'

/** Calls at once, a watch for each of policies, sync configuration and namespaces beside them. */
const RUNNING = 8
const WAITING = 1024
const DEADLINE_MS = 10_000

/** Access to the Kubernetes API; throws KUBECONFIG_INVALID or FILE_UNREADABLE, asks nothing yet. */
export function openKubernetes(
  read: ReadClusterAccess,
  { clock, log, version }: { clock: Clock; log: Log; version: string },
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
