import { errorText, PortcullisError } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'
import { readYaml } from '../files/yaml.ts'
import { type Fault, type Flags, readFlags } from './flags.ts'
import { camel, fileOption, type OptionTable, type OptionValues } from './option.ts'

/** The parts of the outside world that configuration comes from. */
export interface Sources {
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

interface Given {
  readonly from: string
  readonly text: string
}

const CONFIG = fileOption('Configuration file: YAML, a key for each flag below, without the dashes.')

/** Flags that every command takes. */
export const COMMON_OPTIONS = { config: CONFIG } satisfies OptionTable

/**
 * Reads a table of options: a flag beats the environment, the environment beats the file, the file beats the
 * default. Gives the frozen values and the operands, or throws CONFIG_INVALID with every fault found.
 */
export function readOptions<O extends OptionTable>(
  table: O,
  sources: Sources,
  check: (values: OptionValues<O>) => readonly Fault[] = () => [],
): { values: OptionValues<O>; operands: readonly string[] } {
  const all: OptionTable = { ...COMMON_OPTIONS, ...table }
  const faults: Fault[] = []
  const { flags, operands } = readFlags(all, sources.argv, faults)
  const path = pick('config', all, flags, sources.env, {})
  const file = path === undefined ? {} : readFile(path.text, all, faults)
  const values: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(table)) {
    const given = pick(name, all, flags, sources.env, file)
    values[camel(name)] = option.fallback
    if (given === undefined) continue
    try {
      values[camel(name)] = option.parse(given.text)
    } catch (error) {
      faults.push({ from: given.from, message: errorText(error) })
    }
  }
  if (faults.length === 0) faults.push(...check(values as OptionValues<O>))
  if (faults.length > 0) throw configInvalid(faults)
  return { values: Object.freeze(values) as OptionValues<O>, operands }
}

export function configInvalid(faults: readonly Fault[]): PortcullisError {
  const lines = faults.map((fault) => `\n  ${fault.from}: ${fault.message}`)
  return new PortcullisError('CONFIG_INVALID', `the configuration cannot be used:${lines.join('')}`)
}

function pick(
  name: string,
  table: OptionTable,
  flags: Flags,
  env: Sources['env'],
  file: Readonly<Record<string, Given>>,
): Given | undefined {
  const flag = flags.get(name)
  if (flag !== undefined) return { from: `flag --${name}`, text: flag.join(',') }
  for (const variable of [
    `PORTCULLIS_${name.replaceAll('-', '_').toUpperCase()}`,
    ...(table[name]?.env ?? []),
  ]) {
    const text = env[variable]
    if (text !== undefined && text !== '') return { from: `environment ${variable}`, text }
  }
  return file[name]
}

function readFile(path: string, table: OptionTable, faults: Fault[]): Readonly<Record<string, Given>> {
  const from = `file ${path}`
  try {
    const content: unknown = readYaml(readConfigFile(path)) ?? {}
    if (typeof content !== 'object' || Array.isArray(content)) throw new Error('expected keys and values')
    const given: Record<string, Given> = {}
    for (const [key, value] of Object.entries(content as object)) {
      const where = `${from}, key ${key}`
      const text = scalar(value)
      if (!Object.hasOwn(table, key) || key === 'config')
        faults.push({ from: where, message: 'there is no such key' })
      else if (text === undefined)
        faults.push({ from: where, message: 'expected a text, a number or a list of texts' })
      else given[key] = { from: where, text }
    }
    return given
  } catch (error) {
    faults.push({ from, message: errorText(error) })
    return {}
  }
}

function scalar(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    const items = value.map(scalar)
    return items.includes(undefined) ? undefined : items.join(',')
  }
  return ['string', 'number', 'boolean'].includes(typeof value) ? String(value) : undefined
}
