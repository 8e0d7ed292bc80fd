import {
  fitsWildcard,
  hasUnescaped,
  readWildcard,
  splitCell,
  unescapeCell,
  type Wildcard,
  writeWildcard,
} from './cell.ts'
import { readItems } from './pattern.ts'

/** A resource and its sub-resource, "" if there is none. */
export interface RequestResource {
  readonly name: string
  readonly sub: string
}

/** A sub-resource of what `name` fits; `sub` is never fitted by "". */
export interface SubItem {
  readonly name: Wildcard
  readonly sub: Wildcard
}

export interface ResourceItems {
  /** `*`: every resource and every sub-resource. */
  readonly any: boolean
  /** `pods` is the resource itself, `pods/log` its sub-resource: compared as one text. */
  readonly exact: ReadonlySet<string>
  /** `pod*`: resources by prefix, themselves only. */
  readonly prefixes: readonly string[]
  /** `pods/*`, `pods/ex*`, any resource’s `scale`. */
  readonly subs: readonly SubItem[]
}

export const NO_ITEMS: ResourceItems = { any: false, exact: new Set(), prefixes: [], subs: [] }

export const textOf = ({ name, sub }: RequestResource) => (sub === '' ? name : `${name}/${sub}`)

/** What the resource cell of a rule accepts. A resource never includes its sub-resources: `pods` is no `pods/exec`. */
export class ResourcePattern {
  static readonly ANY = new ResourcePattern({ ...NO_ITEMS, any: true })

  readonly accepted: ResourceItems
  readonly refused: ResourceItems | undefined
  #names: readonly string[] | undefined | 'unknown' = 'unknown'

  constructor(accepted: ResourceItems, refused?: ResourceItems) {
    this.accepted = accepted
    this.refused = refused
  }

  fits(resource: RequestResource): boolean {
    const text = textOf(resource)
    if (fitsItems(this.accepted, resource, text)) return true
    return this.refused !== undefined && resource.name !== '' && !fitsItems(this.refused, resource, text)
  }

  /** The names of the only resources that can fit, if the pattern is a mere list. Found out once: many rules share a pattern. */
  get names(): readonly string[] | undefined {
    if (this.#names === 'unknown') this.#names = this.#findNames()
    return this.#names
  }

  #findNames(): readonly string[] | undefined {
    const { any, exact, prefixes, subs } = this.accepted
    if (any || prefixes.length > 0 || this.refused !== undefined) return undefined
    if (subs.some((item) => item.name.prefix)) return undefined
    // a text with a slash may be cut at any of them
    const slashed = [...exact].flatMap((text) =>
      [...text.matchAll(/\//g)].map((slash) => text.slice(0, slash.index)).concat(text),
    )
    return [...new Set([...slashed, ...subs.map((item) => item.name.text)])]
  }

  toCell(): string {
    return [
      ...writeItems(this.accepted),
      ...(this.refused === undefined ? [] : writeItems(this.refused).map((item) => `!${item}`)),
    ].join('|')
  }
}

function fitsItems(items: ResourceItems, resource: RequestResource, text: string): boolean {
  if (items.any || items.exact.has(text)) return true
  const { name, sub } = resource
  if (sub === '') return items.prefixes.some((prefix) => name.startsWith(prefix))
  return items.subs.some((item) => fitsWildcard(item.name, name) && fitsWildcard(item.sub, sub))
}

function writeItems({ any, exact, prefixes, subs }: ResourceItems): string[] {
  if (any) return ['*']
  return [
    ...[...exact].map((text) => writeWildcard({ text, prefix: false })),
    ...prefixes.map((text) => writeWildcard({ text, prefix: true }, '/')),
    ...subs.map((item) => `${writeWildcard(item.name, '/')}/${writeWildcard(item.sub)}`),
  ]
}

type Item = { text: string } | { prefix: string } | SubItem | { any: true }

export function readResourcePattern(cell: string): ResourcePattern {
  const { accepted, refused } = readItems(cell, readItem)
  return new ResourcePattern(collect(accepted), refused.length === 0 ? undefined : collect(refused))
}

function readItem(item: string): Item {
  if (item === '*') return { any: true }
  if (!hasUnescaped(item, '*')) return { text: unescapeCell(item) }
  if (!hasUnescaped(item, '/')) return { prefix: readWildcard(item).text }
  const [name = '', ...rest] = splitCell(item, '/')
  return { name: readWildcard(name), sub: readWildcard(rest.join('/')) }
}

function collect(items: readonly Item[]): ResourceItems {
  const of = <K extends string>(key: K) =>
    items.filter((item): item is Extract<Item, Record<K, unknown>> => key in item)
  return {
    any: of('any').length > 0,
    exact: new Set(of('text').map((item) => item.text)),
    prefixes: of('prefix').map((item) => item.prefix),
    subs: of('sub'),
  }
}
