/**
 * One configuration value: a flag, environment variables and a key of the configuration file with one
 * parser for all three. docs/configuration.md has a row for each option of each command.
 */
export interface Option<T> {
  /** Turns the text into the value; throws an Error whose message says what is expected. */
  readonly parse: (text: string) => T
  /** The value when nobody says anything. */
  readonly fallback: T
  /** Environment variables beside the derived `PORTCULLIS_<FLAG>`, the first one that is set wins. */
  readonly env?: readonly string[]
  /** What stands for the value in --help: FILE, DURATION, ... Absent for an on/off switch. */
  readonly value?: string
  /** The flag may be given several times; the values are joined by commas before they are parsed. */
  readonly repeatable?: true
  /** One letter, as in -v. */
  readonly short?: string
  readonly help: string
}

/** Options by flag name (kebab-case, without the dashes). */
// biome-ignore lint/suspicious/noExplicitAny: a table of options of different value types
export type OptionTable = Readonly<Record<string, Option<any>>>

type Camel<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S

/** The values of a table, by camel-case name. */
export type OptionValues<O extends OptionTable> = {
  readonly [K in keyof O & string as Camel<K>]: O[K] extends Option<infer T> ? T : never
}

export const camel = (flag: string) => flag.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())

type Extra = Partial<Pick<Option<never>, 'env' | 'value' | 'repeatable' | 'short'>>

/** A text that must not be empty; undefined when not given. */
export const textOption = (help: string, extra: Extra = {}): Option<string | undefined> => ({
  value: 'TEXT',
  ...extra,
  help,
  fallback: undefined,
  parse: notEmpty,
})

/** A path; undefined when not given. */
export const fileOption = (help: string, extra: Extra = {}): Option<string | undefined> =>
  textOption(help, { value: 'FILE', ...extra })

/** Comma-separated texts; white space around them is dropped. */
export const listOption = (
  help: string,
  extra: Extra = {},
  fallback: readonly string[] = [],
): Option<readonly string[]> => ({
  value: 'LIST',
  ...extra,
  help,
  fallback,
  parse: itemsOf,
})

/** Comma-separated words out of a closed set. */
export const choicesOption = <const W extends string>(
  help: string,
  words: readonly W[],
  fallback: readonly W[],
  extra: Extra = {},
): Option<readonly W[]> => ({
  value: words.join('|'),
  ...extra,
  help,
  fallback,
  parse: (text) => itemsOf(text).map((word) => oneOf(words, word)),
})

/** One word out of a closed set. */
export const choiceOption = <const W extends string>(
  help: string,
  words: readonly W[],
  fallback: W,
  extra: Extra = {},
): Option<W> => ({ value: words.join('|'), ...extra, help, fallback, parse: (text) => oneOf(words, text) })

/** A whole number within bounds. */
export const integerOption = (
  help: string,
  bounds: { min: number; max: number; fallback: number },
  extra: Extra = {},
): Option<number> => ({
  value: 'N',
  ...extra,
  help,
  fallback: bounds.fallback,
  parse: (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
    if (number >= bounds.min && number <= bounds.max) return number
    throw new Error(`expected a whole number from ${bounds.min} to ${bounds.max}`)
  },
})

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const

/** A duration such as `250ms`, `90s`, `1m30s` or `0`; the value is milliseconds. */
export const durationOption = (
  help: string,
  bounds: { min?: string; max: string; fallback: string },
  extra: Extra = {},
): Option<number> => ({
  value: 'DURATION',
  ...extra,
  help,
  fallback: milliseconds(bounds.fallback),
  parse: (text) => {
    const value = milliseconds(text)
    if (value >= milliseconds(bounds.min ?? '0') && value <= milliseconds(bounds.max)) return value
    throw new Error(
      `expected a duration from ${bounds.min ?? '0'} to ${bounds.max}, such as ${bounds.fallback}`,
    )
  },
})

/** An on/off switch. */
export const switchOption = (help: string, extra: Extra = {}): Option<boolean> => ({
  ...extra,
  help,
  fallback: false,
  parse: (text) => {
    if (text === 'true' || text === '1') return true
    if (text === 'false' || text === '0') return false
    throw new Error('expected true or false')
  },
})

export interface HostPort {
  readonly host: string
  readonly port: number
}

/** `host:port`, `[v6]:port` or `:port` (all addresses); port 0 picks a free one. */
export const hostPortOption = (help: string, fallback: string, extra: Extra = {}): Option<HostPort> => ({
  value: 'HOST:PORT',
  ...extra,
  help,
  fallback: hostPort(fallback),
  parse: hostPort,
})

/** An http or https URL without user, query or fragment. */
export const urlOption = (help: string, extra: Extra = {}): Option<string | undefined> => ({
  value: 'URL',
  ...extra,
  help,
  fallback: undefined,
  parse: (text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol)) throw new Error('expected an http or https URL')
    if (url.username || url.password || url.search || url.hash)
      throw new Error('expected a URL without user, password, query or fragment')
    return text
  },
})

function notEmpty(text: string): string {
  if (text === '') throw new Error('expected a text, got none')
  return text
}

const itemsOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

function oneOf<W extends string>(words: readonly W[], text: string): W {
  const word = words.find((candidate) => candidate === text)
  if (word === undefined) throw new Error(`expected ${words.join(', ')}`)
  return word
}

function milliseconds(text: string): number {
  if (text === '0') return 0
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return Number.NaN
  let sum = 0
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    sum += Number(number) * UNITS[unit as keyof typeof UNITS]
  return sum
}

function hostPort(text: string): HostPort {
  const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]\s]*)):(?<port>\d{1,5})$/.exec(text)
  const port = Number(match?.groups?.port)
  if (match === null || port > 65535) throw new Error('expected HOST:PORT, such as 127.0.0.1:8443')
  return { host: match.groups?.v6 ?? (match.groups?.host || '::'), port }
}
