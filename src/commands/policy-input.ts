import { basename, extname } from 'node:path'
import { faultText } from '../authz/fault.ts'
import { compilePolicy, type Policy } from '../authz/policy.ts'
import {
  POLICY_FORMATS,
  type PolicyOutcome,
  type PolicyReading,
  readPolicyDocument,
} from '../authz/policy-text.ts'
import { readAccessRequest } from '../authz/review-request.ts'
import type { AccessRequest } from '../authz/rule.ts'
import { composeEngine } from '../compose-authorization.ts'
import { listOption, switchOption, textOption } from '../config/option.ts'
import { PortcullisError } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'
import { isRecord } from '../json.ts'
import { namespaceFormat } from '../project-namespace.ts'
import { runAtOnce } from '../steps.ts'

export const STRICT = switchOption('Close the known holes of the JSON format, as `portcullis serve` does.')
export const POLICY = listOption('Policy: .csv, .yaml or .json; the ending tells the format.', {
  repeatable: true,
  value: 'FILE',
})
export const NAMESPACE_FORMAT = textOption('The namespace of a project: %i is its id (default: %i).')

/** A file as a policy; the name's ending tells the format, and what has none of ours is JSON. */
export function readPolicyFile(path: string, strict: boolean): PolicyOutcome {
  const ending = extname(path) as keyof typeof POLICY_FORMATS
  const format = Object.hasOwn(POLICY_FORMATS, ending) ? POLICY_FORMATS[ending] : 'cpo'
  const text = readConfigFile(path)
  return runAtOnce(
    readPolicyDocument({ name: basename(path), format, rest: 'ignored', text: () => text }, { strict }),
  )
}

/** As `readPolicyFile`, but what cannot be used, or not wholly, is an error. */
export function readWholePolicyFile(path: string, strict: boolean): PolicyReading {
  const outcome = readPolicyFile(path, strict)
  const fault = 'fault' in outcome ? outcome.fault : outcome.quarantined[0]
  if (fault !== undefined) throw new PortcullisError('POLICY_INVALID', `${path}: ${faultText(fault)}`)
  return outcome as PolicyReading
}

export async function compileFiles(paths: readonly string[], strict: boolean): Promise<Policy> {
  const readings = paths.map((path) => readWholePolicyFile(path, strict))
  return runAtOnce(compilePolicy(readings, await composeEngine()))
}

/** A review as people and our recordings write it: the spec, or something that holds it under `spec`. */
export function readReview(value: unknown, format = '%i'): AccessRequest | string {
  const spec = isRecord(value) && isRecord(value.spec) ? value.spec : value
  // v1beta1 spells the groups `group`
  const version = isRecord(spec) && Object.hasOwn(spec, 'group') ? 'v1beta1' : 'v1'
  const namespaceOf = namespaceFormat(format)
  return readAccessRequest(version, spec, (project) => namespaceOf(project)?.name)
}
