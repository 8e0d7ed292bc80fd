import { readNamespacePattern, readPattern } from './pattern.ts'
import { readResourcePattern } from './resource-pattern.ts'
import type { Effect, PathTarget, ResourceTarget, Rule } from './rule.ts'
import { readSelector } from './selector.ts'
import { readSubject } from './subject.ts'

export const RESOURCE_COLUMNS = [
  'subject',
  'namespace',
  'group',
  'resource',
  'name',
  'verb',
  'selector',
  'effect',
] as const
export const PATH_COLUMNS = ['subject', 'path', 'verb', 'effect'] as const
type Column = (typeof RESOURCE_COLUMNS)[number] | 'path'
export type Cells = Readonly<Partial<Record<Column, string>>>

/** A fault of one cell. */
export class CellError extends Error {
  readonly column: Column

  constructor(column: Column, message: string) {
    super(`${column}: ${message}`)
    this.column = column
  }
}

/** Gives the same object for the same text: ten thousand rules say few different things, and less memory is less pause. */
export function shared<T>(read: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    let value = known.get(text)
    if (value === undefined) {
      value = read(text)
      known.set(text, value)
    }
    return value
  }
}

export type RuleReader = (cells: Cells, place: { source: string; line: number }) => Rule

/** What turns the cells of a rule into the rule, for the rules of one text. It throws CellError. */
export function createRuleReader(): RuleReader {
  const readers = {
    pattern: shared(readPattern),
    namespace: shared(readNamespacePattern),
    resource: shared(readResourcePattern),
    selector: shared(readSelector),
    subject: shared(readSubject),
  }
  return (cells, place) => readRule(cells, place, readers)
}

interface Readers {
  readonly pattern: typeof readPattern
  readonly namespace: typeof readNamespacePattern
  readonly resource: typeof readResourcePattern
  readonly selector: typeof readSelector
  readonly subject: typeof readSubject
}

function readRule(cells: Cells, place: { source: string; line: number }, readers: Readers): Rule {
  const cell = <T>(column: Column, read: (text: string) => T): T => {
    try {
      return read(cells[column] ?? '')
    } catch (error) {
      throw new CellError(column, error instanceof Error ? error.message : String(error))
    }
  }
  const verb = cell('verb', readers.pattern)
  const target: ResourceTarget | PathTarget =
    cells.path === undefined
      ? {
          kind: 'resource',
          namespace: cell('namespace', readers.namespace),
          group: cell('group', readers.pattern),
          resource: cell('resource', readers.resource),
          name: cell('name', readers.pattern),
          verb,
          selector: cell('selector', readers.selector),
        }
      : { kind: 'path', path: cell('path', readers.pattern), verb }
  return { subject: cell('subject', readers.subject), target, effect: cell('effect', readEffect), ...place }
}

function readEffect(text: string): Effect {
  if (text === 'allow' || text === 'deny') return text
  throw new Error('expected allow or deny')
}
