import t from 'tap'
import { createAuthnMetrics, outcomeOf } from '../../src/authn/metrics.ts'
import { FAILURES, REFUSALS } from '../../src/authn/verdict.ts'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'

function world() {
  const registry = createMetricsRegistry()
  const metrics = createAuthnMetrics(registry)
  /** The samples of one metric that are not 0, as they are scraped. */
  const samples = async (name: string) =>
    (await registry.text())
      .split('\n')
      .filter((line) => line.startsWith(`portcullis_${name}`) && !line.endsWith(' 0'))
      .map((line) => line.slice(`portcullis_${name}`.length))
  return { registry, metrics, samples }
}

t.test('reviews are counted by outcome, and timed in seconds by kind of outcome', async (t) => {
  const { metrics, samples } = world()
  metrics.reviewed('authenticated', 20)
  for (const refusal of REFUSALS) metrics.reviewed(refusal, 250)
  metrics.reviewed('invalid_request', 250)
  for (const failure of FAILURES) metrics.reviewed(failure, 4000)
  t.same(
    (await samples('token_reviews_total')).sort(),
    ['authenticated', 'invalid_request', ...REFUSALS, ...FAILURES]
      .map((outcome) => `{outcome="${outcome}"} 1`)
      .sort(),
  )
  t.same(await samples('token_review_duration_seconds_sum'), [
    '{outcome="authenticated"} 0.02',
    '{outcome="refused"} 2.5',
    '{outcome="failed"} 32',
  ])
  t.same(await samples('token_review_duration_seconds_count'), [
    '{outcome="authenticated"} 1',
    '{outcome="refused"} 10',
    '{outcome="failed"} 8',
  ])
})

t.test('look-ups are counted by result, evictions and dropped groups for themselves', async (t) => {
  const { metrics, samples } = world()
  const results = ['hit', 'negative_hit', 'joined', 'miss'] as const
  for (const [index, result] of results.entries())
    for (let count = 0; count <= index; count += 1) metrics.looked(result)
  metrics.evicted()
  metrics.groupDropped()
  metrics.groupDropped()
  t.same(
    await samples('token_cache_lookups_total'),
    results.map((result, index) => `{result="${result}"} ${index + 1}`),
  )
  t.same(await samples('token_cache_evictions_total'), [' 1'])
  t.same(await samples('reserved_groups_dropped_total'), [' 2'])
})

t.test('sizes are read when somebody scrapes', async (t) => {
  const { metrics, samples } = world()
  const sizes = { entries: 3, negativeEntries: 4, inFlight: 5 }
  metrics.watch({
    entries: () => sizes.entries,
    negativeEntries: () => sizes.negativeEntries,
    inFlight: () => sizes.inFlight,
  })
  t.same(await samples('token_cache_entries'), [' 3'])
  t.same(await samples('token_cache_negative_entries'), [' 4'])
  t.same(await samples('token_lookups_in_flight'), [' 5'])
  sizes.inFlight = 6
  t.same(await samples('token_lookups_in_flight'), [' 6'])
})

t.test('every metric is explained where it is scraped', async (t) => {
  const { registry, metrics } = world()
  metrics.watch({ entries: () => 0, negativeEntries: () => 0, inFlight: () => 0 })
  const text = await registry.text()
  t.equal(registry.names().length, 8)
  for (const name of registry.names()) t.match(text, new RegExp(`^# HELP ${name} \\S`, 'm'))
})

t.test('the outcome of a verdict is its refusal or failure', async (t) => {
  t.equal(outcomeOf({ kind: 'authenticated', user: '{}', expiresAt: 1 }), 'authenticated')
  t.equal(outcomeOf({ kind: 'refused', refusal: 'wrong_scope' }), 'wrong_scope')
  t.equal(outcomeOf({ kind: 'failed', failure: 'timeout' }), 'timeout')
})
