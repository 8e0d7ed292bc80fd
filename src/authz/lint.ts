import type { Pattern } from './pattern.ts'
import { type Rule, writeRule } from './rule.ts'

export interface LintFinding {
  readonly rule: Rule
  readonly message: string
}

/** Above this many rules each is compared with those before it that have the same verbs and subject only. */
const MANY = 500

/** What is most likely not meant: rules that decide nothing, and grants that go further than they look. */
export function lintRules(rules: readonly Rule[], format: 'cpo' | 'portcullis'): readonly LintFinding[] {
  return [...shadowed(rules), ...rules.flatMap((rule) => suspicions(rule, format))]
}

function* shadowed(rules: readonly Rule[]): Generator<LintFinding> {
  const seen = new Map<string, Rule>()
  for (const [at, rule] of rules.entries()) {
    // deny rules come first, so an allow rule that says the same does not cover them
    const cells = writeRule({ ...rule, effect: rule.effect === 'deny' ? 'deny' : 'allow' })
    const twin = seen.get(cells)
    const wider = twin ?? (at < MANY ? rules.slice(0, at).find((other) => covers(other, rule)) : undefined)
    if (wider !== undefined && wider.line !== rule.line)
      yield { rule, message: `decides nothing: line ${wider.line} covers all of it` }
    const barrier = rules
      .slice(0, MANY)
      .find((other) => other.effect === 'deny' && rule.effect === 'allow' && covers(other, rule, true))
    if (barrier !== undefined)
      yield { rule, message: `never allows: the deny rule of line ${barrier.line} covers all of it` }
    seen.set(cells, rule)
  }
}

/** Whether every request that fits `narrow` surely fits `wide`: only plain cases are found. */
function covers(wide: Rule, narrow: Rule, anyEffect = false): boolean {
  if (!anyEffect && wide.effect !== narrow.effect) return false
  const subject = wide.subject.toCell()
  if (subject !== '*' && subject !== narrow.subject.toCell()) return false
  const [a, b] = [wide.target, narrow.target]
  if (a.kind === 'path' || b.kind === 'path')
    return a.kind === 'path' && b.kind === 'path' && cellCovers(a.path, b.path) && cellCovers(a.verb, b.verb)
  return (
    (a.namespace.names.any || a.namespace.toCell() === b.namespace.toCell()) &&
    (a.resource.accepted.any || a.resource.toCell() === b.resource.toCell()) &&
    cellCovers(a.group, b.group) &&
    cellCovers(a.name, b.name) &&
    cellCovers(a.verb, b.verb) &&
    (a.selector.terms.length === 0 || a.selector.toCell() === b.selector.toCell())
  )
}

function cellCovers(wide: Pattern, narrow: Pattern): boolean {
  if (wide.any || wide.toCell() === narrow.toCell()) return true
  const texts = narrow.texts
  return texts?.every((text) => wide.fits(text)) ?? false
}

function suspicions(rule: Rule, format: 'cpo' | 'portcullis'): readonly LintFinding[] {
  const { subject, target, effect } = rule
  const found: string[] = []
  if (effect === 'stop')
    found.push('is incomplete: k8s-keystone-auth breaks off here, nothing after it can allow')
  if (effect === 'allow' && !subject.clauses.flat().some((term) => term.kind !== 'keystone'))
    found.push(
      format === 'cpo' ? 'holds for every Keystone user' : 'holds for everybody, anonymous requests included',
    )
  if (
    format === 'portcullis' &&
    subject.clauses.some((clause) => clause.some((term) => term.kind === 'project-name'))
  )
    found.push('names a project without its domain: a project of that name in any domain fits')
  if (target.kind === 'resource' && effect === 'allow') found.push(...subGrants(rule, format))
  return found.map((message) => ({ rule, message }))
}

/** Sub-resources that do more than the resource's verbs suggest. */
const POWERFUL = ['exec', 'attach', 'portforward', 'proxy', 'ephemeralcontainers', 'token']

function subGrants({ target }: Rule, format: 'cpo' | 'portcullis'): readonly string[] {
  if (target.kind !== 'resource' || !(target.verb.fits('create') || target.verb.fits('get'))) return []
  const { accepted } = target.resource
  if (accepted.any && format === 'portcullis') return []
  const all = accepted.any || accepted.subs.some((item) => item.sub.text === '' && item.name.text === 'pods')
  return all
    ? [
        `grants sub-resources of pods too (${POWERFUL.slice(0, 4)
          .map((sub) => `pods/${sub}`)
          .join(', ')})`,
      ]
    : []
}
