import type { Clock } from '../clock.ts'
import { isRecord, isTextList } from '../json.ts'
import type { ReviewHandler } from '../server/review.ts'
import type { Authenticator } from './authenticator.ts'
import { type AuthnMetrics, outcomeOf } from './metrics.ts'
import { FAILURE_TEXTS, type Verdict } from './verdict.ts'

const NO = { status: '{"authenticated":false}' }

/**
 * TokenReview (contracts A.2 to A.7). Audiences: with none configured a token is good for the API server alone and
 * the answer names none; else the answer names those of ours that were asked for, and none in common is a no.
 */
export function createTokenReviewHandler(parts: {
  authenticator: Authenticator
  audiences: readonly string[]
  clock: Clock
  metrics: AuthnMetrics
}): ReviewHandler {
  const { authenticator, audiences: ours, clock, metrics } = parts

  function answer(verdict: Verdict, audiences: readonly string[], start: number) {
    metrics.reviewed(outcomeOf(verdict), clock.monotonic() - start)
    if (verdict.kind === 'refused') return NO
    if (verdict.kind === 'failed')
      return { status: `{"authenticated":false,"error":${JSON.stringify(FAILURE_TEXTS[verdict.failure])}}` }
    const named = audiences.length > 0 ? `,"audiences":${JSON.stringify(audiences)}` : ''
    return { status: `{"authenticated":true,"user":${verdict.user}${named}}` }
  }

  return {
    group: 'authentication.k8s.io',
    kind: 'TokenReview',
    answer(_version, spec) {
      const start = clock.monotonic()
      const request = readSpec(spec)
      if (typeof request === 'string') {
        metrics.reviewed('invalid_request', clock.monotonic() - start)
        return { invalid: request }
      }
      const asked = request.audiences
      const common = asked.filter((audience) => ours.includes(audience))
      if (ours.length > 0 && asked.length > 0 && common.length === 0)
        return answer({ kind: 'refused', refusal: 'audience' }, common, start)
      const verdict = authenticator.authenticate(request.token)
      return verdict instanceof Promise
        ? verdict.then((late) => answer(late, common, start))
        : answer(verdict, common, start)
    },
  }
}

/** The parts of the spec that count, or what is wrong with it. Go leaves out what is empty and may send null. */
function readSpec(spec: unknown): { token: string; audiences: readonly string[] } | string {
  if (!isRecord(spec)) return 'spec: expected an object'
  const token = spec.token ?? ''
  const audiences = spec.audiences ?? []
  if (typeof token !== 'string') return 'spec.token: expected a string'
  if (!isTextList(audiences)) return 'spec.audiences: expected a list of strings'
  return { token, audiences }
}
