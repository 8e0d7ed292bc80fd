import t from 'tap'
import { createKeystoneMetrics } from '../../src/keystone/metrics.ts'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'

t.test('each operation of a server is counted and timed under its own name and outcome', async (t) => {
  const registry = createMetricsRegistry()
  const metrics = createKeystoneMetrics(registry)
  const operations = ['discovery', 'login', 'validate', 'groups', 'list'] as const
  operations.forEach((operation, index) => {
    for (let call = 0; call <= index; call += 1) metrics.called(operation, 'ok', 250)
  })
  metrics.called('validate', 'refused', 1500)
  metrics.called('validate', 'failed', 30)
  const text = await registry.text()
  const value = (name: string, operation: string, outcome: string) =>
    Number(
      new RegExp(
        `^portcullis_keystone_${name}{operation="${operation}",outcome="${outcome}"} (.*)$`,
        'm',
      ).exec(text)?.[1],
    )
  operations.forEach((operation, index) => {
    t.equal(value('calls_total', operation, 'ok'), index + 1, operation)
    t.equal(value('call_duration_seconds_sum', operation, 'ok'), (index + 1) / 4, operation)
  })
  t.equal(value('calls_total', 'validate', 'refused'), 1)
  t.equal(value('call_duration_seconds_sum', 'validate', 'refused'), 1.5)
  t.equal(value('call_duration_seconds_sum', 'validate', 'failed'), 0.03)
  t.equal(value('calls_total', 'list', 'refused'), 0, 'a series is there before the first call')
})

t.test('the operations of commands for people have no series', async (t) => {
  const registry = createMetricsRegistry()
  const metrics = createKeystoneMetrics(registry)
  metrics.called('places', 'ok', 1)
  metrics.called('revoke', 'ok', 1)
  t.notMatch(await registry.text(), /operation="(places|revoke)"/)
})
