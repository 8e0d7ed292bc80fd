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

/** Turns the cells of a rule into the rule. Throws CellError. */
export function readRule(cells: Cells, place: { source: string; line: number }): Rule {
  const cell = <T>(column: Column, read: (text: string) => T): T => {
    try {
      return read(cells[column] ?? '')
    } catch (error) {
      throw new CellError(column, error instanceof Error ? error.message : String(error))
    }
  }
  const verb = cell('verb', readPattern)
  const target: ResourceTarget | PathTarget =
    cells.path === undefined
      ? {
          kind: 'resource',
          namespace: cell('namespace', readNamespacePattern),
          group: cell('group', readPattern),
          resource: cell('resource', readResourcePattern),
          name: cell('name', readPattern),
          verb,
          selector: cell('selector', readSelector),
        }
      : { kind: 'path', path: cell('path', readPattern), verb }
  return { subject: cell('subject', readSubject), target, effect: cell('effect', readEffect), ...place }
}

function readEffect(text: string): Effect {
  if (text === 'allow' || text === 'deny') return text
  throw new Error('expected allow or deny')
}
