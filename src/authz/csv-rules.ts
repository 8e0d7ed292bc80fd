import type { Steps } from '../steps.ts'
import { splitCell } from './cell.ts'
import type { PolicyFault } from './fault.ts'
import type { PolicyOutcome } from './policy-text.ts'
import type { Rule } from './rule.ts'
import { CellError, type Cells, createRuleReader, PATH_COLUMNS, RESOURCE_COLUMNS } from './rule-cells.ts'

const COLUMNS: Readonly<Record<string, readonly string[]>> = { p: RESOURCE_COLUMNS, p2: PATH_COLUMNS }

/**
 * Rules as casbin's CSV: `p` and the columns of a resource rule or `p2` and those of a path rule; lines that are empty
 * or begin with `#` say nothing. A line that cannot be understood is quarantined if it is sure to be an allow rule: a
 * deny rule that is left out would open what it closes, so it makes the whole text unusable.
 */
export function* readCsvRules(text: string, source: string): Steps<PolicyOutcome> {
  const rules: Rule[] = []
  const readRule = createRuleReader()
  const quarantined: PolicyFault[] = []
  for (const [index, row] of text.split(/\r?\n/).entries()) {
    if (index % 16 === 0) yield
    if (row.trim() === '' || row.trimStart().startsWith('#')) continue
    const line = index + 1
    const cells = splitCell(row, ',')
    const columns = Object.hasOwn(COLUMNS, cells[0] ?? '') ? COLUMNS[cells[0] as string] : undefined
    try {
      if (columns === undefined) throw new Error("expected 'p' or 'p2' in the first column")
      if (cells.length !== columns.length + 1)
        throw new Error(`expected ${cells[0]} and ${columns.length} columns (${columns.join(', ')})`)
      rules.push(readRule(toCells(columns, cells), { source, line }))
    } catch (error) {
      const fault = { line, column: columnOf(row, columns, error), message: (error as Error).message }
      if (cells.at(-1) !== 'allow') return { fault }
      quarantined.push(fault)
    }
  }
  return { format: 'portcullis', rules, quarantined, unknown: [] }
}

const toCells = (columns: readonly string[], cells: readonly string[]): Cells =>
  Object.fromEntries(columns.map((column, index) => [column, cells[index + 1] as string]))

function columnOf(row: string, columns: readonly string[] | undefined, error: unknown): number {
  if (!(error instanceof CellError) || columns === undefined) return 1
  const before = splitCell(row, ',').length - columns.length + columns.indexOf(error.column)
  let at = 0
  for (let seen = 0; seen < before && at < row.length; at++) {
    if (row[at] === '\\') at += 1
    else if (row[at] === ',') seen += 1
  }
  return at + 1 + (row.slice(at).length - row.slice(at).trimStart().length)
}
