import type { KeystoneModel, ModelUser } from './keystone-model.ts'
import type { TokenStanding } from './keystone-standing.ts'
import type { IssuedToken } from './keystone-tokens.ts'

/** Token times are whole seconds. */
const iso = (time: number) => `${new Date(time).toISOString().slice(0, 19)}.000000Z`

/** Says what a token stands for, in Keystone's words. */
export function createTokenBody(parts: {
  model: KeystoneModel
  standing: TokenStanding
  catalog: () => readonly object[]
}): (token: IssuedToken, options: { catalog: boolean }) => object {
  const { model, standing } = parts
  const domainOf = (id: string) => ({ id, name: model.domains.get(id)?.name ?? id })

  function scopeOf({ scope }: IssuedToken): object {
    const project = scope.kind === 'project' ? model.projects.get(scope.id) : undefined
    if (project !== undefined) {
      const { id, name, domain } = project
      return { project: { domain: domainOf(domain), id, name }, is_domain: false }
    }
    if (scope.kind === 'domain') return { domain: domainOf(scope.id) }
    return scope.kind === 'system' ? { system: { all: true } } : {}
  }

  function credentialOf(token: IssuedToken): object {
    const credential = standing.credentialOf(token)
    if (credential === undefined) return {}
    const { id, name, accessRules } = credential
    const rules = accessRules?.map((rule, index) => ({ id: `${id}-${index}`, ...rule }))
    return { application_credential: { id, name, restricted: true, ...(rules && { access_rules: rules }) } }
  }

  return (token, options) => {
    const { id, name, domain } = model.users.get(token.user) as ModelUser
    const scoped = token.scope.kind !== 'unscoped'
    return {
      token: {
        methods: token.methods,
        user: { domain: domainOf(domain), id, name, password_expires_at: null },
        audit_ids: token.auditIds,
        expires_at: iso(token.expiresAt),
        issued_at: iso(token.issuedAt),
        ...scopeOf(token),
        ...(scoped && { roles: standing.rolesOf(token).map((role) => ({ id: `id-${role}`, name: role })) }),
        ...(scoped && options.catalog && { catalog: parts.catalog() }),
        ...credentialOf(token),
      },
    }
  }
}
