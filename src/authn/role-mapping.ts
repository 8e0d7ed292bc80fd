import { PortcullisError } from '../errors.ts'
import { isRecord, isText, isTextList } from '../json.ts'
import type { KeystoneToken } from '../keystone/token-body.ts'
import type { UserInfo } from './identity.ts'

/** One entry of `role-mappings` in k8s-keystone-auth's sync file; project, domain and methods are our own. */
export interface RoleMapping {
  readonly keystoneRole: string
  readonly username: string | undefined
  readonly groups: readonly string[]
  /** The token's project, by id. */
  readonly project: string | undefined
  /** The user's domain, by id or name. */
  readonly domain: string | undefined
  /** How the user logged in: all of these must be among the token's methods. */
  readonly methods: readonly string[]
}

const KEYS = ['keystone-role', 'username', 'groups', 'project', 'domain', 'methods']

/**
 * Reads the `role-mappings` of a sync file that is parsed already. Throws ROLE_MAPPING_INVALID with every fault: a
 * mapping that is misread would give or take rights.
 */
export function readRoleMappings(file: unknown): readonly RoleMapping[] {
  if (file === null || file === undefined) return []
  if (!isRecord(file)) throw invalid(['expected keys and values at the top'])
  const list = file['role-mappings'] ?? []
  if (!Array.isArray(list)) throw invalid(['role-mappings: expected a list'])
  const faults: string[] = []
  const mappings = list.map((entry, index) => readEntry(entry, `role-mappings[${index}]`, faults))
  if (faults.length > 0) throw invalid(faults)
  return mappings as RoleMapping[]
}

function readEntry(entry: unknown, where: string, faults: string[]): RoleMapping | undefined {
  if (!isRecord(entry)) {
    faults.push(`${where}: expected keys and values`)
    return undefined
  }
  const text = (key: string) => {
    const value = entry[key]
    if (value !== undefined && value !== null && typeof value !== 'string')
      faults.push(`${where}.${key}: expected a text`)
    return isText(value) ? value : undefined
  }
  const list = (key: string) => {
    const value = entry[key] ?? []
    if (!isTextList(value)) faults.push(`${where}.${key}: expected a list of texts`)
    return isTextList(value) ? value : []
  }
  for (const key of Object.keys(entry))
    if (!KEYS.includes(key)) faults.push(`${where}.${key}: there is no such key`)
  const keystoneRole = text('keystone-role')
  if (keystoneRole === undefined) faults.push(`${where}.keystone-role: expected the name of a role`)
  return {
    keystoneRole: keystoneRole ?? '',
    username: text('username'),
    groups: list('groups'),
    project: text('project'),
    domain: text('domain'),
    methods: list('methods'),
  }
}

/**
 * Applies the mappings in their order: groups are added, the last user name that is not empty wins; uid and extra
 * stay (k8s-keystone-auth's rule, but a group is not added twice).
 */
export function applyRoleMappings(
  mappings: readonly RoleMapping[],
  token: KeystoneToken,
  user: UserInfo,
): UserInfo {
  const fitting = mappings.filter((mapping) => fits(mapping, token))
  if (fitting.length === 0) return user
  return {
    ...user,
    username: fitting.findLast((mapping) => mapping.username !== undefined)?.username ?? user.username,
    groups: [...new Set([...user.groups, ...fitting.flatMap((mapping) => mapping.groups)])],
  }
}

function fits(mapping: RoleMapping, { roles, scope, user, methods }: KeystoneToken): boolean {
  if (!roles.includes(mapping.keystoneRole)) return false
  if (mapping.project !== undefined && !(scope.kind === 'project' && scope.id === mapping.project))
    return false
  if (
    mapping.domain !== undefined &&
    mapping.domain !== user.domain.id &&
    mapping.domain !== user.domain.name
  )
    return false
  return mapping.methods.every((method) => methods.includes(method))
}

function invalid(faults: readonly string[]): PortcullisError {
  return new PortcullisError('ROLE_MAPPING_INVALID', faults.join('; '))
}
