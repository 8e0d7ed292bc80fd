import { errorText } from '../errors.ts'
import type { Steps } from '../steps.ts'
import { type CpoReading, readCpoPolicy } from './cpo-policy.ts'
import { cpoRules } from './cpo-rules.ts'
import { readCsvRules } from './csv-rules.ts'
import { lineCounter, type PolicyFault } from './fault.ts'
import type { RuleList } from './policy.ts'
import type { Rule } from './rule.ts'
import { readYamlRules } from './yaml-rules.ts'

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

export const POLICY_FORMATS = { '.json': 'cpo', '.csv': 'csv', '.yaml': 'yaml', '.yml': 'yaml' } as const

export interface PolicyDocument {
  /** Short: it stands in reasons and metrics. */
  readonly name: string
  readonly format: (typeof POLICY_FORMATS)[keyof typeof POLICY_FORMATS]
  /** CPO ignores what follows the policy in a file, but not in a ConfigMap. */
  readonly rest: 'ignored' | 'forbidden'
  /** Throws if it cannot be read. */
  readonly text: () => string
}

/** Reads a policy in whichever format. A text that cannot be read at all is a fault of its first line. */
export function* readPolicyDocument(
  { name: source, format, rest, text }: PolicyDocument,
  options: { strict: boolean },
): Steps<PolicyOutcome> {
  let content: string
  try {
    content = text()
  } catch (error) {
    return { fault: { line: 1, column: 1, message: errorText(error) } }
  }
  if (format === 'cpo') return yield* readCpoText(content, { source, rest, ...options })
  return yield* format === 'csv' ? readCsvRules(content, source) : readYamlRules(content, source)
}
