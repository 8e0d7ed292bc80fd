import { randomUUID } from 'node:crypto'

/** Everything that a small Keystone remembers, in memory. */
export interface Named {
  readonly id: string
  name: string
  enabled: boolean
}
export interface ModelUser extends Named {
  readonly domain: string
  password: string
}
export interface ModelProject extends Named {
  readonly domain: string
}
export interface ModelGroup {
  readonly id: string
  readonly name: string
  readonly domain: string
  readonly members: Set<string>
}
export interface ModelAccessRule {
  readonly service: string
  readonly method: string
  readonly path: string
}
export interface ModelCredential {
  readonly id: string
  readonly name: string
  readonly secret: string
  readonly user: string
  readonly project: string
  readonly roles: readonly string[]
  readonly accessRules?: readonly ModelAccessRule[]
}
/** A role of a user or group on a project, a domain or (target `system`) on everything. */
export interface ModelGrant {
  readonly actor: string
  readonly target: string
  readonly role: string
  /** On a domain: the role counts on the domain's projects, and not on the domain. */
  readonly inherited?: true
}

export interface KeystoneModel {
  readonly domains: Map<string, Named>
  readonly projects: Map<string, ModelProject>
  readonly users: Map<string, ModelUser>
  readonly groups: Map<string, ModelGroup>
  readonly credentials: Map<string, ModelCredential>
  readonly grants: Set<ModelGrant>
  addDomain(name: string, id?: string): Named
  addProject(name: string, domain?: string): ModelProject
  addUser(name: string, password: string, domain?: string): ModelUser
  addGroup(name: string, members: readonly string[], domain?: string): ModelGroup
  addCredential(credential: Omit<ModelCredential, 'id'>): ModelCredential
  grant(actor: string, target: string, ...roles: readonly string[]): void
  /** The roles count on all projects of the domain, also on those that are made later. */
  grantInherited(actor: string, domain: string, ...roles: readonly string[]): void
  revoke(actor: string, target: string, role: string): void
  /** Names of the roles that a user has on a target: own grants, those of groups, and what they imply. */
  rolesOf(user: string, target: string): readonly string[]
  withImplied(roles: readonly string[]): readonly string[]
}

/** As Keystone's bootstrap sets it up. */
const IMPLIED: ReadonlyMap<string, readonly string[]> = new Map([
  ['admin', ['member', 'reader']],
  ['member', ['reader']],
])

const newId = () => randomUUID().replaceAll('-', '')

/** A model with the domain `default`, as Keystone's bootstrap leaves it. */
export function createKeystoneModel(): KeystoneModel {
  const model: KeystoneModel = {
    domains: new Map(),
    projects: new Map(),
    users: new Map(),
    groups: new Map(),
    credentials: new Map(),
    grants: new Set(),
    addDomain: (name, id = newId()) => put(model.domains, { id, name, enabled: true }),
    addProject: (name, domain = 'default') =>
      put(model.projects, { id: newId(), name, domain, enabled: true }),
    addUser: (name, password, domain = 'default') =>
      put(model.users, { id: newId(), name, password, domain, enabled: true }),
    addGroup: (name, members, domain = 'default') =>
      put(model.groups, { id: newId(), name, domain, members: new Set(members) }),
    addCredential: (credential) => put(model.credentials, { id: newId(), ...credential }),
    grant(actor, target, ...roles) {
      for (const role of roles) model.grants.add({ actor, target, role })
    },
    grantInherited(actor, target, ...roles) {
      for (const role of roles) model.grants.add({ actor, target, role, inherited: true })
    },
    revoke(actor, target, role) {
      for (const grant of model.grants)
        if (grant.actor === actor && grant.target === target && grant.role === role)
          model.grants.delete(grant)
    },
    rolesOf(user, target) {
      const groups = [...model.groups.values()]
        .filter((group) => group.members.has(user))
        .map((group) => group.id)
      const actors = [user, ...groups]
      const domain = model.projects.get(target)?.domain
      const roles = [...model.grants]
        .filter((g) => (g.inherited ? g.target === domain : g.target === target) && actors.includes(g.actor))
        .map((g) => g.role)
      return model.withImplied(roles)
    },
    withImplied: (roles) => [...new Set(roles.flatMap((role) => [role, ...(IMPLIED.get(role) ?? [])]))],
  }
  model.addDomain('Default', 'default')
  return model
}

function put<T extends { id: string }>(map: Map<string, T>, value: T): T {
  map.set(value.id, value)
  return value
}
