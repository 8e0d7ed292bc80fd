import type { Steps } from '../steps.ts'
import { faultAt, type PolicyFault, PolicyTextError } from './fault.ts'
import { type JsonMember, type JsonNode, readJsonSteps } from './located-json.ts'

type TextLists = ReadonlyMap<string, readonly string[]>

/** `undefined` is an absent field, which CPO does not tell from null. */
export interface CpoEntry {
  readonly users?: TextLists | undefined
  readonly resourcePermissions?: TextLists | undefined
  readonly nonresourcePermissions?: TextLists | undefined
  readonly resource?: CpoResource | undefined
  readonly nonresource?: { readonly verbs: readonly string[]; readonly path?: string | undefined } | undefined
  readonly match: readonly CpoMatch[]
}

export interface CpoResource {
  readonly verbs: readonly string[]
  readonly resources: readonly string[]
  /** The API group, whatever the field's name says. */
  readonly version?: string | undefined
  readonly namespace?: string | undefined
}

export interface CpoMatch {
  readonly type: string
  readonly values: readonly string[]
}

/** `null` is an entry that says null: CPO breaks off when a decision reaches it. */
export type CpoPolicy = readonly { readonly at: number; readonly entry: CpoEntry | null }[]

/** Field names that no reader knows, and keys inside `users` other than roles and projects. */
export interface CpoReading {
  readonly policy: CpoPolicy
  readonly unknown: readonly PolicyFault[]
}

type Fields = Record<string, (value: JsonNode, before: unknown) => unknown>

/**
 * Reads a policy of k8s-keystone-auth as its decoder does: field names are case-blind, unknown ones ignored, null
 * is absent, a field that comes again is merged (maps), or replaced. Any other wrong type refuses the whole text.
 */
export function* readCpoPolicy(
  text: string,
  rest: 'ignored' | 'forbidden',
): Steps<CpoReading | { readonly fault: PolicyFault }> {
  try {
    const reader = createEntryReader(text)
    const list = yield* readJsonSteps(text, rest, reader.read)
    items(list, POLICY)
    return reader.reading
  } catch (error) {
    if (error instanceof PolicyTextError) return { fault: faultAt(text, error.at, error.message) }
    throw error
  }
}

/** As `readCpoPolicy`, for a policy that stands inside another document. Throws PolicyTextError. */
export function readCpoEntries(node: JsonNode, text: string): CpoReading {
  const reader = createEntryReader(text)
  for (const item of items(node, POLICY)) reader.read(item)
  return reader.reading
}

const POLICY = 'a list of policy entries'

function createEntryReader(text: string): { read(item: JsonNode): void; readonly reading: CpoReading } {
  const unknown: PolicyFault[] = []
  const note = (member: JsonMember, what: string) =>
    void unknown.push(
      faultAt(text, member.at, `${what} ${JSON.stringify(member.name.slice(0, 64))} is ignored`),
    )
  const object = (fields: Fields) => (node: JsonNode, before: unknown) =>
    readFields(node, fields, before, note)
  const map = (known?: readonly string[]) => (node: JsonNode, before: unknown) => {
    if (known !== undefined && node.kind === 'object')
      for (const member of node.members) if (!known.includes(member.name)) note(member, 'the key')
    return readLists(node, before)
  }

  const matchItem = object({ type: readText, values: readTexts })
  const entry = object({
    users: map(['roles', 'projects']),
    resource_permissions: map(),
    nonresource_permissions: map(),
    resource: object({ verbs: readTexts, resources: readTexts, version: readText, namespace: readText }),
    nonresource: object({ verbs: readTexts, path: readText }),
    match: (node) => items(node, 'a list of objects').map((item) => matchItem(item, undefined)),
  })
  const policy: { at: number; entry: CpoEntry | null }[] = []
  return {
    read(item) {
      const fields = entry(item, undefined) as Record<string, unknown> | undefined
      policy.push({ at: item.at, entry: fields === undefined ? null : toEntry(fields) })
    },
    reading: { policy, unknown },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: readFields gave each field the type that its reader makes
function toEntry(fields: Record<string, any>): CpoEntry {
  const { users, resource, nonresource } = fields
  return {
    users,
    resourcePermissions: fields.resource_permissions,
    nonresourcePermissions: fields.nonresource_permissions,
    resource: resource && { verbs: [], resources: [], ...withoutAbsent(resource) },
    nonresource: nonresource && { verbs: [], ...withoutAbsent(nonresource) },
    match: (fields.match ?? []).map((item: object | undefined) => ({
      type: '',
      values: [],
      ...withoutAbsent(item ?? {}),
    })),
  }
}

const withoutAbsent = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

function readFields(
  node: JsonNode,
  fields: Fields,
  before: unknown,
  note: (member: JsonMember, what: string) => void,
): Record<string, unknown> | undefined {
  if (node.kind === 'null') return undefined
  if (node.kind !== 'object') throw new PolicyTextError(node.at, `expected an object, got ${nameOf(node)}`)
  const values: Record<string, unknown> = { ...(before as object | undefined) }
  for (const member of node.members) {
    const name = foldName(member.name)
    const read = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (read === undefined) note(member, 'the field')
    else values[name] = read(member.value, values[name])
  }
  return values
}

/** Go's simple folding for the letters that our field names have: two letters beyond ASCII fold onto s and k. */
const foldName = (name: string) =>
  /^[a-z_]*$/.test(name)
    ? name
    : name
        .replace(/[A-Z]/g, (letter) => letter.toLowerCase())
        .replaceAll('\u017f', 's')
        .replaceAll('\u212a', 'k')

function items(node: JsonNode, expected: string): readonly JsonNode[] {
  if (node.kind === 'null') return []
  if (node.kind !== 'array') throw new PolicyTextError(node.at, `expected ${expected}, got ${nameOf(node)}`)
  return node.items
}

function readText(node: JsonNode): string | undefined {
  if (node.kind === 'null') return undefined
  if (node.kind !== 'string') throw new PolicyTextError(node.at, `expected a string, got ${nameOf(node)}`)
  return node.value
}

/** null in a list is the empty string; in a list that comes again it leaves the item that stood there. */
function readTexts(node: JsonNode, before?: unknown): readonly string[] {
  const old = before as readonly string[] | undefined
  return items(node, 'a list of strings').map((item, index) => readText(item) ?? old?.[index] ?? '')
}

function readLists(node: JsonNode, before: unknown): TextLists | undefined {
  if (node.kind === 'null') return undefined
  if (node.kind !== 'object')
    throw new PolicyTextError(node.at, `expected an object of lists of strings, got ${nameOf(node)}`)
  const lists = new Map(before as TextLists | undefined)
  for (const { name, value } of node.members) lists.set(name, readTexts(value))
  return lists
}

function nameOf(node: JsonNode): string {
  return node.kind === 'array' || node.kind === 'object' ? `an ${node.kind}` : `a ${node.kind}`
}
