import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCasbinEngine } from '../../../src/authz/casbin-engine.ts'
import { compilePolicy, type Policy } from '../../../src/authz/policy.ts'
import { readPolicyDocument } from '../../../src/authz/policy-text.ts'
import { readAccessRequest } from '../../../src/authz/review-request.ts'
import { runAtOnce } from '../../../src/steps.ts'
import { ROOT } from '../../support/source-files.ts'

export const engine = await createCasbinEngine(readFileSync(join(ROOT, 'policies/model.conf'), 'utf8'))

export function reading(text: string, format: 'cpo' | 'csv' | 'yaml', strict = false) {
  return runAtOnce(
    readPolicyDocument({ name: 'test', format, rest: 'ignored', text: () => text }, { strict }),
  )
}

/** The compiled policy of one text, which must be without fault. */
export function policyOf(text: string, format: 'cpo' | 'csv' | 'yaml', strict = false): Policy {
  const outcome = reading(text, format, strict)
  if ('fault' in outcome) throw new Error(JSON.stringify(outcome.fault))
  if (outcome.quarantined.length > 0) throw new Error(JSON.stringify(outcome.quarantined))
  return runAtOnce(compilePolicy([outcome], engine))
}

/** The request of a v1 review; a project's namespace is named by its id. */
export function requestOf(spec: unknown) {
  const request = readAccessRequest('v1', spec, ({ id }) => id)
  if (typeof request === 'string') throw new Error(request)
  return request
}

export const decide = (policy: Policy, spec: unknown) => policy.decide(requestOf(spec)).kind
