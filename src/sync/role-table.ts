import { isRecord, isText } from '../json.ts'

/** What a role binding refers to. */
export interface RoleTarget {
  readonly kind: 'ClusterRole' | 'Role'
  readonly name: string
}

/** What a Keystone role is bound to; undefined: to nothing. */
export type RoleTable = (role: string) => RoleTarget | undefined

/** As k8s-keystone-auth does it: the ClusterRole of the same name, whether there is one or not. */
export const sameName: RoleTable = (role) => ({ kind: 'ClusterRole', name: role })

/** The key of the sync file; k8s-keystone-auth does not know it. */
export const ROLE_TABLE_KEY = 'role-bindings'

/**
 * Reads `role-bindings` of a sync file that is parsed already: a list of `keystone-role` with a `cluster-role` or a `role` of
 * the namespace. With a table, roles that it does not name are bound to nothing. Throws an Error with every fault.
 */
export function readRoleTable(file: unknown): RoleTable {
  const list = isRecord(file) ? file[ROLE_TABLE_KEY] : undefined
  if (list === undefined || list === null) return sameName
  if (!Array.isArray(list)) throw new Error(`${ROLE_TABLE_KEY}: expected a list`)
  const table = new Map<string, RoleTarget>()
  const faults: string[] = []
  for (const [index, entry] of list.entries()) {
    const found = readEntry(entry)
    if (typeof found === 'string') faults.push(`${ROLE_TABLE_KEY}[${index}]: ${found}`)
    else if (table.has(found.role)) faults.push(`${ROLE_TABLE_KEY}[${index}]: ${found.role} is there already`)
    else table.set(found.role, found.target)
  }
  if (faults.length > 0) throw new Error(faults.join('; '))
  return (role) => table.get(role)
}

function readEntry(entry: unknown): { role: string; target: RoleTarget } | string {
  if (!isRecord(entry)) return 'expected keys and values'
  const { 'keystone-role': role, 'cluster-role': clusterRole, role: own, ...rest } = entry
  const odd = Object.keys(rest)[0]
  if (odd !== undefined) return `there is no key ${odd}`
  if (!isText(role)) return 'keystone-role: expected the name of a role'
  if (isText(clusterRole) && own === undefined)
    return { role, target: { kind: 'ClusterRole', name: clusterRole } }
  if (isText(own) && clusterRole === undefined) return { role, target: { kind: 'Role', name: own } }
  return 'expected either cluster-role or role'
}
