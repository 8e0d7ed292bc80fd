import type { KeystoneToken, TokenScope } from '../keystone/token-body.ts'

export const TOKEN_SCOPES = ['project', 'domain', 'system', 'unscoped'] as const

/** Which of the tokens that Keystone vouches for may log in to this cluster. Empty lists let all in. */
export interface AdmissionRules {
  readonly scopes: readonly TokenScope['kind'][]
  /** Domains of users, by id or name. */
  readonly domains: readonly string[]
  /** Projects, by id or `domain/name` with the domain by id or name: a bare name is not unique. */
  readonly projects: readonly string[]
  /** Names of roles: one of them is enough. */
  readonly roles: readonly string[]
}

/** The access rule that an application credential must have to log in, if it is restricted at all. */
export const LOGIN_ACCESS_RULE = { service: 'kubernetes', method: 'POST', path: '/authenticate' }

export type AdmissionRefusal = 'wrong_scope' | 'not_allowed' | 'access_rules'

/** Undefined lets the token in. */
export function admissionRefusal(rules: AdmissionRules, token: KeystoneToken): AdmissionRefusal | undefined {
  const { scope, user, roles } = token
  if (!rules.scopes.includes(scope.kind)) return 'wrong_scope'
  if (token.accessRules !== undefined && !token.accessRules.some(isLoginRule)) return 'access_rules'
  if (!listed(rules.domains, [user.domain.id, user.domain.name])) return 'not_allowed'
  if (!listed(rules.projects, projectNames(scope))) return 'not_allowed'
  return listed(rules.roles, roles) ? undefined : 'not_allowed'
}

const listed = (list: readonly string[], names: readonly string[]) =>
  list.length === 0 || names.some((name) => list.includes(name))

function projectNames(scope: TokenScope): readonly string[] {
  if (scope.kind !== 'project') return []
  return [scope.id, `${scope.domain.id}/${scope.name}`, `${scope.domain.name}/${scope.name}`]
}

const isLoginRule = (rule: typeof LOGIN_ACCESS_RULE) =>
  rule.service === LOGIN_ACCESS_RULE.service &&
  rule.method === LOGIN_ACCESS_RULE.method &&
  rule.path === LOGIN_ACCESS_RULE.path
