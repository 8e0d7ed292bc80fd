import type { NamespaceOf } from './review-request.ts'

/** A namespace's name is at most as long as a DNS label. */
const MAX_BYTES = 63

/**
 * The namespace of a project as k8s-keystone-auth makes it: `%i` is the project's id, `%n` its name, `%d` the domain id
 * of the user; too long: the bare id. Who lacks one of these has no namespace. Throws an Error for another wildcard.
 */
export function namespaceFormat(format: string): NamespaceOf {
  const odd = /%(?![ind])/.exec(format)
  if (odd !== null || !format.includes('%i'))
    throw new Error('expected a text with %i, and %n or %d if need be')
  return ({ id, name, userDomainId }) => {
    if (id === undefined || id === '') return undefined
    const values = { i: id, n: name, d: userDomainId }
    let complete = true
    const namespace = format.replace(/%([ind])/g, (_, sign: 'i' | 'n' | 'd') => {
      if (values[sign] === undefined) complete = false
      return values[sign] ?? ''
    })
    if (!complete) return undefined
    return Buffer.byteLength(namespace) > MAX_BYTES ? id : namespace
  }
}
