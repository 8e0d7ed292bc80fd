import type { Log } from '../log.ts'
import type { Decision, Policy } from './policy.ts'
import type { AccessRequest } from './rule.ts'

export interface Authorizer {
  authorize(request: AccessRequest): Verdict
}

export interface Verdict extends Decision {
  /** The decision could not be made. */
  readonly failed: boolean
}

/**
 * Decides with the policy of the moment. If that fails, an answer that allows is out of the question, and where a deny
 * rule might have been the decision the answer is a deny: a later authorizer of the chain must not allow instead.
 */
export function createAuthorizer(parts: { policy: () => Policy; log: Log }): Authorizer {
  return {
    authorize(request) {
      const policy = parts.policy()
      try {
        return { ...policy.decide(request), failed: false }
      } catch (error) {
        parts.log.error({ err: error instanceof Error ? error.name : 'unknown' }, 'A decision failed')
        return { kind: policy.hasDeny ? 'deny' : 'none', rule: undefined, failed: true }
      }
    },
  }
}
