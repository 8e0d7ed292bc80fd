import { errorText, PortcullisError } from '../errors.ts'
import { isRecord, isText, isTextList } from '../json.ts'
import type { Domain } from '../keystone/token-body.ts'
import { namespaceFormat } from '../project-namespace.ts'
import { ROLE_TABLE_KEY, type RoleTable, readRoleTable, sameName } from './role-table.ts'

export const DATA_TYPES = ['projects', 'role_assignments'] as const
export type DataType = (typeof DATA_TYPES)[number]

/** A project of Keystone with its domain. */
export interface SyncProject {
  readonly id: string
  readonly name: string
  readonly domain: Domain
}

/** What of Keystone becomes true in Kubernetes. */
export interface SyncRules {
  /** Nothing is done for what is not in it; role assignments go with their project's namespace. */
  readonly dataTypes: readonly DataType[]
  /** As it stands in the file; undefined: the default holds. */
  readonly namespaceFormat: string | undefined
  /** What each role of Keystone is bound to. */
  readonly roles: RoleTable
  /** Whether this project takes part: not on a blacklist, and on the allowlist if there is one. */
  takes(project: SyncProject): boolean
  /** Keys that are not known and ignored: most likely a slip of the pen. */
  readonly unknown: readonly string[]
}

/** All given fields must fit. */
interface Allowed {
  readonly id: string | undefined
  readonly name: string | undefined
  /** By id or name. */
  readonly domain: string | undefined
}

const LISTS = {
  ids: 'projects-blacklist',
  names: 'projects-name-blacklist',
  allowed: 'projects-allowlist',
} as const
const KEYS = [
  'data-types-to-sync',
  'namespace-format',
  ...Object.values(LISTS),
  ROLE_TABLE_KEY,
  'role-mappings',
]

export const NO_SYNC: SyncRules = {
  dataTypes: [],
  namespaceFormat: undefined,
  roles: sameName,
  takes: () => false,
  unknown: [],
}

/**
 * Reads what k8s-keystone-auth's sync configuration, parsed already, says of synchronisation; `projects-allowlist` is our
 * own. Throws SYNC_CONFIG_INVALID with every fault: a misread list would give or take rights.
 */
export function readSyncRules(config: unknown): SyncRules {
  if (config === null || config === undefined) return NO_SYNC
  if (!isRecord(config)) throw invalid(['expected keys and values at the top'])
  const faults: string[] = []
  const texts = (key: string) => {
    const value = config[key] ?? []
    if (isTextList(value)) return value
    faults.push(`${key}: expected a list of texts`)
    return []
  }
  const dataTypes = texts('data-types-to-sync').filter((type) => {
    const known = DATA_TYPES.includes(type as DataType)
    if (!known) faults.push(`data-types-to-sync: expected ${DATA_TYPES.join(' or ')}`)
    return known
  }) as DataType[]
  const [ids, names] = [texts(LISTS.ids), texts(LISTS.names)]
  const format = readFormat(config['namespace-format'], faults)
  const allowed = readAllowed(config[LISTS.allowed], faults)
  const roles = readRoles(config, faults)
  if (faults.length > 0) throw invalid(faults)
  return {
    dataTypes,
    namespaceFormat: format,
    roles,
    takes: (project) =>
      !ids.includes(project.id) &&
      !names.includes(project.name) &&
      (allowed === undefined || allowed.some((entry) => fits(entry, project))),
    unknown: Object.keys(config).filter((key) => !KEYS.includes(key)),
  }
}

function readFormat(value: unknown, faults: string[]): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  try {
    if (typeof value !== 'string') throw new Error('expected a text')
    namespaceFormat(value)
    return value
  } catch (error) {
    faults.push(`namespace-format: ${errorText(error)}`)
    return undefined
  }
}

function readRoles(config: unknown, faults: string[]): RoleTable {
  try {
    return readRoleTable(config)
  } catch (error) {
    faults.push(errorText(error))
    return sameName
  }
}

/** A text is an id. An empty list lets nobody in, unlike one that is not there. */
function readAllowed(value: unknown, faults: string[]): readonly Allowed[] | undefined {
  if (value === undefined || value === null) return undefined
  const entries: unknown[] = Array.isArray(value) ? value : [value]
  return entries.map((entry, index) => {
    const { id, name, domain, ...others } = isRecord(entry) ? entry : { id: entry }
    const given = [id, name, domain].filter((field) => field !== undefined)
    if (given.length === 0 || !given.every(isText) || Object.keys(others).length > 0)
      faults.push(`${LISTS.allowed}[${index}]: expected an id, or some of id, name and domain`)
    return { id, name, domain } as Allowed
  })
}

const fits = ({ id, name, domain }: Allowed, project: SyncProject) =>
  (id ?? project.id) === project.id &&
  (name ?? project.name) === project.name &&
  (domain === undefined || domain === project.domain.id || domain === project.domain.name)

function invalid(faults: readonly string[]): PortcullisError {
  return new PortcullisError('SYNC_CONFIG_INVALID', faults.join('; '))
}
