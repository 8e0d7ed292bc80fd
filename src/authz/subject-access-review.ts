import type { Clock } from '../clock.ts'
import type { ReviewHandler } from '../server/review.ts'
import type { Authorizer, Verdict } from './authorizer.ts'
import type { AuthzMetrics } from './metrics.ts'
import { reasonOf } from './reason.ts'
import { type NamespaceOf, readAccessRequest } from './review-request.ts'
import type { AccessRequest } from './rule.ts'

/** Looks on: gets what was asked and answered, and cannot change it. */
export type ReviewObserver = (spec: unknown, request: AccessRequest, verdict: Verdict) => void

/** SubjectAccessReview (contracts B.2 to B.5): allowed, denied, or neither, which leaves it to the next authorizer. */
export function createSubjectAccessReviewHandler(parts: {
  authorizer: Authorizer
  namespaceOf: NamespaceOf
  metrics: AuthzMetrics
  clock: Clock
  observers: readonly ReviewObserver[]
}): ReviewHandler {
  const { authorizer, namespaceOf, metrics, clock, observers } = parts
  return {
    group: 'authorization.k8s.io',
    kind: 'SubjectAccessReview',
    answer(version, spec) {
      const start = clock.monotonic()
      const request = readAccessRequest(version, spec, namespaceOf)
      if (typeof request === 'string') {
        metrics.reviewed('invalid_request', clock.monotonic() - start)
        return { invalid: request }
      }
      const verdict = authorizer.authorize(request)
      for (const observe of observers) observe(spec, request, verdict)
      metrics.reviewed(verdict.failed ? 'failed' : verdict.kind, clock.monotonic() - start)
      return { status: statusText(verdict, request) }
    },
  }
}

function statusText(verdict: Verdict, request: AccessRequest): string {
  const reason = JSON.stringify(
    verdict.failed ? 'the policy could not be evaluated' : reasonOf(verdict, request),
  )
  if (verdict.kind === 'allow') return `{"allowed":true,"reason":${reason}}`
  return `{"allowed":false${verdict.kind === 'deny' ? ',"denied":true' : ''},"reason":${reason}}`
}
