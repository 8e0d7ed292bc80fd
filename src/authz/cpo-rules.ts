import type { Steps } from '../steps.ts'
import { builtInGroups } from './built-in-groups.ts'
import { permissionPart, toNamespacePattern, toResourcePattern } from './cpo-permission.ts'
import type { CpoEntry, CpoMatch, CpoPolicy, CpoResource } from './cpo-policy.ts'
import { goLowerCase, goTrim } from './go-text.ts'
import { ANY, exactly, NamespacePattern, Pattern, patternOf } from './pattern.ts'
import { NO_ITEMS, ResourcePattern } from './resource-pattern.ts'
import { createCellSharer, type PathTarget, type ResourceTarget, type Rule } from './rule.ts'
import { NO_SELECTOR } from './selector.ts'
import { KEYSTONE, SubjectRequirement, type Term } from './subject.ts'

type Target = ResourceTarget | PathTarget
type Clauses = readonly (readonly Term[])[]

export interface CpoRulesOptions {
  /** Closes the holes of the format; docs/policies.md lists them. */
  readonly strict: boolean
  readonly source: string
  /** The line at which an entry begins. */
  readonly lineOf: (at: number) => number
}

/**
 * The rules that decide as k8s-keystone-auth decides by this policy, in its order. Every one of them wants a
 * caller with user, groups and extra: without them CPO answers no (or breaks off) before it looks at the policy.
 */
export function* cpoRules(policy: CpoPolicy, options: CpoRulesOptions): Steps<readonly Rule[]> {
  const { source, strict, lineOf } = options
  const rules: Rule[] = []
  const share = createCellSharer()
  for (const { at, entry } of policy) {
    const place = { source, line: lineOf(at) }
    for (const meaning of entryMeanings(entry, strict)) rules.push(share({ ...meaning, ...place }))
    yield
  }
  return rules
}

/** A rule that does not know yet where it stands. */
type Meaning = Omit<Rule, 'source' | 'line'>

function entryMeanings(entry: CpoEntry | null, strict: boolean): readonly Meaning[] {
  if (entry === null) return stops([[KEYSTONE]], ['resource', 'path'])
  const users = usersClauses(entry)
  if (users === undefined) return []
  return [...resourceRules(entry, users, strict), ...pathRules(entry, users, strict)]
}

/** All of `roles`, one of `projects`; undefined: nobody. The star is a name like others. */
function usersClauses({ users }: CpoEntry): Clauses | undefined {
  if (users === undefined) return [[KEYSTONE]]
  const projects = users.get('projects') ?? []
  if (projects.length === 0) return undefined
  const roles = (users.get('roles') ?? []).map((role) => [term('role', role)])
  return [[KEYSTONE], ...roles, projects.flatMap(projectTerms)]
}

const term = (kind: Term['kind'], text: string): Term => ({ kind, text, prefix: false })
const projectTerms = (text: string) => [term('project', text), term('project-name', text)]

/** Clauses of `match`; undefined: nobody. */
function matchClauses(match: readonly CpoMatch[], strict: boolean): Clauses | undefined {
  const clauses: (readonly Term[])[] = []
  for (const { type, values } of match) {
    if (!['user', 'group', 'role', 'project'].includes(type)) return undefined
    // the user id that CPO compares with is always empty
    if (values.includes('*') || (type === 'user' && values.includes('') && !strict)) continue
    if (values.length === 0) return undefined
    clauses.push(
      type === 'project' ? values.flatMap(projectTerms) : values.map((value) => term(type as 'user', value)),
    )
  }
  return clauses
}

function resourceRules(entry: CpoEntry, users: Clauses, strict: boolean): readonly Meaning[] {
  if (entry.resourcePermissions !== undefined)
    return [...entry.resourcePermissions].flatMap(([key, verbs]) =>
      permissionTargets(key, verbs, strict).map((target) => allow(users, target)),
    )
  if (entry.resource === undefined) return []
  const { version, namespace } = entry.resource
  if (version === undefined) return stops(users, ['resource'])
  if (namespace === undefined) return stops(users, ['resource'], wildcardOrText(version))
  const clauses = matchClauses(entry.match, strict)
  const target = resourceTarget(entry.resource, version, namespace)
  return clauses === undefined || target === undefined ? [] : [allow([...users, ...clauses], target)]
}

/** Version 1: `*` alone means any, everything else is compared as it stands. */
function resourceTarget(
  { resources, verbs }: CpoResource,
  group: string,
  namespace: string,
): Target | undefined {
  if (resources.length === 0 || verbs.length === 0) return undefined
  const texts = resources.filter((text) => text !== '*')
  return {
    kind: 'resource',
    namespace: new NamespacePattern(wildcardOrText(namespace)),
    group: wildcardOrText(group),
    resource: new ResourcePattern({
      any: texts.length < resources.length,
      exact: new Set(texts),
      prefixes: [],
      subs: texts
        .filter((text) => text.endsWith('/*'))
        .map((text) => ({ name: exactly(text.slice(0, -2)), sub: { text: '', prefix: true } })),
    }),
    name: ANY,
    verb: verbPattern(verbs),
    selector: NO_SELECTOR,
  }
}

const wildcardOrText = (text: string) => (text === '*' ? ANY : patternOf([text]))
const verbPattern = (verbs: readonly string[]) => (verbs.includes('*') ? ANY : patternOf(verbs))

/** Version 2: neither API group nor sub-resource is looked at, unless strict. */
function permissionTargets(key: string, verbs: readonly string[], strict: boolean): readonly Target[] {
  const [left, right, ...more] = key.split('/').map((part) => goLowerCase(goTrim(part)))
  if (left === undefined || right === undefined || more.length > 0 || verbs.length === 0) return []
  const namespace = toNamespacePattern(left, strict)
  if (namespace === undefined) return []
  const target = (resource: ResourcePattern, group: Pattern): Target => ({
    kind: 'resource',
    namespace,
    group,
    resource,
    name: ANY,
    verb: verbPattern(verbs.map(goLowerCase)),
    selector: NO_SELECTOR,
  })
  const part = permissionPart(right)
  const names = strict && typeof part === 'object' && 'among' in part ? part.among : undefined
  if (names !== undefined)
    return names.map((name) =>
      target(new ResourcePattern({ ...NO_ITEMS, exact: new Set([name]) }), builtInGroups(name)),
    )
  const resource = toResourcePattern(right, strict)
  return resource === undefined ? [] : [target(resource, ANY)]
}

function pathRules(entry: CpoEntry, users: Clauses, strict: boolean): readonly Meaning[] {
  if (entry.nonresourcePermissions !== undefined)
    return [...entry.nonresourcePermissions]
      .filter(([, verbs]) => verbs.length > 0)
      .map(([path, verbs]) =>
        allow(users, { kind: 'path', path: patternOf([path]), verb: verbPattern(verbs) }),
      )
  const { path, verbs = [] } = entry.nonresource ?? {}
  if (path === undefined || verbs.length === 0 || verbs.includes('')) return []
  const clauses = matchClauses(entry.match, strict)
  if (clauses === undefined) return []
  const paths = path.endsWith('*')
    ? new Pattern([{ text: path.replace(/\*+$/, ''), prefix: true }, exactly(path)])
    : patternOf([path])
  return [allow([...users, ...clauses], { kind: 'path', path: paths, verb: verbPattern(verbs) })]
}

function allow(clauses: Clauses, target: Target): Meaning {
  return { effect: 'allow', subject: new SubjectRequirement(clauses), target }
}

function stops(clauses: Clauses, kinds: readonly Target['kind'][], group = ANY): readonly Meaning[] {
  return kinds.map((kind) => ({
    effect: 'stop',
    subject: new SubjectRequirement(clauses),
    target:
      kind === 'path'
        ? { kind, path: ANY, verb: ANY }
        : {
            kind,
            namespace: new NamespacePattern(ANY),
            group,
            resource: ResourcePattern.ANY,
            name: ANY,
            verb: ANY,
            selector: NO_SELECTOR,
          },
  }))
}
