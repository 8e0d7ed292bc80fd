import { parseDocument, stringify } from 'yaml'

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

/** One YAML document in block style. */
export function writeYaml(value: object): string {
  return stringify(value, { lineWidth: 0 })
}
