import t from 'tap'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'
import { createLoginSyncMetrics } from '../../src/sync/login-sync-metrics.ts'
import { seriesOf } from '../support/metric-series.ts'

t.test('tries, changes, waits and the queue are counted by what became of them', async (t) => {
  const registry = createMetricsRegistry()
  const metrics = createLoginSyncMetrics(registry)
  let queued = 3
  metrics.watch(() => queued)
  for (const result of ['done', 'done', 'failed', 'given_up', 'dropped'] as const) metrics.job(result)
  for (const kind of ['namespace', 'role_binding'] as const)
    for (const action of ['create', 'update', 'delete'] as const) metrics.changed(kind, action)
  metrics.changed('role_binding', 'delete')
  metrics.waited('done')
  metrics.waited('timeout')
  metrics.waited('timeout')
  t.strictSame(await seriesOf(registry, 'login_sync'), {
    'login_sync_jobs_total{result="done"}': 2,
    'login_sync_jobs_total{result="failed"}': 1,
    'login_sync_jobs_total{result="given_up"}': 1,
    'login_sync_jobs_total{result="dropped"}': 1,
    'login_sync_objects_total{kind="namespace",action="create"}': 1,
    'login_sync_objects_total{kind="namespace",action="update"}': 1,
    'login_sync_objects_total{kind="namespace",action="delete"}': 1,
    'login_sync_objects_total{kind="role_binding",action="create"}': 1,
    'login_sync_objects_total{kind="role_binding",action="update"}': 1,
    'login_sync_objects_total{kind="role_binding",action="delete"}': 2,
    'login_sync_waits_total{result="done"}': 1,
    'login_sync_waits_total{result="timeout"}': 2,
    login_sync_queue: 3,
  })
  queued = 0
  t.equal(
    (await seriesOf(registry, 'login_sync')).login_sync_queue,
    0,
    'the queue is read when somebody scrapes',
  )
})
