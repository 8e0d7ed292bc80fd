import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { AuthzMetrics } from './metrics.ts'
import type { Policy } from './policy.ts'
import { reasonOf } from './reason.ts'
import type { ReviewObserver } from './subject-access-review.ts'

/** At most this many differences a minute go into the log; all are counted. */
const LOGGED_A_MINUTE = 10

/**
 * Decides every request by a second policy too: differences are counted and, some of them, logged; nothing of it ever
 * reaches an answer.
 */
export function createShadowPolicy(parts: {
  policy: () => Policy
  metrics: AuthzMetrics
  clock: Clock
  log: Log
}): ReviewObserver {
  const { policy, metrics, clock, log } = parts
  let minute = 0
  let logged = 0
  return (_spec, request, verdict) => {
    try {
      const decision = policy().decide(request)
      const same = decision.kind === verdict.kind
      metrics.compared(same ? 'same' : decision.kind === 'allow' ? 'would_allow' : 'would_refuse')
      if (same) return
      const now = Math.floor(clock.now() / 60_000)
      if (now !== minute) [minute, logged] = [now, 0]
      if (logged++ < LOGGED_A_MINUTE)
        log.info(
          { answered: verdict.kind, shadow: decision.kind, reason: reasonOf(decision, request) },
          'The shadow policy decides otherwise',
        )
    } catch (error) {
      log.error({ err: error instanceof Error ? error.name : 'unknown' }, 'The shadow policy failed')
    }
  }
}
