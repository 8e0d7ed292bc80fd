import t from 'tap'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'
import { createReconcileMetrics, RUN_OUTCOMES } from '../../src/sync/reconcile-metrics.ts'
import { seriesOf } from '../support/metric-series.ts'

t.test('runs are counted by outcome, and their time in seconds', async (t) => {
  const registry = createMetricsRegistry()
  const metrics = createReconcileMetrics(registry)
  t.strictSame(RUN_OUTCOMES, ['unchanged', 'changed', 'incomplete', 'interrupted', 'refused', 'failed'])
  for (const outcome of RUN_OUTCOMES) metrics.ran(outcome, 500)
  metrics.ran('failed', 1500)
  metrics.changed('create', 3)
  metrics.changed('delete', 2)
  metrics.changed('update', 0)
  t.strictSame(await seriesOf(registry, 'reconcile'), {
    ...Object.fromEntries(RUN_OUTCOMES.map((outcome) => [`reconcile_runs_total{outcome="${outcome}"}`, 1])),
    'reconcile_runs_total{outcome="failed"}': 2,
    reconcile_duration_seconds_sum: 4.5,
    reconcile_duration_seconds_count: 7,
    'reconcile_changes_total{action="create"}': 3,
    'reconcile_changes_total{action="update"}': 0,
    'reconcile_changes_total{action="delete"}': 2,
  })
})

t.test('the gauges show who leads, what is in the way and the Unix time of the last success', async (t) => {
  const registry = createMetricsRegistry()
  let [leading, obstacles, lastSuccess]: [boolean, number, number | undefined] = [false, 0, undefined]
  createReconcileMetrics(registry).watch({
    leading: () => leading,
    obstacles: () => obstacles,
    lastSuccess: () => lastSuccess,
  })
  const gauges = async () => {
    const series = await seriesOf(registry, 'reconcile')
    return [
      series.reconcile_leader,
      series.reconcile_obstacles,
      series.reconcile_last_success_timestamp_seconds,
    ]
  }
  t.strictSame(await gauges(), [0, 0, Number.NaN], 'never')
  ;[leading, obstacles, lastSuccess] = [true, 7, Date.parse('2026-06-01T00:00:00Z')]
  t.strictSame(await gauges(), [1, 7, 1_780_272_000])
})
