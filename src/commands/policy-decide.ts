import { createInterface } from 'node:readline'
import type { RuleEngine } from '../authz/casbin-engine.ts'
import { readCpoEntries } from '../authz/cpo-policy.ts'
import { faultAt, faultText, PolicyTextError } from '../authz/fault.ts'
import { firstMember, readJson } from '../authz/located-json.ts'
import { compilePolicy, type Policy } from '../authz/policy.ts'
import { cpoOutcome, readCpoText } from '../authz/policy-text.ts'
import { composeEngine } from '../compose-authorization.ts'
import { readOptions } from '../config/read-options.ts'
import { errorText } from '../errors.ts'
import { isRecord } from '../json.ts'
import { runAtOnce } from '../steps.ts'
import { compileFiles, NAMESPACE_FORMAT, POLICY, readReview, STRICT } from './policy-input.ts'
import type { Command } from './world.ts'

export const DECIDE_OPTIONS = {
  policy: POLICY,
  'policy-strict': STRICT,
  'namespace-format': NAMESPACE_FORMAT,
}

/**
 * Answers lines of stdin with decisions, each as soon as it is read. A line is `{"policy": [...], "reviews": [...]}`; with
 * --policy it holds reviews alone: one, a list, or `{"reviews": [...]}`. A review that is none of the kind is not allowed.
 */
export const policyDecide: Command = async (argv, world) => {
  const { values } = readOptions(DECIDE_OPTIONS, { argv, env: {} })
  const engine = await composeEngine()
  const fixed =
    values.policy.length === 0 ? undefined : await compileFiles(values.policy, values.policyStrict)
  for await (const line of createInterface({ input: world.input, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (line.trim() === '') continue
    world.print(`${JSON.stringify(decideLine(line, fixed))}\n`)
  }
  return 0

  function decideLine(line: string, fixed: Policy | undefined) {
    try {
      const value: unknown = JSON.parse(line)
      const policy = fixed ?? linePolicy(line, value, engine, values.policyStrict)
      return { allowed: reviewsOf(value, fixed !== undefined).map((review) => isAllowed(policy, review)) }
    } catch (error) {
      return { error: errorText(error) }
    }
  }

  function isAllowed(policy: Policy, review: unknown): boolean {
    const request = readReview(review, values.namespaceFormat)
    return typeof request !== 'string' && policy.decide(request).kind === 'allow'
  }
}

function reviewsOf(value: unknown, alone: boolean): readonly unknown[] {
  if (isRecord(value) && Array.isArray(value.reviews)) return value.reviews
  if (!alone) throw new Error('reviews: expected a list')
  return Array.isArray(value) ? value : [value]
}

/** The policy as it stands in the line, repeated field names and all; `policy_text` gives a file's exact text instead. */
function linePolicy(line: string, value: unknown, engine: RuleEngine, strict: boolean): Policy {
  const options = { source: 'policy', strict }
  if (isRecord(value) && typeof value.policy_text === 'string') {
    const outcome = runAtOnce(readCpoText(value.policy_text, { ...options, rest: 'ignored' }))
    if ('fault' in outcome) throw new Error(`policy: ${faultText(outcome.fault)}`)
    return runAtOnce(compilePolicy([outcome], engine))
  }
  const node = firstMember(readJson(line, 'forbidden'), 'policy')
  if (node === undefined) throw new Error('policy: expected a list of policy entries')
  try {
    const outcome = runAtOnce(cpoOutcome(readCpoEntries(node, line), line, options))
    return runAtOnce(compilePolicy([outcome], engine))
  } catch (error) {
    if (!(error instanceof PolicyTextError)) throw error
    throw new Error(`policy: ${faultText(faultAt(line, error.at, error.message))}`)
  }
}
