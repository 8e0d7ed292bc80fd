import { basename } from 'node:path'
import { compilePolicy } from '../authz/policy.ts'
import { type PolicyReading, readPolicyDocument } from '../authz/policy-text.ts'
import { writeRule } from '../authz/rule.ts'
import { sampleReviews } from '../authz/sample-reviews.ts'
import { composeEngine } from '../compose-authorization.ts'
import { configInvalid, readOptions } from '../config/read-options.ts'
import { PortcullisError } from '../errors.ts'
import { runAtOnce } from '../steps.ts'
import { readReview, readWholePolicyFile, STRICT } from './policy-input.ts'
import type { Command } from './world.ts'

export const CONVERT_OPTIONS = { 'policy-strict': STRICT }

/** Prints rules that decide as the JSON policy does. Every rule is read back and compared before a line is printed. */
export const policyConvert: Command = async (argv, world) => {
  const { values, operands } = readOptions(CONVERT_OPTIONS, { argv, env: {} })
  const [path] = operands
  if (path === undefined || operands.length > 1)
    throw configInvalid([{ from: 'argument', message: 'expected one JSON policy' }])
  const reading = readWholePolicyFile(path, values.policyStrict)
  const stop = reading.rules.find((rule) => rule.effect === 'stop')
  if (stop !== undefined)
    throw new PortcullisError(
      'POLICY_INVALID',
      `${path}: line ${stop.line}: k8s-keystone-auth breaks off at this incomplete entry; no rule can say that`,
    )
  const text = reading.rules.map((rule) => `${writeRule(rule)}\n`).join('')
  const compared = await compare(reading, text)
  world.print(`# from ${basename(path)}${values.policyStrict ? ', strict' : ''}\n${text}`)
  world.complain(`${reading.rules.length} rules, equal on ${compared} reviews\n`)
  return 0
}

async function compare(original: PolicyReading, text: string): Promise<number> {
  const engine = await composeEngine()
  const document = { name: 'converted', format: 'csv', rest: 'ignored', text: () => text } as const
  const outcome = runAtOnce(readPolicyDocument(document, { strict: false }))
  if ('fault' in outcome || outcome.quarantined.length > 0) throw unequal('the rules cannot be read back')
  const [before, after] = [original, outcome].map((list) => runAtOnce(compilePolicy([list], engine)))
  let compared = 0
  for (const review of sampleReviews(original.rules)) {
    const request = readReview(review)
    if (typeof request === 'string') throw unequal(request)
    if (before?.decide(request).kind !== after?.decide(request).kind) throw unequal(JSON.stringify(review))
    compared += 1
  }
  return compared
}

const unequal = (what: string) =>
  new PortcullisError(
    'POLICY_INVALID',
    `the converted rules would decide otherwise, please report it: ${what}`,
  )
