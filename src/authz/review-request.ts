import { isRecord, isTextList } from '../json.ts'
import type { ReviewVersion } from '../server/review.ts'
import type { RequestNamespace } from './pattern.ts'
import type { AccessRequest, RequestTarget } from './rule.ts'
import type { SelectorRequirement } from './selector.ts'
import type { Subject } from './subject.ts'

/** Says which namespace belongs to a project; undefined: none. */
export type NamespaceOf = (project: {
  readonly id: string | undefined
  readonly name: string | undefined
  readonly userDomainId: string | undefined
}) => string | undefined

const EXTRA = 'alpha.kubernetes.io/identity'

class Misfit extends Error {}

/**
 * The spec of a SubjectAccessReview (contracts B.2), or what is wrong with it. Absent fields are empty, unknown ones are
 * ignored, a wrong type is a fault: never guessed at. v1beta1 spells the groups `group`.
 */
export function readAccessRequest(
  version: ReviewVersion,
  spec: unknown,
  namespaceOf: NamespaceOf,
): AccessRequest | string {
  try {
    const fields = record(spec, 'spec')
    const subject = readSubject(fields, version === 'v1' ? 'groups' : 'group')
    const own = namespaceOf({ ...subject.project, userDomainId: subject.userDomain.id })
    return { subject, target: readTarget(fields, own) }
  } catch (error) {
    if (error instanceof Misfit) return error.message
    throw error
  }
}

function readSubject(spec: Readonly<Record<string, unknown>>, groupsField: string): Subject {
  const user = text(spec, 'spec', 'user')
  const groups = list(spec, 'spec', groupsField)
  text(spec, 'spec', 'uid')
  const extra = spec.extra === undefined || spec.extra === null ? {} : record(spec.extra, 'spec.extra')
  for (const key of Object.keys(extra)) list(extra, 'spec.extra', key)
  const of = (name: string) => list(extra, 'spec.extra', `${EXTRA}/${name}`)
  const projects = of('project/id')
  const names = of('project/name')
  const domains = of('project/domain/id')
  const roles = of('roles')
  const keys = new Set([`user:${user}`])
  const add = (kind: string, values: readonly string[]) => {
    for (const value of values) keys.add(`${kind}:${value}`)
  }
  add('group', groups)
  add('role', roles)
  add('project', projects)
  add('project-name', names)
  if (domains.length === 1 && names.length === 1) keys.add(`project-of:${domains[0]}\0${names[0]}`)
  add('domain', of('user/domain/id'))
  add('domain-name', of('user/domain/name'))
  if (typeof spec.user === 'string' && Array.isArray(spec[groupsField]) && isRecord(spec.extra))
    keys.add('keystone:')
  return {
    user,
    roles,
    project: { id: only(projects), name: only(names) },
    userDomain: { id: only(of('user/domain/id')) },
    keys,
  }
}

const only = (values: readonly string[]) => (values.length === 1 ? values[0] : undefined)

function readTarget(spec: Readonly<Record<string, unknown>>, own: string | undefined): RequestTarget {
  if (spec.resourceAttributes !== undefined) {
    const where = 'spec.resourceAttributes'
    const fields = record(spec.resourceAttributes, where)
    const field = (name: string) => text(fields, where, name)
    field('version')
    const namespace: RequestNamespace = { name: field('namespace'), own }
    return {
      kind: 'resource',
      namespace,
      group: field('group'),
      resource: { name: field('resource'), sub: field('subresource') },
      name: field('name'),
      verb: field('verb'),
      selector: [
        ...requirements(fields, where, 'fieldSelector', 'field'),
        ...requirements(fields, where, 'labelSelector', 'label'),
      ],
    }
  }
  if (spec.nonResourceAttributes === undefined)
    throw new Misfit('spec: expected resourceAttributes or nonResourceAttributes')
  const where = 'spec.nonResourceAttributes'
  const fields = record(spec.nonResourceAttributes, where)
  return { kind: 'path', path: text(fields, where, 'path'), verb: text(fields, where, 'verb') }
}

/** `rawSelector` never reaches a webhook and is not read (contracts B.3). */
function requirements(
  fields: Readonly<Record<string, unknown>>,
  where: string,
  name: string,
  on: 'field' | 'label',
): readonly SelectorRequirement[] {
  const selector = fields[name]
  if (selector === undefined || selector === null) return []
  const { requirements: items } = record(selector, `${where}.${name}`)
  if (items === undefined || items === null) return []
  if (!Array.isArray(items)) throw new Misfit(`${where}.${name}.requirements: expected a list`)
  return items.map((item, index) => {
    const at = `${where}.${name}.requirements[${index}]`
    const requirement = record(item, at)
    return {
      on,
      key: text(requirement, at, 'key'),
      operator: text(requirement, at, 'operator'),
      values: list(requirement, at, 'values'),
    }
  })
}

function record(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new Misfit(`${where}: expected an object`)
  return value
}

function text(fields: Readonly<Record<string, unknown>>, where: string, name: string): string {
  const value = own(fields, name)
  if (value === undefined) return ''
  if (typeof value !== 'string') throw new Misfit(`${where}.${name}: expected a string`)
  return value
}

function list(fields: Readonly<Record<string, unknown>>, where: string, name: string): readonly string[] {
  const value = own(fields, name)
  if (value === undefined || (value === null && where !== 'spec.extra')) return []
  if (!isTextList(value))
    throw new Misfit(`${where}${where === 'spec.extra' ? '' : `.${name}`}: expected a list of strings`)
  return value
}

const own = (fields: Readonly<Record<string, unknown>>, name: string) =>
  Object.hasOwn(fields, name) ? fields[name] : undefined
