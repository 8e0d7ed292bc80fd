import { isDeepStrictEqual } from 'node:util'
import { readYamlDocuments } from '../files/yaml.ts'
import { isRecord, isText } from '../json.ts'
import type { Resource } from '../kubernetes/object.ts'
import { OWNER_LABEL } from './ownership.ts'

/** What every namespace of a project gets. */
export interface Template {
  /** Of the namespace itself, such as those of Pod Security. */
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly objects: readonly TemplateObject[]
}

export interface TemplateObject {
  readonly kind: TemplateKind
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** The part that says what it does: `spec`, or the `rules` of a Role. */
  readonly content: unknown
}

/** A kind that a template may hold. */
export interface TemplateKind {
  readonly resource: Resource
  readonly field: 'spec' | 'rules'
}

/** In the order in which they are made: limits before what they limit. */
export const TEMPLATE_KINDS: readonly TemplateKind[] = [
  { resource: { apiVersion: 'v1', kind: 'ResourceQuota', plural: 'resourcequotas' }, field: 'spec' },
  { resource: { apiVersion: 'v1', kind: 'LimitRange', plural: 'limitranges' }, field: 'spec' },
  {
    resource: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', plural: 'networkpolicies' },
    field: 'spec',
  },
  { resource: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', plural: 'roles' }, field: 'rules' },
]

export const EMPTY_TEMPLATE: Template = { labels: {}, annotations: {}, objects: [] }

type Fields = Readonly<Record<string, unknown>>

/** Reads the documents of a template, by the names of their files. Throws an Error with every fault. */
export function readTemplate(files: readonly { readonly name: string; readonly text: string }[]): Template {
  const faults: string[] = []
  let template = EMPTY_TEMPLATE
  for (const { name, text } of files)
    try {
      for (const document of readYamlDocuments(text))
        if (document !== null) template = withDocument(template, document)
    } catch (error) {
      faults.push(`${name}: ${(error as Error).message}`)
    }
  if (faults.length > 0) throw new Error(faults.join('; '))
  return template
}

function withDocument(template: Template, document: unknown): Template {
  if (!isRecord(document)) throw new Error('expected a Kubernetes object')
  const { apiVersion, kind, metadata = {}, ...rest } = document
  if (!isRecord(metadata)) throw new Error('metadata: expected keys and values')
  const [labels, annotations] = [texts(metadata, 'labels'), texts(metadata, 'annotations')]
  if (apiVersion === 'v1' && kind === 'Namespace') {
    if (Object.keys(rest).length > 0) throw new Error('Namespace: only labels and annotations can be given')
    const merged = {
      labels: { ...template.labels, ...labels },
      annotations: { ...template.annotations, ...annotations },
    }
    return { ...template, ...merged }
  }
  const found = TEMPLATE_KINDS.find(
    ({ resource }) => resource.apiVersion === apiVersion && resource.kind === kind,
  )
  if (found === undefined) throw new Error(`expected Namespace or ${TEMPLATE_KINDS.map(kindText).join(', ')}`)
  const { [found.field]: content, ...odd } = rest
  if (Object.keys(odd).length > 0 || content === undefined)
    throw new Error(`${kind}: expected metadata and ${found.field}, nothing else`)
  const { name } = metadata
  if (!isText(name)) throw new Error(`${kind}: metadata.name: expected a name`)
  if (metadata.namespace !== undefined || Object.keys(annotations).length > 0)
    throw new Error(`${kind} ${name}: metadata can hold name and labels only`)
  if (template.objects.some((other) => other.kind === found && other.name === name))
    throw new Error(`${kind} ${name} is there already`)
  return { ...template, objects: [...template.objects, { kind: found, name, labels, content }] }
}

const kindText = ({ resource }: TemplateKind) => `${resource.kind} (${resource.apiVersion})`

function texts(metadata: Fields, field: string): Readonly<Record<string, string>> {
  const value = metadata[field] ?? {}
  if (!isRecord(value) || !Object.values(value).every((item) => typeof item === 'string'))
    throw new Error(`metadata.${field}: expected texts`)
  const own = Object.keys(value).find((key) => key === OWNER_LABEL || key.startsWith('portcullis.dev/'))
  if (own !== undefined) throw new Error(`metadata.${field}: ${own} is not for templates`)
  return value as Readonly<Record<string, string>>
}

/**
 * The JSON merge patch (RFC 7386) that turns one value into another; undefined if there is nothing to do. Lists are
 * replaced as a whole.
 */
export function mergePatch(from: unknown, to: unknown): unknown {
  if (!isRecord(from) || !isRecord(to)) return isDeepStrictEqual(from, to) ? undefined : to
  const patch: Record<string, unknown> = {}
  for (const key of Object.keys(from)) if (to[key] === undefined) patch[key] = null
  for (const [key, value] of Object.entries(to)) {
    const change = mergePatch(from[key], value)
    if (change !== undefined) patch[key] = change
  }
  return Object.keys(patch).length === 0 ? undefined : patch
}
