import t from 'tap'
import { createAuthzMetrics } from '../../src/authz/metrics.ts'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'

/** The samples of the metrics of authorization, without the buckets. */
async function samples(registry: ReturnType<typeof createMetricsRegistry>) {
  const lines = (await registry.text()).split('\n')
  return lines.filter((line) => line.startsWith('portcullis_') && !line.includes('_bucket'))
}

t.test('reviews are counted by outcome and timed in seconds', async (t) => {
  const registry = createMetricsRegistry()
  const metrics = createAuthzMetrics(registry)
  metrics.reviewed('allow', 1500)
  metrics.reviewed('allow', 250)
  metrics.reviewed('deny', 0)
  metrics.reviewed('failed', 0)
  for (const result of ['would_allow', 'would_allow', 'would_refuse'] as const) metrics.compared(result)
  metrics.reloaded('failure')
  t.same(await samples(registry), [
    'portcullis_subject_access_reviews_total{outcome="allow"} 2',
    'portcullis_subject_access_reviews_total{outcome="deny"} 1',
    'portcullis_subject_access_reviews_total{outcome="none"} 0',
    'portcullis_subject_access_reviews_total{outcome="failed"} 1',
    'portcullis_subject_access_reviews_total{outcome="invalid_request"} 0',
    'portcullis_subject_access_review_duration_seconds_sum 1.75',
    'portcullis_subject_access_review_duration_seconds_count 4',
    'portcullis_shadow_decisions_total{result="same"} 0',
    'portcullis_shadow_decisions_total{result="would_allow"} 2',
    'portcullis_shadow_decisions_total{result="would_refuse"} 1',
    'portcullis_policy_reloads_total{result="success"} 0',
    'portcullis_policy_reloads_total{result="failure"} 1',
  ])
})

t.test('the state of the policy is read at each scrape', async (t) => {
  const registry = createMetricsRegistry()
  let rules = 3
  createAuthzMetrics(registry).watch({
    rules: () => rules,
    sources: () => 4,
    faultySources: () => 1,
    quarantined: () => 2,
    lastSuccess: () => 1_780_272_000_999,
    hash: () => 2 ** 48 - 1,
  })
  const gauges = async () => (await samples(registry)).filter((line) => /_policy_(?!reloads)/.test(line))
  t.same(await gauges(), [
    'portcullis_policy_rules 3',
    'portcullis_policy_sources 4',
    'portcullis_policy_faulty_sources 1',
    'portcullis_policy_quarantined_rules 2',
    'portcullis_policy_last_success_timestamp_seconds 1780272000',
    'portcullis_policy_hash 281474976710655',
  ])
  rules = 5
  t.equal((await gauges())[0], 'portcullis_policy_rules 5')
})

t.test('every metric says what it is', async (t) => {
  const registry = createMetricsRegistry()
  const zero = () => 0
  createAuthzMetrics(registry).watch({
    rules: zero,
    sources: zero,
    faultySources: zero,
    quarantined: zero,
    lastSuccess: zero,
    hash: zero,
  })
  const text = await registry.text()
  t.equal(registry.names().length, 10)
  for (const name of registry.names()) t.match(text, new RegExp(`^# HELP ${name} \\S+ .*\\w`, 'm'), name)
})
