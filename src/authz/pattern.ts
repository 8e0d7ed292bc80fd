import { fitsWildcard, readWildcard, splitCell, type Wildcard, writeWildcard } from './cell.ts'

/**
 * What one cell of a rule accepts: a list of texts, prefixes (`web-*`) and everything (`*`). With `!` before
 * items it accepts what none of those is, but never the empty text: `!kube-system` is no grant on the whole cluster.
 */
export class Pattern {
  readonly any: boolean
  readonly exact: ReadonlySet<string>
  readonly prefixes: readonly string[]
  readonly not: readonly Wildcard[]

  constructor(accepted: readonly Wildcard[], refused: readonly Wildcard[] = []) {
    this.any = accepted.some((item) => item.prefix && item.text === '')
    this.exact = new Set(accepted.filter((item) => !item.prefix).map((item) => item.text))
    this.prefixes = accepted.filter((item) => item.prefix && item.text !== '').map((item) => item.text)
    this.not = refused
  }

  fits(value: string): boolean {
    if (this.any || this.exact.has(value)) return true
    for (const prefix of this.prefixes) if (value.startsWith(prefix)) return true
    if (this.not.length === 0 || value === '') return false
    for (const item of this.not) if (fitsWildcard(item, value)) return false
    return true
  }

  /** The only texts that fit, if the pattern is a mere list. */
  get texts(): readonly string[] | undefined {
    return this.any || this.prefixes.length > 0 || this.not.length > 0 ? undefined : [...this.exact]
  }

  toCell(): string {
    if (this.any) return '*'
    return [
      ...[...this.exact].map((text) => writeWildcard({ text, prefix: false })),
      ...this.prefixes.map((text) => writeWildcard({ text, prefix: true })),
      ...this.not.map((item) => `!${writeWildcard(item)}`),
    ].join('|')
  }
}

export const exactly = (text: string): Wildcard => ({ text, prefix: false })
export const EVERYTHING: Wildcard = { text: '', prefix: true }
export const ANY = new Pattern([EVERYTHING])
export const patternOf = (texts: readonly string[]) => new Pattern(texts.map(exactly))

/** Reads `a|b*|!c`. Throws an Error that says what is wrong. */
export function readPattern(cell: string): Pattern {
  const { accepted, refused } = readItems(cell, readWildcard)
  return new Pattern(accepted, refused)
}

/** The items of a cell, those behind `!` apart. */
export function readItems<T>(cell: string, read: (item: string) => T): { accepted: T[]; refused: T[] } {
  const accepted: T[] = []
  const refused: T[] = []
  for (const item of splitCell(cell, '|'))
    if (item.startsWith('!')) refused.push(read(item.slice(1).trim()))
    else accepted.push(read(item))
  return { accepted, refused }
}

/** The namespace of a request, and the one that belongs to the caller's project. */
export interface RequestNamespace {
  readonly name: string
  readonly own: string | undefined
}

/** Stands in a namespace cell for the namespace of the caller's own project. */
const OWN = '$own'

export class NamespacePattern {
  readonly own: boolean
  readonly names: Pattern

  constructor(names: Pattern, own = false) {
    this.names = names
    this.own = own
  }

  fits({ name, own }: RequestNamespace): boolean {
    return (this.own && name !== '' && name === own) || this.names.fits(name)
  }

  toCell(): string {
    const names = this.names.toCell()
    if (!this.own) return names
    return names === '' ? OWN : `${OWN}|${names}`
  }
}

export function readNamespacePattern(cell: string): NamespacePattern {
  const items = splitCell(cell, '|')
  const others = items.filter((item) => item !== OWN)
  const odd = others.find((item) => /^!?\s*\$/.test(item))
  if (odd !== undefined) throw new Error(`${odd}: the only placeholder is ${OWN}`)
  return new NamespacePattern(
    others.length === 0 ? new Pattern([]) : readPattern(others.join('|')),
    others.length < items.length,
  )
}
