import { readCsvRules } from '../../../src/authz/csv-rules.ts'
import type { AccessRequest, Rule } from '../../../src/authz/rule.ts'
import type { SelectorRequirement } from '../../../src/authz/selector.ts'
import type { Subject } from '../../../src/authz/subject.ts'
import { drained } from './drained.ts'

/** A caller with these keys (`role:member`, `project-of:red\0web`); only reasons read the other fields. */
export const subjectOf = (keys: readonly string[], shown: Partial<Omit<Subject, 'keys'>> = {}): Subject => ({
  user: 'ann',
  roles: [],
  project: { id: undefined, name: undefined },
  userDomain: { id: undefined },
  ...shown,
  keys: new Set(keys),
})

export interface Asked {
  readonly keys?: readonly string[]
  readonly namespace?: string
  readonly own?: string | undefined
  readonly group?: string
  readonly resource?: string
  readonly sub?: string
  readonly name?: string
  readonly verb?: string
  readonly selector?: readonly SelectorRequirement[]
}

/** May somebody get pods in the namespace red? Each field may be another one. */
export const resourceRequest = (asked: Asked = {}): AccessRequest => ({
  subject: subjectOf(asked.keys ?? ['user:ann']),
  target: {
    kind: 'resource',
    namespace: { name: asked.namespace ?? 'red', own: asked.own },
    group: asked.group ?? '',
    resource: { name: asked.resource ?? 'pods', sub: asked.sub ?? '' },
    name: asked.name ?? '',
    verb: asked.verb ?? 'get',
    selector: asked.selector ?? [],
  },
})

export const pathRequest = (
  path: string,
  { keys = ['user:ann'], verb = 'get' }: Pick<Asked, 'keys' | 'verb'> = {},
): AccessRequest => ({ subject: subjectOf(keys), target: { kind: 'path', path, verb } })

/** The rules of a CSV text that is without fault. */
export function rulesOf(text: string): readonly Rule[] {
  const outcome = drained(readCsvRules(text, 'test'))
  if ('fault' in outcome) throw new Error(JSON.stringify(outcome.fault))
  if (outcome.quarantined.length > 0) throw new Error(JSON.stringify(outcome.quarantined))
  return outcome.rules
}

/** The one rule of a line. */
export const ruleOf = (line: string): Rule => {
  const [rule, ...more] = rulesOf(line)
  if (rule === undefined || more.length > 0) throw new Error(`expected one rule: ${line}`)
  return rule
}

/** Whether a rule fits a request, cell by cell. */
export function ruleFits(
  { subject, target }: Rule,
  { subject: caller, target: asked }: AccessRequest,
): boolean {
  if (!subject.fits(caller)) return false
  if (target.kind === 'path')
    return asked.kind === 'path' && target.path.fits(asked.path) && target.verb.fits(asked.verb)
  return (
    asked.kind === 'resource' &&
    target.namespace.fits(asked.namespace) &&
    target.group.fits(asked.group) &&
    target.resource.fits(asked.resource) &&
    target.name.fits(asked.name) &&
    target.verb.fits(asked.verb) &&
    target.selector.fits(asked.selector)
  )
}
