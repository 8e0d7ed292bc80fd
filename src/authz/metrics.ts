import type { MetricsRegistry } from '../metrics/registry.ts'

const OUTCOMES = ['allow', 'deny', 'none', 'failed', 'invalid_request'] as const
const SHADOW = ['same', 'would_allow', 'would_refuse'] as const

export interface AuthzMetrics {
  reviewed(outcome: (typeof OUTCOMES)[number], milliseconds: number): void
  compared(result: (typeof SHADOW)[number]): void
  reloaded(result: 'success' | 'failure'): void
  /** Tells where to read the state of the policy when somebody scrapes. */
  watch(state: PolicyState): void
}

export interface PolicyState {
  rules(): number
  sources(): number
  faultySources(): number
  quarantined(): number
  /** Milliseconds since the epoch. */
  lastSuccess(): number
  /** The first 48 bits of the hash of the compiled policy, as a number: equal on replicas that decide equally. */
  hash(): number
}

export function createAuthzMetrics(registry: MetricsRegistry): AuthzMetrics {
  const reviews = registry.counter('subject_access_reviews_total', 'SubjectAccessReviews by outcome.', {
    outcome: OUTCOMES,
  })
  const seconds = registry.histogram('subject_access_review_duration_seconds', 'Time to answer one.', {})
  const shadow = registry.counter('shadow_decisions_total', 'Decisions of the shadow policy by comparison.', {
    result: SHADOW,
  })
  const reloads = registry.counter('policy_reloads_total', 'Readings of policy sources that changed.', {
    result: ['success', 'failure'],
  })
  return {
    reviewed(outcome, milliseconds) {
      reviews.add({ outcome })
      seconds.observe({}, milliseconds / 1000)
    },
    compared: (result) => shadow.add({ result }),
    reloaded: (result) => reloads.add({ result }),
    watch(state) {
      registry.gauge('policy_rules', 'Rules of the compiled policy.', state.rules)
      registry.gauge('policy_sources', 'Sources of policies.', state.sources)
      registry.gauge(
        'policy_faulty_sources',
        'Sources that could not be read last time.',
        state.faultySources,
      )
      registry.gauge('policy_quarantined_rules', 'Rules that cannot be understood.', state.quarantined)
      registry.gauge('policy_last_success_timestamp_seconds', 'When a policy was last compiled.', () =>
        Math.floor(state.lastSuccess() / 1000),
      )
      registry.gauge('policy_hash', 'First 48 bits of the hash of the compiled policy.', state.hash)
    },
  }
}
