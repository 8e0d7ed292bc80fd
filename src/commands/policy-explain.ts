import { nearMisses } from '../authz/near-miss.ts'
import { reasonOf } from '../authz/reason.ts'
import { writeRule } from '../authz/rule.ts'
import { listOption, textOption } from '../config/option.ts'
import { configInvalid, readOptions } from '../config/read-options.ts'
import { readConfigFile } from '../files/watched-file.ts'
import { readYaml } from '../files/yaml.ts'
import { compileFiles, NAMESPACE_FORMAT, POLICY, readReview, STRICT } from './policy-input.ts'
import type { Command } from './world.ts'

export const EXPLAIN_OPTIONS = {
  policy: POLICY,
  'policy-strict': STRICT,
  'namespace-format': NAMESPACE_FORMAT,
  namespace: textOption('Namespace; none: the whole cluster.', { short: 'n' }),
  as: textOption('The user.'),
  'as-group': listOption('Groups of the user.', { repeatable: true }),
  role: listOption('Keystone roles of the user.', { repeatable: true }),
  project: textOption('Id of the project.'),
  'project-name': textOption('Name of the project.'),
}

/** Says what is decided, by which rule, and what kept the nearest others from fitting. Exit code 0: allowed. */
export const policyExplain: Command = async (argv, world) => {
  const { values, operands } = readOptions(EXPLAIN_OPTIONS, { argv, env: {} })
  if (values.policy.length === 0 || operands.length === 0)
    throw configInvalid([{ from: 'argument', message: 'expected --policy FILE and a request' }])
  const policy = await compileFiles(values.policy, values.policyStrict)
  const [first = ''] = operands
  const review = /\.(json|ya?ml)$/.test(first) ? readYaml(readConfigFile(first)) : reviewOf(operands, values)
  const request = readReview(review, values.namespaceFormat)
  if (typeof request === 'string') throw configInvalid([{ from: 'review', message: request }])
  const decision = policy.decide(request)
  world.print(`${decision.kind}: ${reasonOf(decision, request)}\n`)
  if (decision.rule !== undefined) world.print(`  ${writeRule(decision.rule)}\n`)
  if (decision.kind !== 'allow')
    for (const { rule, misfits } of nearMisses(policy.rules, request, 5))
      world.print(`near: ${rule.source}:${rule.line} but for ${misfits.join(', ')}\n  ${writeRule(rule)}\n`)
  return decision.kind === 'allow' ? 0 : 1
}

interface Flags {
  readonly namespace: string | undefined
  readonly as: string | undefined
  readonly asGroup: readonly string[]
  readonly role: readonly string[]
  readonly project: string | undefined
  readonly projectName: string | undefined
}

/** A request in the words of `kubectl auth can-i`. */
function reviewOf([verb = '', what = '', name = '']: readonly string[], flags: Flags): unknown {
  const key = (last: string) => `alpha.kubernetes.io/identity/${last}`
  const extra = {
    [key('roles')]: flags.role,
    ...(flags.project !== undefined && { [key('project/id')]: [flags.project] }),
    ...(flags.projectName !== undefined && { [key('project/name')]: [flags.projectName] }),
  }
  const who = { user: flags.as ?? '', groups: flags.asGroup, extra }
  if (what.startsWith('/')) return { ...who, nonResourceAttributes: { path: what, verb } }
  const [full = '', subresource = ''] = what.split('/')
  const [resource = '', ...group] = full.split('.')
  const namespace = flags.namespace ?? ''
  return {
    ...who,
    resourceAttributes: { verb, namespace, resource, subresource, group: group.join('.'), name },
  }
}
