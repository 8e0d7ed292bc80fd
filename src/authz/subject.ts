import {
  escapeCell,
  hasUnescaped,
  readWildcard,
  splitCell,
  unescapeCell,
  type Wildcard,
  writeWildcard,
} from './cell.ts'

/**
 * Who asks, as a review tells it. Keys are `kind:value`; a project by its domain is
 * `project-of:<domain id>NUL<name>`, so that it is never mistaken for a project's id.
 */
export interface Subject {
  readonly user: string
  readonly roles: readonly string[]
  readonly project: { readonly id: string | undefined; readonly name: string | undefined }
  readonly userDomain: { readonly id: string | undefined }
  readonly keys: ReadonlySet<string>
}

export const SUBJECT_KINDS = [
  'user',
  'group',
  'role',
  'project',
  'project-name',
  'domain',
  'domain-name',
] as const
type Kind = (typeof SUBJECT_KINDS)[number]

/** `keystone` is a caller whose review has a user, groups and an extra: what CPO wants before it looks at a policy. */
export interface Term extends Wildcard {
  readonly kind: Kind | 'project-of' | 'keystone'
}

export const termKey = (term: Term) => `${term.kind}:${term.text}`
export const KEYSTONE: Term = { kind: 'keystone', text: '', prefix: false }

/** All of the clauses must hold, of each clause one term. No clause: everybody. */
export class SubjectRequirement {
  readonly clauses: readonly (readonly Term[])[]

  constructor(clauses: readonly (readonly Term[])[]) {
    this.clauses = clauses
  }

  fits(subject: Subject): boolean {
    return this.clauses.every((clause) => clause.some((term) => fitsTerm(term, subject)))
  }

  toCell(): string {
    if (this.clauses.length === 0) return '*'
    return this.clauses.map((clause) => clause.map(writeTerm).join('|')).join(' & ')
  }
}

function fitsTerm(term: Term, { keys }: Subject): boolean {
  const key = termKey(term)
  if (!term.prefix) return keys.has(key)
  for (const candidate of keys) if (candidate.startsWith(key)) return true
  return false
}

/** Reads `role:member & project:default/demo|project:0123`: `&` joins clauses, `|` joins terms of a clause. */
export function readSubject(cell: string): SubjectRequirement {
  if (cell === '*') return new SubjectRequirement([])
  return new SubjectRequirement(
    splitCell(cell, '&').map((clause) => splitCell(clause, '|').map((term) => readTerm(term))),
  )
}

function readTerm(term: string): Term {
  if (term === 'keystone') return KEYSTONE
  const colon = term.indexOf(':')
  const kind = SUBJECT_KINDS.find((candidate) => candidate === term.slice(0, colon))
  if (kind === undefined)
    throw new Error(`${term || 'nothing'}: expected '*' or one of ${SUBJECT_KINDS.join(':, ')}: with a value`)
  const value = term.slice(colon + 1).trim()
  if (kind !== 'project' || !hasUnescaped(value, '/')) return { kind, ...readWildcard(value) }
  const [domain = '', ...name] = splitCell(value, '/')
  const { text, prefix } = readWildcard(name.join('/'))
  return { kind: 'project-of', text: `${unescapeCell(domain)}\0${text}`, prefix }
}

function writeTerm(term: Term): string {
  if (term.kind === 'keystone') return 'keystone'
  if (term.kind !== 'project-of')
    return `${term.kind}:${writeWildcard(term, term.kind === 'project' ? '/' : '')}`
  const [domain = '', text = ''] = term.text.split('\0')
  return `project:${escapeCell(domain, '/')}/${writeWildcard({ text, prefix: term.prefix }, '/')}`
}
