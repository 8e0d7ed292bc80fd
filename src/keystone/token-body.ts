import { isRecord, isText } from '../json.ts'

export interface Domain {
  readonly id: string
  readonly name: string
}

export type TokenScope =
  | { readonly kind: 'project'; readonly id: string; readonly name: string; readonly domain: Domain }
  | { readonly kind: 'domain'; readonly id: string; readonly name: string }
  | { readonly kind: 'system' }
  | { readonly kind: 'unscoped' }

export interface Group {
  readonly name: string
  readonly domainId: string
}

export interface AccessRule {
  readonly service: string
  readonly method: string
  readonly path: string
}

/** What Keystone says of a token that it vouches for. */
export interface KeystoneToken {
  readonly user: { readonly id: string; readonly name: string; readonly domain: Domain }
  readonly scope: TokenScope
  /** Names, sorted: Keystone's own order changes from answer to answer. */
  readonly roles: readonly string[]
  readonly methods: readonly string[]
  /** Milliseconds since the epoch. */
  readonly issuedAt: number
  readonly expiresAt: number
  /** Present when the token is of an application credential that is restricted to some API calls. */
  readonly accessRules?: readonly AccessRule[]
}

/**
 * Reads the body of GET /v3/auth/tokens (Identity API v3, "Validate and show information for token").
 * Gives undefined for anything that is not such a body in all the parts that decide: half an identity is none.
 */
export function readTokenBody(body: unknown): KeystoneToken | undefined {
  const token = isRecord(body) && isRecord(body.token) ? body.token : undefined
  if (token === undefined || !isRecord(token.user)) return undefined
  const domain = readDomain(token.user.domain)
  const scope = readScope(token)
  const roles = readNames(token.roles ?? [])
  const accessRules = readAccessRules(token.application_credential)
  const issuedAt = readTime(token.issued_at)
  const expiresAt = readTime(token.expires_at)
  const { id, name } = token.user
  if (!isText(id) || !isText(name) || !domain || !scope || !roles) return undefined
  if (issuedAt === undefined || expiresAt === undefined || accessRules === 'invalid') return undefined
  const methods = Array.isArray(token.methods) ? token.methods.filter(isText) : []
  return {
    user: { id, name, domain },
    scope,
    roles,
    methods,
    issuedAt,
    expiresAt,
    ...(accessRules && { accessRules }),
  }
}

function readScope(token: Readonly<Record<string, unknown>>): TokenScope | undefined {
  if (token.project !== undefined) {
    const project = readDomain(token.project)
    const domain = isRecord(token.project) ? readDomain(token.project.domain) : undefined
    return project && domain && { kind: 'project', ...project, domain }
  }
  if (token.domain !== undefined) {
    const domain = readDomain(token.domain)
    return domain && { kind: 'domain', ...domain }
  }
  return token.system === undefined ? { kind: 'unscoped' } : { kind: 'system' }
}

function readDomain(value: unknown): Domain | undefined {
  if (!isRecord(value) || !isText(value.id) || !isText(value.name)) return undefined
  return { id: value.id, name: value.name }
}

function readNames(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined
  const names = value.map((item) => (isRecord(item) && isText(item.name) ? item.name : undefined))
  return names.includes(undefined) ? undefined : [...new Set(names as string[])].sort()
}

function readAccessRules(credential: unknown): readonly AccessRule[] | undefined | 'invalid' {
  if (!isRecord(credential) || credential.access_rules === undefined || credential.access_rules === null)
    return undefined
  if (!Array.isArray(credential.access_rules)) return 'invalid'
  const rules = credential.access_rules.map((rule) =>
    isRecord(rule) && isText(rule.service) && isText(rule.method) && isText(rule.path)
      ? { service: rule.service, method: rule.method, path: rule.path }
      : undefined,
  )
  return rules.includes(undefined) ? 'invalid' : (rules as AccessRule[])
}

/** Keystone writes ISO 8601 with microseconds and Z. */
function readTime(value: unknown): number | undefined {
  const time = isText(value) && value.endsWith('Z') ? Date.parse(value) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}
