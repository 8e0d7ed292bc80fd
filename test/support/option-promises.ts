import type { Test } from 'tap'
import type { Option, OptionTable } from '../../src/config/option.ts'

/**
 * What the documents promise of an option, in plain numbers of milliseconds, percent and pieces: no parser of ours
 * is between a promise and the test.
 */
export interface OptionPromise {
  /** The option, without its parser and its help. */
  readonly shape: Omit<Option<unknown>, 'parse' | 'help'>
  readonly accepted: readonly (readonly [text: string, value: unknown])[]
  readonly refused: readonly string[]
}

export type OptionPromises = Readonly<Record<string, OptionPromise>>

type More = Partial<Pick<Option<unknown>, 'env' | 'value' | 'repeatable' | 'short' | 'fallback'>>

export const text = (value = 'TEXT', more: More = {}): OptionPromise => ({
  shape: { value, fallback: undefined, ...more },
  accepted: [['x y', 'x y']],
  refused: [''],
})

export const file = (more: More = {}) => text('FILE', more)

/** A text that is known by one or more variables of OpenStack's clients. */
export const openstack = (names: readonly string[], value = 'TEXT') =>
  text(value, { env: names.map((name) => `OS_${name}`) })

export const url = (more: More = {}): OptionPromise => ({
  shape: { value: 'URL', fallback: undefined, ...more },
  accepted: [
    ['http://k:5000/v3', 'http://k:5000/v3'],
    ['https://k', 'https://k'],
  ],
  refused: ['', 'k', 'ftp://k', 'https://u@k', 'https://k?a=b'],
})

export const list = (value = 'LIST', more: More = {}): OptionPromise => ({
  shape: { value, fallback: [], ...more },
  accepted: [
    ['a, b', ['a', 'b']],
    ['', []],
  ],
  refused: [],
})

export const onOff = (fallback = false): OptionPromise => ({
  shape: { fallback },
  accepted: [
    ['true', true],
    ['false', false],
  ],
  refused: ['', 'yes'],
})

export const choice = (words: readonly string[], fallback: string): OptionPromise => ({
  shape: { value: words.join('|'), fallback },
  accepted: words.map((word) => [word, word]),
  refused: ['', 'other', words.join(',')],
})

export const choices = (words: readonly string[], fallback: readonly string[]): OptionPromise => ({
  shape: { value: words.join('|'), fallback },
  accepted: [[words.join(','), words], ...words.map((word) => [word, [word]] as const)],
  refused: ['other', `${words[0]},other`],
})

export const integer = (
  fallback: number | undefined,
  [min, max]: readonly [number, number],
  more: More = {},
): OptionPromise => ({
  shape: { value: 'N', fallback, ...more },
  accepted: [min, Math.round((min + max) / 2), max].map((number) => [String(number), number]),
  refused: [String(min - 1), String(max + 1), '', '1.5'],
})

/** In milliseconds. */
export const duration = (fallback: number, [min, max]: readonly [number, number]): OptionPromise => ({
  shape: { value: 'DURATION', fallback },
  accepted: [
    ...[min, (min + max) / 2, max].map((ms) => [`${ms}ms`, ms] as const),
    ...(min === 0 ? [['0', 0] as const] : []),
  ],
  refused: [...(min === 0 ? [] : ['0', `${min - 1}ms`]), `${max + 1}ms`, '', '5'],
})

export const hostPort = (host: string, port: number): OptionPromise => ({
  shape: { value: 'HOST:PORT', fallback: { host, port } },
  accepted: [
    ['10.0.0.1:1', { host: '10.0.0.1', port: 1 }],
    [':9', { host: '::', port: 9 }],
  ],
  refused: ['', '8443', 'h:65536'],
})

/** Holds each option of a table to what is promised of it; the table has these options and no others. */
export function keepsPromises(t: Test, table: OptionTable, promises: OptionPromises): void {
  t.strictSame(Object.keys(table).sort(), Object.keys(promises).sort(), 'the options')
  for (const [name, { shape, accepted, refused }] of Object.entries(promises)) {
    const { parse, help, ...rest } = table[name] as Option<unknown>
    t.strictSame(rest, shape, `--${name}`)
    t.match(help, /^[\w%].*[.]$/s, `--${name} has a sentence of help`)
    for (const [given, value] of accepted)
      t.strictSame(parse(given), value, `--${name} accepts ${JSON.stringify(given)}`)
    for (const given of refused)
      t.throws(() => parse(given), /^expected /, `--${name} refuses ${JSON.stringify(given)}`)
  }
}
