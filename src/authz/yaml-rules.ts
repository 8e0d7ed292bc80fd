import { errorText } from '../errors.ts'
import { readLocatedYaml } from '../files/yaml.ts'
import { isRecord } from '../json.ts'
import type { Steps } from '../steps.ts'
import type { PolicyFault } from './fault.ts'
import type { PolicyOutcome } from './policy-text.ts'
import type { Rule } from './rule.ts'
import { CellError, type Cells, createRuleReader, PATH_COLUMNS, RESOURCE_COLUMNS } from './rule-cells.ts'

const DEFAULTS: Cells = { name: '*', selector: '*', effect: 'allow' }

/**
 * Rules for people: `rules:` with a list of objects whose keys are the columns of the CSV. A value is a cell or a
 * list of its items; `name` and `selector` may be left out (any), and so may `effect` (allow). Quarantine is as for CSV.
 */
export function* readYamlRules(text: string, source: string): Steps<PolicyOutcome> {
  const rules: Rule[] = []
  const readRule = createRuleReader()
  const quarantined: PolicyFault[] = []
  let file: ReturnType<typeof readLocatedYaml>
  try {
    file = readLocatedYaml(text)
  } catch (error) {
    return { fault: yamlFault(errorText(error)) }
  }
  const { value, position } = file
  const items = isRecord(value) && Object.keys(value).join() === 'rules' ? (value.rules ?? []) : undefined
  if (!Array.isArray(items))
    return { fault: { line: 1, column: 1, message: "expected one key, 'rules', with a list" } }
  for (const [index, item] of items.entries()) {
    yield
    const { line, column } = position(['rules', index])
    try {
      rules.push(readRule(toCells(item), { source, line }))
    } catch (error) {
      const cell = error instanceof CellError && isRecord(item) && Object.hasOwn(item, error.column)
      const at = cell ? position(['rules', index, error.column]) : { line, column }
      const fault = { ...at, message: errorText(error) }
      if (!isSurelyAllow(item)) return { fault }
      quarantined.push(fault)
    }
  }
  return { format: 'portcullis', rules, quarantined, unknown: [] }
}

/** Without an effect it is, unless a key that no rule has says deny, as in `efect: deny` and `deny: true`. */
function isSurelyAllow(item: unknown): boolean {
  if (!isRecord(item)) return false
  if (Object.hasOwn(item, 'effect')) return item.effect === 'allow'
  const known: readonly string[] = [...RESOURCE_COLUMNS, ...PATH_COLUMNS]
  return Object.entries(item).every(
    (member) => known.includes(member[0]) || !/deny/i.test(JSON.stringify(member)),
  )
}

function toCells(item: unknown): Cells {
  if (!isRecord(item)) throw new Error('expected an object')
  const path = Object.hasOwn(item, 'path')
  const columns: readonly string[] = path ? PATH_COLUMNS : RESOURCE_COLUMNS
  const cells: Record<string, string> = {}
  for (const [key, value] of Object.entries(item)) {
    if (!columns.includes(key))
      throw new Error(`${key.slice(0, 64)}: a ${path ? 'path' : 'resource'} rule has no such key`)
    const parts: readonly unknown[] = Array.isArray(value) ? value : [value]
    if (parts.length === 0 || parts.some((part) => typeof part !== 'string'))
      throw new CellError(key as 'subject', 'expected a string or a list of strings')
    cells[key] = parts.join(key === 'subject' || key === 'selector' ? ' & ' : '|')
  }
  for (const column of columns) cells[column] ??= DEFAULTS[column as 'name'] ?? ''
  return cells
}

/** The library says where in its message. */
function yamlFault(text: string): PolicyFault {
  const [, message, line, column] = /^(.*) at line (\d+), column (\d+)$/s.exec(text) ?? []
  return { line: Number(line ?? 1), column: Number(column ?? 1), message: message ?? text }
}
