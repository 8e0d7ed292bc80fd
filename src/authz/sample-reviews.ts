import type { Pattern } from './pattern.ts'
import type { ResourcePattern } from './resource-pattern.ts'
import type { PathTarget, ResourceTarget, Rule } from './rule.ts'
import type { Term } from './subject.ts'

const EXTRA = 'alpha.kubernetes.io/identity'
const MAX_RULES = 2000

interface Who {
  user: string
  groups: string[]
  extra: Record<string, string[]>
}

/**
 * Specs of v1 reviews that lie on and just beside what these rules say: for each rule a review that fits it, and that one with
 * one thing after the other changed. The same rules give the same reviews.
 */
export function* sampleReviews(rules: readonly Rule[]): Generator<Readonly<Record<string, unknown>>> {
  const step = Math.max(1, Math.floor(rules.length / MAX_RULES))
  for (let at = 0; at < rules.length; at += step) {
    const rule = rules[at] as Rule
    const who = callers(rule)
    const what = rule.target.kind === 'path' ? paths(rule.target) : resources(rule.target)
    for (const caller of who) for (const attributes of what.slice(0, 4)) yield { ...caller, ...attributes }
    for (const attributes of what.slice(4)) yield { ...who[0], ...attributes }
  }
}

/** One who fits, and the same without each of the things that made them fit. */
function callers({ subject }: Rule): readonly Who[] {
  const terms = subject.clauses.map((clause) => clause[0]).filter((term) => term !== undefined)
  const others = subject.clauses.flatMap((clause) => clause.slice(1, 3)).map((term) => [...terms, term])
  const without = terms.map((left) => terms.filter((term) => term !== left))
  return [terms, ...without, ...others].map(callerOf)
}

function callerOf(terms: readonly Term[]): Who {
  const who: Who = { user: 'nobody-in-particular', groups: ['system:authenticated'], extra: {} }
  const add = (name: string, value: string) => {
    who.extra[`${EXTRA}/${name}`] = [...(who.extra[`${EXTRA}/${name}`] ?? []), value]
  }
  for (const { kind, text, prefix } of terms) {
    const value = prefix ? `${text}x` : text
    if (kind === 'user') who.user = value
    if (kind === 'group') who.groups.push(value)
    if (kind === 'role') add('roles', value)
    if (kind === 'project') add('project/id', value)
    if (kind === 'project-name') add('project/name', value)
    if (kind === 'domain') add('user/domain/id', value)
    if (kind === 'domain-name') add('user/domain/name', value)
    if (kind === 'project-of') {
      const [domain = '', name = ''] = value.split('\0')
      add('project/domain/id', domain)
      add('project/name', name)
    }
  }
  return who
}

function resources(target: ResourceTarget): readonly Record<string, unknown>[] {
  const names = someResources(target.resource)
  const first = {
    verb: some(target.verb)[0],
    namespace: target.namespace.own ? 'own' : some(target.namespace.names)[0],
    group: some(target.group)[0],
    name: some(target.name)[0],
    resource: names[0]?.[0],
    subresource: names[0]?.[1],
  }
  const changed = [
    ...names.map(([resource, subresource]) => ({ resource, subresource })),
    { subresource: 'exec' },
    ...some(target.namespace.names).map((namespace) => ({ namespace })),
    { namespace: '' },
    { namespace: 'elsewhere' },
    ...some(target.verb).map((verb) => ({ verb })),
    { verb: 'sing' },
    ...some(target.group).map((group) => ({ group })),
    { group: 'other.example.org' },
    { resource: '', subresource: '' },
    { name: 'other' },
  ]
  return [first, ...changed.map((change) => ({ ...first, ...change }))].map((resourceAttributes) => ({
    resourceAttributes,
  }))
}

function paths(target: PathTarget): readonly Record<string, unknown>[] {
  const all = [...some(target.path), '/else/where']
  const verbs = [...some(target.verb), 'sing']
  return all.flatMap((path) => verbs.map((verb) => ({ nonResourceAttributes: { path, verb } })))
}

/** Some texts that fit a pattern, and some that are close. */
function some({ any, exact, prefixes, not }: Pattern): readonly string[] {
  const texts = [...exact].slice(0, 3)
  const starts = prefixes.slice(0, 2).flatMap((prefix) => [`${prefix}x`, prefix.slice(0, -1)])
  const refused = not.slice(0, 2).map((item) => item.text)
  return [...(any ? ['any'] : []), ...texts, ...starts, ...(not.length > 0 ? ['unnamed'] : []), ...refused]
}

function someResources({ accepted, refused }: ResourcePattern): readonly (readonly [string, string])[] {
  const cut = (text: string): [string, string] => {
    const slash = text.indexOf('/')
    return slash < 0 ? [text, ''] : [text.slice(0, slash), text.slice(slash + 1)]
  }
  return [
    ...(accepted.any ? [['pods', ''] as const] : []),
    ...[...accepted.exact].slice(0, 4).map(cut),
    ...accepted.prefixes.slice(0, 2).map((prefix) => [`${prefix}x`, ''] as const),
    ...accepted.subs.slice(0, 3).map((item) => [item.name.text || 'pods', item.sub.text || 'log'] as const),
    ...(refused === undefined ? [] : [['unnamed', ''] as const, ...[...refused.exact].slice(0, 2).map(cut)]),
  ]
}
