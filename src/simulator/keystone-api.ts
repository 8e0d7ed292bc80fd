import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { isRecord } from '../json.ts'
import type { KeystoneModel, ModelCredential, ModelUser } from './keystone-model.ts'
import type { IssuedScope, IssuedToken, TokenMint } from './keystone-tokens.ts'

export interface ApiRequest {
  readonly method: string
  /** Path below the API's root, such as `/v3/auth/tokens`. */
  readonly path: string
  readonly header: (name: string) => string
  readonly body: unknown
}

export interface ApiAnswer {
  readonly status: number
  readonly body?: object
  readonly token?: string
}

export interface KeystoneApi {
  answer(request: ApiRequest): ApiAnswer
  issue(user: string, scope: IssuedScope, methods?: readonly string[], credential?: string): string
  revoke(text: string): void
}

const error = (code: number, title: string, message: string): ApiAnswer => ({
  status: code,
  body: { error: { code, message, title } },
})
const unauthorized = () => error(401, 'Unauthorized', 'The request you have made requires authentication.')
const iso = (time: number) => `${new Date(time).toISOString().slice(0, 19)}.000000Z`

/** The value at a path of keys, undefined where there is none. */
function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), value)
}

/** The part of the Identity API v3 that Portcullis uses, answering as Keystone 22 does. */
export function createKeystoneApi(parts: {
  model: KeystoneModel
  mint: TokenMint
  clock: Clock
  tokenLifetimeMs: number
  catalog: () => readonly object[]
}): KeystoneApi {
  const { model, mint, clock } = parts

  function issue(
    user: string,
    scope: IssuedScope,
    methods: readonly string[] = ['password'],
    credential?: string,
  ): string {
    const issuedAt = Math.floor(clock.now() / 1000) * 1000
    return mint.mint({
      user,
      scope,
      methods,
      auditId: randomBytes(16).toString('base64url'),
      issuedAt,
      expiresAt: issuedAt + parts.tokenLifetimeMs,
      revoked: false,
      ...(credential !== undefined && { credential }),
    })
  }

  const targetOf = (scope: IssuedScope) => ('id' in scope ? scope.id : 'system')
  const credentialOf = (token: IssuedToken): ModelCredential | undefined =>
    token.credential === undefined ? undefined : model.credentials.get(token.credential)

  function rolesOf(token: IssuedToken): readonly string[] {
    const roles = model.rolesOf(token.user, targetOf(token.scope))
    const credential = credentialOf(token)
    return credential === undefined ? roles : roles.filter((role) => credential.roles.includes(role))
  }

  /** Whether Keystone still vouches for a token that it issued. */
  function alive(token: IssuedToken | undefined): token is IssuedToken {
    if (token === undefined || token.revoked || token.expiresAt <= clock.now()) return false
    const user = model.users.get(token.user)
    if (!user?.enabled || !model.domains.get(user.domain)?.enabled) return false
    if (token.credential !== undefined && credentialOf(token) === undefined) return false
    if (token.scope.kind === 'unscoped') return true
    if (token.scope.kind === 'project') {
      const project = model.projects.get(token.scope.id)
      if (!project?.enabled || !model.domains.get(project.domain)?.enabled) return false
    }
    return rolesOf(token).length > 0
  }

  const domainOf = (id: string) => ({ id, name: model.domains.get(id)?.name ?? id })

  function tokenBody(token: IssuedToken): object {
    const user = model.users.get(token.user) as ModelUser
    const { scope } = token
    const credential = credentialOf(token)
    const project = scope.kind === 'project' ? model.projects.get(scope.id) : undefined
    return {
      token: {
        methods: token.methods,
        user: { domain: domainOf(user.domain), id: user.id, name: user.name, password_expires_at: null },
        audit_ids: [token.auditId],
        expires_at: iso(token.expiresAt),
        issued_at: iso(token.issuedAt),
        ...(project && {
          project: { domain: domainOf(project.domain), id: project.id, name: project.name },
          is_domain: false,
        }),
        ...(scope.kind === 'domain' && { domain: domainOf(scope.id) }),
        ...(scope.kind === 'system' && { system: { all: true } }),
        ...(scope.kind !== 'unscoped' && {
          roles: rolesOf(token).map((name) => ({ id: `id-${name}`, name })),
        }),
        ...(credential && {
          application_credential: {
            id: credential.id,
            name: credential.name,
            restricted: true,
            ...(credential.accessRules && { access_rules: credential.accessRules }),
          },
        }),
      },
    }
  }

  function validate(request: ApiRequest): ApiAnswer {
    const authority = mint.find(request.header('x-auth-token'))
    if (!alive(authority)) return unauthorized()
    const subjectText = request.header('x-subject-token')
    const subject = mint.find(subjectText)
    const own = subject === authority
    if (!own && !rolesOf(authority).some((role) => ['admin', 'service'].includes(role)))
      return error(
        403,
        'Forbidden',
        'You are not authorized to perform the requested action: identity:validate_token.',
      )
    const restricted = credentialOf(subject ?? authority)?.accessRules !== undefined
    const knowsRules = request.header('openstack-identity-access-rules') !== ''
    if (!alive(subject) || (restricted && !knowsRules))
      return error(404, 'Not Found', `Could not find token: ${subjectText}.`)
    if (request.method === 'DELETE') {
      subject.revoked = true
      return { status: 204 }
    }
    return { status: 200, body: tokenBody(subject), token: subjectText }
  }

  function groups(request: ApiRequest, id: string): ApiAnswer {
    const caller = mint.find(request.header('x-auth-token'))
    if (!alive(caller)) return unauthorized()
    if (caller.user !== id && !rolesOf(caller).includes('admin'))
      return error(
        403,
        'Forbidden',
        'You are not authorized to perform the requested action: identity:list_groups_for_user.',
      )
    const list = [...model.groups.values()].filter((group) => group.members.has(id))
    return {
      status: 200,
      body: {
        links: { next: null, self: request.path, previous: null },
        groups: list.map((group) => ({
          id: group.id,
          name: group.name,
          domain_id: group.domain,
          description: '',
        })),
      },
    }
  }

  function login(request: ApiRequest): ApiAnswer {
    const methods = at(request.body, 'auth', 'identity', 'methods')
    const method = Array.isArray(methods) ? String(methods[0]) : ''
    const found = method === 'password' ? byPassword(request.body) : byCredential(request.body)
    const text = found && issue(found.user.id, found.scope, [method], found.credential?.id)
    const token = text === undefined ? undefined : mint.find(text)
    if (!alive(token)) return unauthorized()
    const body = tokenBody(token) as { token: object }
    return {
      status: 201,
      body: { token: { ...body.token, catalog: parts.catalog() } },
      ...(text && { token: text }),
    }
  }

  type Found = { user: ModelUser; scope: IssuedScope; credential?: ModelCredential } | undefined

  function byPassword(body: unknown): Found {
    const asked = at(body, 'auth', 'identity', 'password', 'user')
    const user = named(model.users, asked)
    if (user === undefined || user.password !== at(asked, 'password')) return undefined
    const scope = at(body, 'auth', 'scope')
    const [project, domain] = [at(scope, 'project'), at(scope, 'domain')]
    if (project !== undefined) return scoped('project', user, named(model.projects, project)?.id)
    if (domain !== undefined) return scoped('domain', user, named(model.domains, domain)?.id)
    return { user, scope: scope === undefined ? { kind: 'unscoped' } : { kind: 'system' } }
  }

  function scoped(kind: 'project' | 'domain', user: ModelUser, id: string | undefined): Found {
    return id === undefined ? undefined : { user, scope: { kind, id } }
  }

  function byCredential(body: unknown): Found {
    const asked = at(body, 'auth', 'identity', 'application_credential')
    const credential = model.credentials.get(String(at(asked, 'id')))
    const user = credential && model.users.get(credential.user)
    if (!credential || !user || credential.secret !== at(asked, 'secret')) return undefined
    return { user, credential, scope: { kind: 'project', id: credential.project } }
  }

  /** By id, or by name within a domain. */
  function named<T extends { id: string; name: string; domain?: string }>(
    map: Map<string, T>,
    asked: unknown,
  ): T | undefined {
    const id = at(asked, 'id')
    if (id !== undefined) return map.get(String(id))
    const domain =
      at(asked, 'domain') === undefined ? undefined : named(model.domains, at(asked, 'domain'))?.id
    return [...map.values()].find((item) => item.name === at(asked, 'name') && item.domain === domain)
  }

  return {
    issue,
    revoke(text) {
      const token = mint.find(text)
      if (token !== undefined) token.revoked = true
    },
    answer(request) {
      const { method, path } = request
      if (path === '/v3/auth/tokens') {
        if (method === 'POST') return login(request)
        if (['GET', 'HEAD', 'DELETE'].includes(method)) return validate(request)
      }
      const user = /^\/v3\/users\/([^/]+)\/groups$/.exec(path)?.[1]
      if (user !== undefined && method === 'GET') return groups(request, decodeURIComponent(user))
      return { status: 404 }
    },
  }
}
