import type { KeystoneInventory, KeystoneProject, RoleAssignment } from '../keystone/inventory.ts'
import { bindingPrefix, type Grant } from './role-binding.ts'
import type { RoleTable, RoleTarget } from './role-table.ts'

/** The name by which Kubernetes knows a user with these roles on a project; undefined for one who cannot log in. */
export type UsernameOf = (
  user: RoleAssignment['user'],
  project: KeystoneProject,
  roles: readonly string[],
) => string | undefined

/** A grant and what its binding refers to. */
export interface WantedBinding {
  readonly grant: Grant
  readonly target: RoleTarget
}

interface Member {
  readonly user: RoleAssignment['user']
  readonly roles: Set<string>
}

/** The role bindings that Keystone's role assignments amount to, by project and then by name. */
export function wantedBindings(
  assignments: KeystoneInventory['assignments'],
  { roles: table, usernameOf }: { roles: RoleTable; usernameOf: UsernameOf },
): (project: KeystoneProject) => ReadonlyMap<string, WantedBinding> {
  const byProject = new Map<string, Map<string, Member>>()
  for (const { project, user, role } of assignments) {
    const members = byProject.get(project) ?? new Map<string, Member>()
    const member = members.get(user.id) ?? { user, roles: new Set<string>() }
    member.roles.add(role)
    members.set(user.id, member)
    byProject.set(project, members)
  }
  return (project) => {
    const bindings = new Map<string, WantedBinding>()
    for (const { user, roles } of byProject.get(project.id)?.values() ?? []) {
      const username = usernameOf(user, project, [...roles].sort())
      if (username === undefined) continue
      for (const role of roles) {
        const target = table(role)
        // the API server takes no such sign in a name
        if (target === undefined || /[/%]/.test(role)) continue
        bindings.set(bindingPrefix(user.id) + role, { grant: { userId: user.id, username, role }, target })
      }
    }
    return bindings
  }
}
