import type { Steps } from '../steps.ts'
import type { AccessRequest, RequestTarget, Rule } from './rule.ts'
import { type Term, termKey } from './subject.ts'

/** Stands for "whatever it is" in each dimension; no key of ours looks like it. */
const ALL = '\0*'
/** Stands for the namespace of the caller's own project. */
const OWN = '\0own'
/** A rule that would stand in more places than this is widened to ALL in a dimension. */
const MAX_PLACES = 512

/** Subject, then namespace (ALL for paths), then resource or path to the numbers of the rules. */
type Places = Map<string, Map<string, Map<string, number[]>>>

export interface RuleIndex {
  /** Numbers of all rules that could fit, in their order: never fewer, some more. */
  candidates(request: AccessRequest): readonly number[]
}

/**
 * Finds the rules that can concern a request without looking at the others. Each rule stands under the terms of one of
 * its subject clauses: the one whose terms are rarest among all rules, so that ten thousand rules for one project and
 * as many roles are as quick as ten thousand projects.
 */
export function* indexRules(rules: readonly Rule[]): Steps<RuleIndex> {
  const frequency = new Map<string, number>()
  for (const rule of rules) {
    for (const term of rule.subject.clauses.flat())
      frequency.set(termKey(term), (frequency.get(termKey(term)) ?? 0) + 1)
    yield
  }
  const places = { resource: new Map() as Places, path: new Map() as Places }
  for (const [number, rule] of rules.entries()) {
    place(places[rule.target.kind], number, subjectKeys(rule, frequency), ...targetKeys(rule))
    yield
  }
  return { candidates: (request) => lookUp(places[request.target.kind], request) }
}

/** The keys of the rarest clause. A prefix among the terms, or no clause at all: whoever asks. */
function subjectKeys(rule: Rule, frequency: ReadonlyMap<string, number>): readonly string[] {
  let best: readonly Term[] | undefined
  let least = Number.POSITIVE_INFINITY
  for (const clause of rule.subject.clauses) {
    if (clause.some((term) => term.prefix)) continue
    const sum = clause.reduce((total, term) => total + (frequency.get(termKey(term)) ?? 0), 0)
    if (sum < least) [best, least] = [clause, sum]
  }
  return best === undefined ? [ALL] : [...new Set(best.map(termKey))]
}

function targetKeys({ target }: Rule): [readonly string[], readonly string[]] {
  if (target.kind === 'path') return [[ALL], target.path.texts ?? [ALL]]
  const names = target.namespace.names.texts
  const namespaces =
    names === undefined ? [ALL] : [...names.map((name) => `=${name}`), ...(target.namespace.own ? [OWN] : [])]
  return [namespaces, target.resource.names ?? [ALL]]
}

function place(
  places: Places,
  number: number,
  subjects: readonly string[],
  namespaces: readonly string[],
  objects: readonly string[],
): void {
  const few = (keys: readonly string[], others: number) => (keys.length * others > MAX_PLACES ? [ALL] : keys)
  const who = few(subjects, 1)
  const where = few(namespaces, who.length)
  const what = few(objects, who.length * where.length)
  for (const subject of who)
    for (const namespace of where)
      for (const object of what) {
        const byNamespace = getOrAdd(places, subject)
        const byObject = getOrAdd(byNamespace, namespace)
        const numbers = byObject.get(object)
        if (numbers === undefined) byObject.set(object, [number])
        else numbers.push(number)
      }
}

function getOrAdd<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let found = map.get(key)
  if (found === undefined) {
    found = new Map()
    map.set(key, found)
  }
  return found
}

function lookUp(places: Places, { subject, target }: AccessRequest): readonly number[] {
  const namespaces = namespaceKeys(target)
  const objects = [target.kind === 'path' ? target.path : target.resource.name, ALL]
  const found: number[] = []
  const visit = (key: string) => {
    const byNamespace = places.get(key)
    if (byNamespace === undefined) return
    for (const namespace of namespaces) {
      const byObject = byNamespace.get(namespace)
      if (byObject === undefined) continue
      for (const object of objects) {
        const numbers = byObject.get(object)
        if (numbers !== undefined) for (const number of numbers) found.push(number)
      }
    }
  }
  for (const key of subject.keys) visit(key)
  visit(ALL)
  if (found.length < 2) return found
  found.sort((a, b) => a - b)
  return found.filter((number, at) => at === 0 || number !== found[at - 1])
}

function namespaceKeys(target: RequestTarget): readonly string[] {
  if (target.kind === 'path') return [ALL]
  const { name, own } = target.namespace
  return name !== '' && name === own ? [`=${name}`, OWN, ALL] : [`=${name}`, ALL]
}
