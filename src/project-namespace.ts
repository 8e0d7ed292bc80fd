/** A project as the name of its namespace depends on it; whoever lacks one of the used parts has no namespace. */
export interface NamedProject {
  readonly id: string | undefined
  readonly name: string | undefined
  /** The user's domain, as in k8s-keystone-auth; for a project that nobody logs in to, its own. */
  readonly userDomainId: string | undefined
}

export interface ProjectNamespace {
  /** A DNS label (RFC 1123), as the API server requires of namespaces. */
  readonly name: string
  /** The format gave no such label in 63 characters: the name is the bare id. */
  readonly fellBack: boolean
}

/** Undefined: the project has no namespace. */
export type NamespaceFormat = (project: NamedProject) => ProjectNamespace | undefined

const MAX_LENGTH = 63
/** Namespaces of the cluster itself: a project is never one of them, whatever its id. */
const SYSTEM_NAMESPACES = ['default', 'kube-system', 'kube-public', 'kube-node-lease']

/**
 * The namespace of a project as k8s-keystone-auth names it: `%i` is the project's id, `%n` its name, `%d` the domain id of
 * the user. What no label can hold is put right: lower case, and a dash for each run of other signs; too long: the bare id.
 * The id, which is in every name, keeps projects apart. Throws an Error for another wildcard or a format without `%i`.
 */
export function namespaceFormat(format: string): NamespaceFormat {
  const odd = /%(?![ind])/.exec(format)
  if (odd !== null || !format.includes('%i'))
    throw new Error('expected a text with %i, and %n or %d if need be')
  return ({ id, name, userDomainId }) => {
    if (id === undefined || id === '') return undefined
    const values = { i: id, n: name, d: userDomainId }
    let complete = true
    const text = format.replace(/%([ind])/g, (_, sign: 'i' | 'n' | 'd') => {
      if (values[sign] === undefined) complete = false
      return values[sign] ?? ''
    })
    if (!complete) return undefined
    const label = asLabel(text)
    if (label.length <= MAX_LENGTH && label.includes(asLabel(id))) return named(label, false)
    const bare = asLabel(id)
    return bare.length > MAX_LENGTH ? undefined : named(bare, true)
  }
}

const named = (name: string, fellBack: boolean) =>
  name === '' || SYSTEM_NAMESPACES.includes(name) ? undefined : { name, fellBack }

const asLabel = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '')
