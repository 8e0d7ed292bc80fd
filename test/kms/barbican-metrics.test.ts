import t from 'tap'
import { createBarbicanMetrics } from '../../src/kms/barbican-metrics.ts'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'

t.test('calls to Barbican are counted by operation and outcome, in seconds', async (t) => {
  const registry = createMetricsRegistry()
  const metrics = createBarbicanMetrics(registry)
  for (const operation of ['describe', 'payload', 'list', 'metadata', 'order'] as const) {
    metrics.called(operation, 'ok', 500)
    metrics.called(operation, 'failed', 1500)
  }
  const text = await registry.text()
  for (const operation of ['describe', 'payload', 'list', 'metadata', 'order']) {
    const labels = (outcome: string) => `{operation="${operation}",outcome="${outcome}"}`
    t.match(text, `\nportcullis_barbican_calls_total${labels('ok')} 1\n`)
    t.match(text, `\nportcullis_barbican_calls_total${labels('refused')} 0\n`)
    t.match(text, `\nportcullis_barbican_call_duration_seconds_sum${labels('failed')} 1.5\n`)
  }
  t.match(text, /# HELP portcullis_barbican_calls_total .*Barbican/)
})
