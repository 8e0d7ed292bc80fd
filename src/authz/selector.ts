import { escapeCell, hasUnescaped, splitCell, unescapeCell } from './cell.ts'

/** A requirement of a request's selector, as the apiserver sends it (contracts B.3). */
export interface SelectorRequirement {
  readonly on: 'field' | 'label'
  readonly key: string
  readonly operator: string
  readonly values: readonly string[]
}

/** What a rule wants of the selectors: the request may ask for no more than this lets through. */
export interface SelectorTerm {
  readonly on: 'field' | 'label'
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  readonly values: readonly string[]
}

/**
 * The selector cell of a rule: every term must be implied by one requirement of the request. A request without
 * selectors is unlimited, so it fits only a rule without terms; operators of a later Kubernetes imply nothing.
 */
export class SelectorPattern {
  readonly terms: readonly SelectorTerm[]

  constructor(terms: readonly SelectorTerm[]) {
    this.terms = terms
  }

  fits(requirements: readonly SelectorRequirement[]): boolean {
    return this.terms.every((term) =>
      requirements.some((asked) => asked.on === term.on && asked.key === term.key && implies(asked, term)),
    )
  }

  toCell(): string {
    return this.terms.length === 0 ? '*' : this.terms.map(writeTerm).join(' & ')
  }
}

export const NO_SELECTOR = new SelectorPattern([])

function implies(asked: SelectorRequirement, term: SelectorTerm): boolean {
  const among = asked.operator === 'In' && asked.values.length > 0
  switch (term.operator) {
    case 'In':
      return among && asked.values.every((value) => term.values.includes(value))
    case 'NotIn':
      if (among) return asked.values.every((value) => !term.values.includes(value))
      return asked.operator === 'NotIn' && term.values.every((value) => asked.values.includes(value))
    case 'Exists':
      return asked.operator === 'Exists' || among
    case 'DoesNotExist':
      return asked.operator === 'DoesNotExist'
  }
}

/** Reads `label:team=a|b & label:tier!=front & label:app & label:!old & field:metadata.name=web`; `*` is none. */
export function readSelector(cell: string): SelectorPattern {
  if (cell === '*') return NO_SELECTOR
  return new SelectorPattern(splitCell(cell, '&').map(readTerm))
}

function readTerm(text: string): SelectorTerm {
  const [, on, rest] = /^(field|label):([\s\S]*)$/.exec(text) ?? []
  if (rest === undefined)
    throw new Error(`${text || 'nothing'}: expected '*', field: or label: with a requirement`)
  const term = { on: on as 'field' | 'label' }
  if (hasUnescaped(rest, '*')) throw new Error(`${text}: selectors have no wildcards`)
  const [left = '', ...right] = splitCell(rest, '=')
  if (right.length === 0) {
    const not = left.startsWith('!')
    const operator = not ? 'DoesNotExist' : 'Exists'
    return { ...term, key: unescapeCell(not ? left.slice(1).trim() : left), operator, values: [] }
  }
  const not = /(?<!\\)(?:\\\\)*!$/.test(left)
  return {
    ...term,
    key: unescapeCell((not ? left.slice(0, -1) : left).trim()),
    operator: not ? 'NotIn' : 'In',
    values: splitCell(right.join('='), '|').map(unescapeCell),
  }
}

function writeTerm({ on, key, operator, values }: SelectorTerm): string {
  const name = escapeCell(key, '=')
  const list = values.map((value) => escapeCell(value)).join('|')
  if (operator === 'In') return `${on}:${name}=${list}`
  if (operator === 'NotIn') return `${on}:${name}!=${list}`
  return operator === 'Exists' ? `${on}:${name}` : `${on}:!${name}`
}
