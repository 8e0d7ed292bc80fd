import { isNode, LineCounter, parseAllDocuments, parseDocument, stringify } from 'yaml'

/**
 * Reads one YAML (or JSON) document. Throws an Error that names line and column. Aliases are bounded by the
 * library (no billion laughs); tags beyond the core schema are not known.
 */
export function readYaml(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: true })
  const fault = document.errors[0]
  if (fault !== undefined) throw new Error(fault.message.split('\n')[0]?.replace(/:$/, ''))
  return document.toJS({ maxAliasCount: 100 })
}

/** Reads YAML documents that stand one after the other, parted by `---`. Throws as `readYaml` does. */
export function readYamlDocuments(text: string): readonly unknown[] {
  return [...parseAllDocuments(text, { prettyErrors: true })].map((document) => {
    const fault = document.errors[0]
    if (fault !== undefined) throw new Error(fault.message.split('\n')[0]?.replace(/:$/, ''))
    return document.toJS({ maxAliasCount: 100 }) as unknown
  })
}

/** One YAML document in block style. */
export function writeYaml(value: object): string {
  return stringify(value, { lineWidth: 0 })
}

/** Reads one YAML document of which each value can be found again in the text. Throws as `readYaml` does. */
export function readLocatedYaml(text: string) {
  const lineCounter = new LineCounter()
  const document = parseDocument(text, { prettyErrors: true, lineCounter })
  const fault = document.errors[0]
  if (fault !== undefined) throw new Error(fault.message.split('\n')[0]?.replace(/:$/, ''))
  return {
    value: document.toJS({ maxAliasCount: 100 }) as unknown,
    /** Line and column, from 1, of the value under these keys; the beginning if there is none. */
    position(keys: readonly (string | number)[]): { line: number; column: number } {
      const node = document.getIn(keys, true)
      const { line, col } = lineCounter.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0)
      return { line: Math.max(line, 1), column: Math.max(col, 1) }
    },
  }
}

/** A YAML (or JSON) document to change: what is not touched keeps its comments, its order and its style. */
export interface EditableYaml {
  readonly value: unknown
  /** Puts a value under these keys; the collections on the way are made if they are missing. */
  set(keys: readonly (string | number)[], value: unknown): void
  text(): string
}

/** Throws as `readYaml` does. */
export function editYaml(text: string): EditableYaml {
  // kubectl reads YAML 1.1, in which a bare `no` is no text
  const document = parseDocument(text, { prettyErrors: true, compat: 'yaml-1.1' })
  const fault = document.errors[0]
  if (fault !== undefined) throw new Error(fault.message.split('\n')[0]?.replace(/:$/, ''))
  return {
    get value() {
      return document.toJS({ maxAliasCount: 100 }) as unknown
    },
    set: (keys, value) => document.setIn(keys, document.createNode(value)),
    text: () =>
      document.toString({
        lineWidth: 0,
        // lists stand where kubectl puts them, unless the text has them indented
        indentSeq: /^[^\s#-][^\n]*:[ \t]*\n[ \t]+- /m.test(text),
        ...(/^\s*\{/.test(text) && { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'QUOTE_DOUBLE' }),
      }),
  }
}
