import type { KeystoneInventory, KeystoneProject, RoleAssignment } from '../keystone/inventory.ts'
import { type Binding, bindingName } from './owned-objects.ts'
import type { RoleTable } from './role-table.ts'

/** The name by which Kubernetes knows a user with these roles on a project; undefined for one who cannot log in. */
export type UsernameOf = (
  user: RoleAssignment['user'],
  project: KeystoneProject,
  roles: readonly string[],
) => string | undefined

interface Member {
  readonly user: RoleAssignment['user']
  readonly roles: Set<string>
}

/** The role bindings that Keystone's role assignments amount to, by project and then by name. */
export function wantedBindings(
  assignments: KeystoneInventory['assignments'],
  { roles: table, usernameOf }: { roles: RoleTable; usernameOf: UsernameOf },
): (project: KeystoneProject) => ReadonlyMap<string, Binding> {
  const byProject = new Map<string, Map<string, Member>>()
  for (const { project, user, role } of assignments) {
    const members = byProject.get(project) ?? new Map<string, Member>()
    const member = members.get(user.id) ?? { user, roles: new Set<string>() }
    member.roles.add(role)
    members.set(user.id, member)
    byProject.set(project, members)
  }
  return (project) => {
    const bindings = new Map<string, Binding>()
    for (const { user, roles } of byProject.get(project.id)?.values() ?? []) {
      const username = usernameOf(user, project, [...roles].sort())
      if (username === undefined) continue
      for (const role of roles) {
        const target = table(role)
        const name = bindingName(user.id, role)
        if (target !== undefined) bindings.set(name, { name, username, target })
      }
    }
    return bindings
  }
}
