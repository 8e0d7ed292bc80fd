import { parseArgs } from 'node:util'
import type { OptionTable } from './option.ts'

export interface Fault {
  /** Where the value came from: `flag --listen`, `environment OS_AUTH_URL`, `file /etc/x.yaml, key listen`. */
  readonly from: string
  readonly message: string
}

/** The texts given for each flag, in order. */
export type Flags = ReadonlyMap<string, readonly string[]>

/** Reads the command line; what cannot be read goes to `faults`. */
export function readFlags(table: OptionTable, argv: readonly string[], faults: Fault[]) {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, option]) => [
      name,
      {
        type: option.value === undefined ? 'boolean' : 'string',
        ...(option.short && { short: option.short }),
      },
    ]),
  ) as Record<string, { type: 'boolean' | 'string'; short?: string }>
  const flags = new Map<string, string[]>()
  const operands: string[] = []
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  })
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(table, token.name) ? table[token.name] : undefined
    const from = `flag ${token.rawName}`
    const text = token.rawName.startsWith('--') ? token.value : token.value?.replace(/^=/, '')
    if (option === undefined) faults.push({ from, message: 'there is no such flag; --help lists them' })
    else if (option.value !== undefined && text === undefined)
      faults.push({ from, message: `expected a value (${option.value})` })
    else if (flags.has(token.name) && !option.repeatable)
      faults.push({ from, message: 'given more than once' })
    else flags.set(token.name, [...(flags.get(token.name) ?? []), text ?? 'true'])
  }
  return { flags: flags as Flags, operands }
}
