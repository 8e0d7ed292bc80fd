import { type CpoReading, readCpoPolicy } from './cpo-policy.ts'
import { cpoRules } from './cpo-rules.ts'
import { lineCounter, type PolicyFault } from './fault.ts'
import type { RuleList } from './policy.ts'
import type { Rule } from './rule.ts'
import type { Steps } from './steps.ts'

/** What came out of one text. */
export interface PolicyReading extends RuleList {
  /** Rules that cannot be understood; the others hold. */
  readonly quarantined: readonly PolicyFault[]
  /** Fields that are ignored: most likely a slip of the pen. */
  readonly unknown: readonly PolicyFault[]
}

export type PolicyOutcome = PolicyReading | { readonly fault: PolicyFault }

export interface CpoTextOptions {
  readonly source: string
  readonly strict: boolean
  readonly rest: 'ignored' | 'forbidden'
}

/** A policy of k8s-keystone-auth: usable as a whole or not at all. */
export function* readCpoText(text: string, options: CpoTextOptions): Steps<PolicyOutcome> {
  const reading = yield* readCpoPolicy(text, options.rest)
  if ('fault' in reading) return reading
  return yield* cpoOutcome(reading, text, options)
}

export function* cpoOutcome(
  { policy, unknown }: CpoReading,
  text: string,
  { source, strict }: Omit<CpoTextOptions, 'rest'>,
): Steps<PolicyReading> {
  const rules: readonly Rule[] = yield* cpoRules(policy, { source, strict, lineOf: lineCounter(text) })
  return { format: 'cpo', rules, quarantined: [], unknown }
}
