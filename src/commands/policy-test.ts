import { dirname, resolve } from 'node:path'
import type { Policy } from '../authz/policy.ts'
import { reasonOf } from '../authz/reason.ts'
import { configInvalid, readOptions } from '../config/read-options.ts'
import { errorText } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'
import { readYaml } from '../files/yaml.ts'
import { isRecord, isTextList } from '../json.ts'
import { compileFiles, NAMESPACE_FORMAT, POLICY, readReview, STRICT } from './policy-input.ts'
import type { Command } from './world.ts'

export const TEST_OPTIONS = { policy: POLICY, 'policy-strict': STRICT, 'namespace-format': NAMESPACE_FORMAT }

interface PolicyCase {
  readonly name: string
  readonly expect: 'allow' | 'deny' | 'none'
  readonly review: unknown
}

/** Runs the cases; prints those that fail. Exit code 1 if any does. */
export const policyTest: Command = async (argv, world) => {
  const { values, operands } = readOptions(TEST_OPTIONS, { argv, env: {} })
  const [path] = operands
  if (path === undefined || operands.length > 1)
    throw configInvalid([{ from: 'argument', message: 'expected one YAML file of cases' }])
  const { policies, cases } = readCases(path)
  const files = values.policy.length > 0 ? values.policy : policies
  if (files.length === 0) throw configInvalid([{ from: 'flag --policy', message: 'expected a policy' }])
  const policy = await compileFiles(files, values.policyStrict)
  const failed = cases.flatMap((one) => failureOf(policy, one, values.namespaceFormat))
  for (const failure of failed) world.print(`failed: ${failure}\n`)
  world.print(`${cases.length - failed.length} passed, ${failed.length} failed\n`)
  return failed.length === 0 ? 0 : 1
}

function failureOf(policy: Policy, { name, expect, review }: PolicyCase, format?: string): readonly string[] {
  const request = readReview(review, format)
  if (typeof request === 'string') return [`${name}: ${request}`]
  const decision = policy.decide(request)
  return decision.kind === expect
    ? []
    : [`${name}: expected ${expect}, got ${decision.kind}: ${reasonOf(decision, request)}`]
}

/** `policies:` (files beside this one) and `cases:` of name, expect (allow, deny, none) and review. */
function readCases(path: string): { policies: readonly string[]; cases: readonly PolicyCase[] } {
  const from = `file ${path}`
  try {
    const file = readYaml(readConfigFile(path))
    if (!isRecord(file) || !Array.isArray(file.cases)) throw new Error("expected 'cases' with a list")
    const policies = file.policies ?? []
    if (!isTextList(policies)) throw new Error('policies: expected a list of files')
    return {
      policies: policies.map((policy) => resolve(dirname(path), policy)),
      cases: file.cases.map((one, index) => readCase(one, index)),
    }
  } catch (error) {
    throw configInvalid([{ from, message: errorText(error) }])
  }
}

function readCase(value: unknown, index: number): PolicyCase {
  if (!isRecord(value)) throw new Error(`cases[${index}]: expected an object`)
  const { name = `cases[${index}]`, expect, review } = value
  if (expect !== 'allow' && expect !== 'deny' && expect !== 'none')
    throw new Error(`cases[${index}].expect: expected allow, deny or none`)
  return { name: String(name), expect, review }
}
