/**
 * The decision of k8s-keystone-auth, entry after entry, said once more from docs/migration.md without any code of
 * src. For policies without odd types; `undefined` is "it breaks off".
 */
export interface CpoReview {
  readonly user: string
  readonly groups: readonly string[]
  readonly roles: readonly string[]
  readonly projects: readonly string[]
  readonly resource?: {
    readonly verb: string
    readonly namespace: string
    readonly group: string
    readonly resource: string
    readonly subresource: string
  }
  readonly path?: { readonly verb: string; readonly path: string }
}
type Lists = Readonly<Record<string, readonly string[]>>
export interface CpoEntry {
  readonly users?: { readonly roles?: readonly string[]; readonly projects?: readonly string[] } | undefined
  readonly resource_permissions?: Lists | undefined
  readonly nonresource_permissions?: Lists | undefined
  readonly resource?:
    | { verbs?: readonly string[]; resources?: readonly string[]; version?: string; namespace?: string }
    | undefined
  readonly nonresource?: { verbs?: readonly string[]; path?: string } | undefined
  readonly match?: readonly { type: string; values: readonly string[] }[] | undefined
}

export function naiveCpoDecision(
  policy: readonly (CpoEntry | null)[],
  review: CpoReview,
): boolean | undefined {
  for (const entry of policy) {
    if (entry === null) return undefined
    if (entry.users !== undefined && !usersFit(entry.users, review)) continue
    const answer = review.resource ? resourceFits(entry, review) : pathFits(entry, review)
    if (answer !== false) return answer
  }
  return false
}

function usersFit(users: NonNullable<CpoEntry['users']>, review: CpoReview): boolean {
  for (const role of users.roles ?? []) if (!review.roles.includes(role)) return false
  return (users.projects ?? []).some((project) => review.projects.includes(project))
}

function matchFits(entry: CpoEntry, review: CpoReview): boolean {
  return (entry.match ?? []).every(({ type, values }) => {
    const held: Readonly<Record<string, readonly string[]>> = {
      user: [review.user, ''],
      group: review.groups,
      role: review.roles,
      project: review.projects,
    }
    if (held[type] === undefined) return false
    return values.includes('*') || values.some((value) => held[type]?.includes(value))
  })
}

const verbFits = (verbs: readonly string[] | undefined, verb: string) =>
  verbs !== undefined && (verbs.includes('*') || verbs.includes(verb))

function resourceFits(entry: CpoEntry, review: CpoReview): boolean | undefined {
  const asked = review.resource as NonNullable<CpoReview['resource']>
  if (entry.resource_permissions !== undefined)
    return Object.entries(entry.resource_permissions).some(([key, verbs]) => {
      const parts = key.split('/').map((part) => part.trim().toLowerCase())
      if (parts.length !== 2) return false
      const [namespace = '', resource = ''] = parts
      if (asked.namespace === '' && namespace !== '*') return false
      const lower = verbs.map((verb) => verb.toLowerCase())
      return (
        partFits(namespace, asked.namespace) &&
        partFits(resource, asked.resource) &&
        verbFits(lower, asked.verb)
      )
    })
  const rule = entry.resource
  if (rule === undefined) return false
  if (rule.version === undefined) return undefined
  if (rule.version !== '*' && rule.version !== asked.group) return false
  if (rule.namespace === undefined) return undefined
  if (rule.namespace !== '*' && rule.namespace !== asked.namespace) return false
  const names =
    asked.subresource === ''
      ? ['*', asked.resource]
      : ['*', `${asked.resource}/*`, `${asked.resource}/${asked.subresource}`]
  if (!(rule.resources ?? []).some((name) => names.includes(name))) return false
  return verbFits(rule.verbs, asked.verb) && matchFits(entry, review)
}

function partFits(part: string, value: string): boolean {
  if (part === value || part === '*' || value === '') return true
  if (part.startsWith('![')) {
    const list = listOf(part.slice(1))
    return list !== undefined && !list.includes(value) && !list.includes('*')
  }
  if (part.startsWith('!')) return part.slice(1) !== value && part.slice(1) !== '*'
  if (!part.startsWith('[')) return false
  const list = listOf(part)
  return list?.includes(value) || list?.includes('*') || false
}

function listOf(text: string): readonly string[] | undefined {
  if (text.indexOf(']') !== text.length - 1) return undefined
  try {
    return JSON.parse(text.replaceAll("'", '"')) as string[]
  } catch {
    return undefined
  }
}

function pathFits(entry: CpoEntry, review: CpoReview): boolean {
  const asked = review.path as NonNullable<CpoReview['path']>
  if (entry.nonresource_permissions !== undefined) {
    const lists = entry.nonresource_permissions
    return Object.hasOwn(lists, asked.path) && verbFits(lists[asked.path], asked.verb)
  }
  const rule = entry.nonresource
  if (rule?.path === undefined || (rule.verbs ?? []).includes('')) return false
  const fits =
    rule.path === asked.path ||
    (rule.path.endsWith('*') && asked.path.startsWith(rule.path.replace(/\*+$/, '')))
  return fits && verbFits(rule.verbs, asked.verb) && matchFits(entry, review)
}

export function cpoSpec(review: CpoReview) {
  const [id, name] = review.projects
  return {
    user: review.user,
    groups: review.groups,
    extra: {
      'alpha.kubernetes.io/identity/roles': review.roles,
      'alpha.kubernetes.io/identity/project/id': id === undefined ? [] : [id],
      'alpha.kubernetes.io/identity/project/name': name === undefined ? [] : [name],
    },
    ...(review.resource && { resourceAttributes: review.resource }),
    ...(review.path && { nonResourceAttributes: review.path }),
  }
}
