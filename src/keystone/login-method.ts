import type { DomainRef, LoginMethod, LoginScope, UserRef } from './credentials.ts'

/** Plain values by openstacksdk's names: `username`, `project_domain_id`, ... */
export type LoginValues = Readonly<Record<string, string | undefined>>

/** The log-in that these values describe, or the names of the values that it lacks. */
export function toLoginMethod(
  kind: LoginMethod['kind'],
  values: LoginValues,
): LoginMethod | { readonly missing: readonly string[] } {
  if (kind === 'token') {
    const { token } = values
    return token ? { kind, token, scope: toScope(values) } : { missing: ['token'] }
  }
  if (kind === 'application_credential') return toCredential(values)
  const { password, passcode, auth_type: type } = values
  const user = toUser(values)
  const missing = [
    ...(user === undefined ? ['username'] : []),
    ...(!password && type !== 'v3totp' && (!passcode || type !== undefined) ? ['password'] : []),
    ...(!passcode && (type === 'v3totp' || type === 'v3multifactor') ? ['passcode'] : []),
  ]
  if (user === undefined || missing.length > 0) return { missing }
  return {
    kind,
    user,
    scope: toScope(values),
    ...(password && type !== 'v3totp' && { password }),
    ...(passcode && type !== 'password' && type !== 'v3password' && { passcode }),
  }
}

function toCredential(values: LoginValues): LoginMethod | { readonly missing: readonly string[] } {
  const {
    application_credential_id: id,
    application_credential_name: name,
    application_credential_secret: secret,
  } = values
  const user = toUser(values)
  const credential = id ? { id } : name && user ? { name, user } : undefined
  if (credential && secret) return { kind: 'application_credential', credential, secret }
  return {
    missing: [
      ...(id || name ? [] : ['application_credential_id']),
      ...(credential || !name ? [] : ['username']),
      ...(secret ? [] : ['application_credential_secret']),
    ],
  }
}

function toUser(values: LoginValues): UserRef | undefined {
  if (values.user_id) return { id: values.user_id }
  if (!values.username) return undefined
  const domain = toDomain(values.user_domain_id, values.user_domain_name, values)
  return { name: values.username, domain: domain ?? { id: 'default' } }
}

/** Project, domain, system or trust; undefined: none is asked for. */
export function toScope(values: LoginValues): LoginScope | undefined {
  if (values.system_scope) return { system: { all: true } }
  if (values.trust_id) return { 'OS-TRUST:trust': { id: values.trust_id } }
  const id = values.project_id ?? values.tenant_id
  if (id) return { project: { id } }
  const name = values.project_name ?? values.tenant_name
  if (name) {
    const domain = toDomain(values.project_domain_id, values.project_domain_name, values)
    return { project: { name, domain: domain ?? { id: 'default' } } }
  }
  const domain = toDomain(values.domain_id, values.domain_name, {})
  return domain && { domain }
}

function toDomain(
  id: string | undefined,
  name: string | undefined,
  values: LoginValues,
): DomainRef | undefined {
  if (id) return { id }
  if (name) return { name }
  if (values.domain_id) return { id: values.domain_id }
  if (values.domain_name) return { name: values.domain_name }
  const fallback = values.default_domain_id ?? values.default_domain
  if (fallback) return { id: fallback }
  return values.default_domain_name ? { name: values.default_domain_name } : undefined
}
