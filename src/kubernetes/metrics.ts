import { type CallMetrics, createCallMetrics } from '../metrics/call-metrics.ts'
import type { MetricsRegistry } from '../metrics/registry.ts'

const OPERATIONS = ['get', 'list', 'watch', 'create', 'patch', 'apply', 'delete'] as const
export type KubernetesOperation = (typeof OPERATIONS)[number]

export type KubernetesMetrics = CallMetrics<KubernetesOperation>

export const createKubernetesMetrics = (registry: MetricsRegistry): KubernetesMetrics =>
  createCallMetrics(registry, 'Kubernetes', OPERATIONS)

/** Whether each watch stands, by its name. */
export function watchConnections(
  registry: MetricsRegistry,
  watches: () => Iterable<readonly [string, boolean]>,
): void {
  registry.gaugeBy('kubernetes_watch_connected', 'Whether a watch stands.', 'watch', () =>
    [...watches()].map(([name, connected]) => [name, Number(connected)] as const),
  )
}
