import type { Domain } from '../keystone/token-body.ts'
import { type IdentityMapping, isReserved } from './identity.ts'
import { applyRoleMappings, type RoleMapping } from './role-mapping.ts'

/**
 * The user name that a log-in to a project gives; undefined for a name that may not log in. Mappings that depend on how the
 * user logged in do not count.
 */
export function loginName(
  { identity, mappings }: { identity: IdentityMapping; mappings: readonly RoleMapping[] },
  user: { readonly id: string; readonly name: string; readonly domain: Domain },
  project: { readonly id: string; readonly name: string; readonly domain: Domain },
  roles: readonly string[],
): string | undefined {
  const scope = { kind: 'project', id: project.id, name: project.name, domain: project.domain } as const
  const token = { user, scope, roles, methods: [], issuedAt: 0, expiresAt: 0 }
  const { username } = applyRoleMappings(mappings, token, identity(token, []))
  return username === '' || isReserved(username) ? undefined : username
}
