import { runAtOnce, type Steps } from '../steps.ts'
import { PolicyTextError } from './fault.ts'

/** A JSON value that knows where it stands. Members stay in order, repeated names too, as Go's decoder meets them. */
export type JsonNode = { readonly at: number } & (
  | { readonly kind: 'null' | 'boolean' | 'number' }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'array'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly members: readonly JsonMember[] }
)

export interface JsonMember {
  readonly name: string
  readonly at: number
  readonly value: JsonNode
}

/** No policy nests deeper than 6; Go stops at 10,000. */
const MAX_DEPTH = 64
const SPACE = /[ \t\r\n]*/y
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const WORD = /true|false|null/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them inside a string
const PLAIN = /[^"\\\u0000-\u001f]*/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

/**
 * Reads the first JSON value of a text. `rest: 'ignored'` is how CPO reads a file, `rest: 'forbidden'` how it reads
 * a ConfigMap. Half a surrogate pair becomes U+FFFD, as in Go. Throws PolicyTextError.
 */
export function readJson(text: string, rest: 'ignored' | 'forbidden'): JsonNode {
  return runAtOnce(readJsonSteps(text, rest))
}

/**
 * As `readJson`, a step for each item of the outermost list. With `each` these items are handed over and not kept: a
 * tree of a large policy would live long enough for the garbage collector to copy it, which nobody can interrupt.
 */
export function* readJsonSteps(
  text: string,
  rest: 'ignored' | 'forbidden',
  each?: (item: JsonNode) => void,
): Steps<JsonNode> {
  let at = 0

  const take = (pattern: RegExp) => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    if (found !== undefined) at += found.length
    return found
  }
  const fail = (what: string): never => {
    if (at >= text.length) throw new PolicyTextError(at, `the JSON ends before ${what}`)
    throw new PolicyTextError(at, `expected ${what}, got ${JSON.stringify(text.slice(at, at + 1))}`)
  }
  const expect = (sign: string) => {
    take(SPACE)
    if (text[at] !== sign) fail(`'${sign}'`)
    at += 1
  }

  function readString(): string {
    const start = at
    at += 1
    let escaped = false
    for (;;) {
      take(PLAIN)
      if (text[at] === '"') break
      if (take(ESCAPE) === undefined) fail('the end of a string')
      escaped = true
    }
    at += 1
    const value = escaped ? (JSON.parse(text.slice(start, at)) as string) : text.slice(start + 1, at - 1)
    return value.toWellFormed()
  }

  function readItems<T>(end: string, read: () => T): readonly T[] {
    return runAtOnce(readItemSteps(end, read))
  }

  /** Items of a list or an object, up to `end`. */
  function* readItemSteps<T>(end: string, read: () => T, hand?: (item: T) => void): Steps<readonly T[]> {
    at += 1
    const items: T[] = []
    const keep = hand ?? ((item: T) => void items.push(item))
    take(SPACE)
    if (text[at] === end) {
      at += 1
      return items
    }
    for (;;) {
      keep(read())
      yield
      take(SPACE)
      if (text[at] === end) break
      if (text[at] !== ',') fail(`',' or '${end}'`)
      at += 1
    }
    at += 1
    return items
  }

  function readValue(depth: number): JsonNode {
    take(SPACE)
    const start = at
    if (depth > MAX_DEPTH) throw new PolicyTextError(at, `nested deeper than ${MAX_DEPTH}`)
    const sign = text[at]
    if (sign === '"') return { at: start, kind: 'string', value: readString() }
    if (sign === '[') return { at: start, kind: 'array', items: readItems(']', () => readValue(depth + 1)) }
    if (sign === '{')
      return { at: start, kind: 'object', members: readItems('}', () => readMember(depth + 1)) }
    const word = take(WORD)
    if (word !== undefined) return { at: start, kind: word === 'null' ? 'null' : 'boolean' }
    if (take(NUMBER) === undefined) fail('a JSON value')
    return { at: start, kind: 'number' }
  }

  function readMember(depth: number): JsonMember {
    take(SPACE)
    const start = at
    if (text[at] !== '"') fail('a field name in double quotes')
    const name = readString()
    expect(':')
    return { name, at: start, value: readValue(depth) }
  }

  take(SPACE)
  const start = at
  const value: JsonNode =
    text[at] === '['
      ? { at: start, kind: 'array', items: yield* readItemSteps(']', () => readValue(1), each) }
      : readValue(0)
  take(SPACE)
  if (rest === 'forbidden' && at < text.length)
    throw new PolicyTextError(at, 'expected nothing after the JSON value')
  return value
}

/** The value of a member, if the node is an object that has it. */
export function firstMember(node: JsonNode, name: string): JsonNode | undefined {
  return node.kind === 'object' ? node.members.find((member) => member.name === name)?.value : undefined
}
