import type { MetricsRegistry } from '../metrics/registry.ts'
import { FAILURES, REFUSALS, type Verdict } from './verdict.ts'

const OUTCOMES = ['authenticated', 'invalid_request', ...REFUSALS, ...FAILURES] as const
export type ReviewOutcome = (typeof OUTCOMES)[number]

const CACHE_RESULTS = ['hit', 'negative_hit', 'joined', 'miss'] as const

export interface AuthnMetrics {
  reviewed(outcome: ReviewOutcome, milliseconds: number): void
  looked(result: (typeof CACHE_RESULTS)[number]): void
  evicted(): void
  groupDropped(): void
  /** Tells where to read sizes when somebody scrapes. */
  watch(sizes: { entries: () => number; negativeEntries: () => number; inFlight: () => number }): void
}

export function createAuthnMetrics(registry: MetricsRegistry): AuthnMetrics {
  const reviews = registry.counter('token_reviews_total', 'TokenReviews by outcome.', { outcome: OUTCOMES })
  const seconds = registry.histogram('token_review_duration_seconds', 'Time to answer a TokenReview.', {
    outcome: ['authenticated', 'refused', 'failed'],
  })
  const lookups = registry.counter('token_cache_lookups_total', 'Token cache look-ups by result.', {
    result: CACHE_RESULTS,
  })
  const evictions = registry.counter('token_cache_evictions_total', 'Entries that had to make room.', {})
  const dropped = registry.counter(
    'reserved_groups_dropped_total',
    'Groups named system:... that were dropped.',
    {},
  )
  return {
    reviewed(outcome, milliseconds) {
      reviews.add({ outcome })
      seconds.observe({ outcome: coarse(outcome) }, milliseconds / 1000)
    },
    looked: (result) => lookups.add({ result }),
    evicted: () => evictions.add({}),
    groupDropped: () => dropped.add({}),
    watch({ entries, negativeEntries, inFlight }) {
      registry.gauge('token_cache_entries', 'Tokens known as good.', entries)
      registry.gauge('token_cache_negative_entries', 'Tokens known as bad.', negativeEntries)
      registry.gauge('token_lookups_in_flight', 'Tokens being asked about at Keystone.', inFlight)
    },
  }
}

export const outcomeOf = (verdict: Verdict): ReviewOutcome =>
  verdict.kind === 'authenticated'
    ? 'authenticated'
    : verdict.kind === 'refused'
      ? verdict.refusal
      : verdict.failure

const FAILED: readonly string[] = FAILURES

function coarse(outcome: ReviewOutcome): 'authenticated' | 'refused' | 'failed' {
  if (outcome === 'authenticated') return 'authenticated'
  return FAILED.includes(outcome) ? 'failed' : 'refused'
}
