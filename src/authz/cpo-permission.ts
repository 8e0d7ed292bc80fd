import { PolicyTextError } from './fault.ts'
import { readJson } from './located-json.ts'
import { ANY, exactly, NamespacePattern, Pattern } from './pattern.ts'
import { NO_ITEMS, type ResourceItems, ResourcePattern } from './resource-pattern.ts'

/** One side of a version 2 key such as `!kube-system/['pods','secrets']`, trimmed and in lower case. */
export type PermissionPart =
  | { readonly among: readonly string[] }
  | { readonly notAmong: readonly string[] }
  | 'everything'
  | 'nothing'

export function permissionPart(text: string): PermissionPart {
  if (text === '*') return 'everything'
  if (text.startsWith('!') && text.indexOf('[') !== 1) return notAmong([text.slice(1)])
  if (text.startsWith('[') && text.indexOf(']') === text.length - 1) {
    const list = readList(text)
    if (list === undefined) return 'nothing'
    return list.includes('*') ? 'everything' : { among: list }
  }
  if (text.startsWith('![') && text.indexOf(']') === text.length - 1) {
    const list = readList(text.slice(1))
    return list === undefined ? 'nothing' : notAmong(list)
  }
  return { among: [text] }
}

function notAmong(list: readonly string[]): PermissionPart {
  return list.includes('*') ? 'nothing' : { notAmong: list }
}

/** A list in Go's eyes: single quotes count as double ones, null is the empty string. */
function readList(text: string): readonly string[] | undefined {
  try {
    const list = readJson(text.replaceAll("'", '"'), 'forbidden')
    if (list.kind !== 'array') return undefined
    const items = list.items.map((item) =>
      item.kind === 'string' ? item.value : item.kind === 'null' ? '' : undefined,
    )
    return items.includes(undefined) ? undefined : (items as string[])
  } catch (error) {
    if (error instanceof PolicyTextError) return undefined
    throw error
  }
}

/**
 * Cluster scope fits only if the part is exactly `*`. A part also fits the very text that it is, brackets and all,
 * which no namespace has: kept unless strict. Undefined: fits no request.
 */
export function toNamespacePattern(text: string, strict: boolean): NamespacePattern | undefined {
  if (text === '*') return new NamespacePattern(ANY)
  const part = permissionPart(text)
  if (part === 'everything') return new NamespacePattern(new Pattern([], [exactly('')]))
  const itself = strict ? [] : [text]
  const accepted = typeof part === 'object' && 'among' in part ? [...part.among, ...itself] : itself
  const names = accepted.filter((name) => name !== '').map(exactly)
  const refused = typeof part === 'object' && 'notAmong' in part ? withOne(part.notAmong).map(exactly) : []
  return names.length + refused.length === 0 ? undefined : new NamespacePattern(new Pattern(names, refused))
}

/** An empty list of exceptions leaves everything but the empty text. */
const withOne = (list: readonly string[]) => (list.length === 0 ? [''] : list)

/**
 * An absent resource fits every part, as does the very text of the part, and each resource counts with its
 * sub-resources: holes, closed when strict (names are then given by who knows their groups). Undefined: fits no request.
 */
export function toResourcePattern(text: string, strict: boolean): ResourcePattern | undefined {
  const part = permissionPart(text)
  if (part === 'everything') return ResourcePattern.ANY
  if (strict)
    return part !== 'nothing' && 'notAmong' in part
      ? new ResourcePattern(NO_ITEMS, { ...withSubs(part.notAmong), subs: [EVERY_SUB] })
      : undefined
  const always = ['', text]
  if (part === 'nothing') return new ResourcePattern(withSubs(always))
  if ('among' in part) return new ResourcePattern(withSubs([...part.among, ...always]))
  return new ResourcePattern(withSubs(always), withSubs(withOne(part.notAmong)))
}

const SUBS = { text: '', prefix: true }
const EVERY_SUB = { name: SUBS, sub: SUBS }

function withSubs(names: readonly string[]): ResourceItems {
  const once = new Set(names)
  return { ...NO_ITEMS, exact: once, subs: [...once].map((name) => ({ name: exactly(name), sub: SUBS })) }
}
