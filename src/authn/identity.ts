import type { Group, KeystoneToken, TokenScope } from '../keystone/token-body.ts'

/** `status.user` of a TokenReview (contracts A.2). */
export interface UserInfo {
  readonly username: string
  readonly uid: string
  readonly groups: readonly string[]
  readonly extra: Readonly<Record<string, readonly string[]>>
}

export type IdentityMapping = (token: KeystoneToken, groups: readonly Group[]) => UserInfo

const EXTRA = 'alpha.kubernetes.io/identity'

/**
 * The identity that k8s-keystone-auth gives: the bare user name, the names of the user's Keystone groups and, last,
 * the project's id. Names of different domains can collide: the qualified mapping cannot.
 */
export const compatibleIdentity: IdentityMapping = ({ user, scope, roles }, groups) => ({
  username: user.name,
  uid: user.id,
  groups: [...groups.map((group) => group.name).sort(), ...(scope.kind === 'project' ? [scope.id] : [])],
  extra: {
    [`${EXTRA}/roles`]: roles,
    ...projectExtra(scope),
    [`${EXTRA}/user/domain/id`]: [user.domain.id],
    [`${EXTRA}/user/domain/name`]: [user.domain.name],
  },
})

/**
 * Names that no two users, groups, projects or roles of any domains share. Each is `keystone:`, a kind and the parts
 * with `%`, `/` and `:` percent-encoded, so it can be taken apart in one way only and never begins with `system:`. Domains
 * stand by their id, which cannot be renamed or given to another domain.
 */
export const qualifiedIdentity: IdentityMapping = (token, groups) => {
  const { user, scope, roles } = token
  return {
    username: qualified('user', user.domain.id, user.name),
    uid: user.id,
    groups: [
      ...groups.map((group) => qualified('group', group.domainId, group.name)).sort(),
      ...scopeGroups(scope, roles),
    ],
    extra: {
      ...compatibleIdentity(token, groups).extra,
      ...(scope.kind === 'project' && {
        [`${EXTRA}/project/domain/id`]: [scope.domain.id],
        [`${EXTRA}/project/domain/name`]: [scope.domain.name],
      }),
      ...(scope.kind === 'domain' && {
        [`${EXTRA}/domain/id`]: [scope.id],
        [`${EXTRA}/domain/name`]: [scope.name],
      }),
      [`${EXTRA}/scope`]: [scope.kind],
    },
  }
}

function projectExtra(scope: TokenScope): Record<string, readonly string[]> {
  if (scope.kind !== 'project') return {}
  return { [`${EXTRA}/project/id`]: [scope.id], [`${EXTRA}/project/name`]: [scope.name] }
}

function scopeGroups(scope: TokenScope, roles: readonly string[]): readonly string[] {
  if (scope.kind === 'unscoped') return []
  if (scope.kind === 'system')
    return [qualified('system', 'all'), ...roles.map((role) => qualified('system-role', role))]
  if (scope.kind === 'domain')
    return [qualified('domain', scope.id), ...roles.map((role) => qualified('domain-role', scope.id, role))]
  return [
    qualified('project', scope.domain.id, scope.name),
    qualified('project-id', scope.id),
    ...roles.map((role) => qualified('role', scope.domain.id, scope.name, role)),
  ]
}

function qualified(kind: string, ...parts: readonly string[]): string {
  return `keystone:${kind}:${parts.map(escapePart).join('/')}`
}

const escapePart = (part: string) =>
  part.replace(/[%/:]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)

/** `system:` belongs to Kubernetes: whoever bears such a name is trusted with the cluster (contracts A.7). */
export const isReserved = (name: string) => name.startsWith('system:')
