import type { MetricsRegistry } from '../metrics/registry.ts'
import { ACTIONS, type Action } from './plan.ts'

export const RUN_OUTCOMES = [
  'unchanged',
  'changed',
  'incomplete',
  'interrupted',
  'refused',
  'failed',
] as const
export type RunOutcome = (typeof RUN_OUTCOMES)[number]

export interface ReconcileMetrics {
  ran(outcome: RunOutcome, milliseconds: number): void
  changed(action: Action, count: number): void
  /** What the gauges show. */
  watch(values: {
    readonly leading: () => boolean
    readonly obstacles: () => number
    /** Milliseconds since the epoch; undefined: never. */
    readonly lastSuccess: () => number | undefined
  }): void
}

export function createReconcileMetrics(registry: MetricsRegistry): ReconcileMetrics {
  const runs = registry.counter(
    'reconcile_runs_total',
    'Comparisons of Keystone with the cluster by outcome.',
    {
      outcome: RUN_OUTCOMES,
    },
  )
  const seconds = registry.histogram(
    'reconcile_duration_seconds',
    'Time of one comparison and its changes.',
    {},
  )
  const changes = registry.counter('reconcile_changes_total', 'Objects changed by the reconciler.', {
    action: ACTIONS,
  })
  return {
    ran(outcome, milliseconds) {
      runs.add({ outcome })
      seconds.observe({}, milliseconds / 1000)
    },
    changed: (action, count) => changes.add({ action }, count),
    watch({ leading, obstacles, lastSuccess }) {
      registry.gauge('reconcile_leader', '1 for the replica that reconciles, else 0.', () =>
        Number(leading()),
      )
      registry.gauge('reconcile_obstacles', 'Objects in the way that do not carry our label.', obstacles)
      registry.gauge(
        'reconcile_last_success_timestamp_seconds',
        'When a comparison last ended with everything in place.',
        () => (lastSuccess() ?? Number.NaN) / 1000,
      )
    },
  }
}
