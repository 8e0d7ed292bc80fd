import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { type ApiAnswer, failure, forbidden, unauthorized } from './keystone-answer.ts'
import { createTokenBody } from './keystone-body.ts'
import { createKeystoneLists } from './keystone-lists.ts'
import { createKeystoneLogin, type Proof } from './keystone-login.ts'
import type { KeystoneModel } from './keystone-model.ts'
import { createKeystonePlaces } from './keystone-places.ts'
import { createTokenStanding } from './keystone-standing.ts'
import type { IssuedScope, IssuedToken, TokenMint } from './keystone-tokens.ts'

export interface ApiRequest {
  readonly method: string
  /** Path below the API's root, such as `/v3/auth/tokens`. */
  readonly path: string
  readonly query: URLSearchParams
  readonly header: (name: string) => string
  /** Undefined when it is no JSON. */
  readonly body: unknown
}

export interface KeystoneApi {
  answer(request: ApiRequest): ApiAnswer
  /** Makes a token without a log-in. */
  issue(user: string, scope: IssuedScope): string
  revoke(text: string): void
  /** Disabling revokes all tokens of the user for good: enabling again does not bring them back. */
  setUserEnabled(user: string, enabled: boolean): void
  /** With all tokens, grants and memberships. */
  deleteUser(user: string): void
  /** Leaving a group revokes all tokens of the user, as in Keystone. */
  removeFromGroup(user: string, group: string): void
}

/** What policies say to each method on a token: the role service may GET, but not HEAD. */
const TOKEN_ACTIONS: Readonly<Record<string, string>> = {
  HEAD: 'identity:check_token',
  DELETE: 'identity:revoke_token',
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
  const standing = createTokenStanding({ model, clock })
  const logIn = createKeystoneLogin({ model, mint, standing })
  const places = createKeystonePlaces(model)
  const lists = createKeystoneLists({ model, refusalOf })
  const bodyOf = createTokenBody({ model, standing, catalog: parts.catalog })

  function tokenOf(proof: Proof): IssuedToken {
    const issuedAt = Math.floor(clock.now() / 1000) * 1000
    const { parent, ...rest } = proof
    return {
      ...rest,
      auditIds: [randomBytes(16).toString('base64url'), ...(parent?.auditIds.slice(0, 1) ?? [])],
      issuedAt,
      expiresAt: parent?.expiresAt ?? issuedAt + parts.tokenLifetimeMs,
      revoked: false,
    }
  }

  function createToken(request: ApiRequest): ApiAnswer {
    const outcome = logIn(request.body)
    if ('answer' in outcome) return outcome.answer
    const token = tokenOf(outcome.proof)
    if (standing.flawOf(token, '') !== undefined) return unauthorized()
    const catalog = !request.query.has('nocatalog')
    return { status: 201, body: bodyOf(token, { catalog }), token: mint.mint(token) }
  }

  /** The token of X-Subject-Token, for somebody who may look at it or, with DELETE, end it. */
  function subjectOf(request: ApiRequest): { subject: IssuedToken } | { answer: ApiAnswer } {
    const action = TOKEN_ACTIONS[request.method] ?? 'identity:validate_token'
    const callerText = request.header('x-auth-token')
    const caller = standing.authority(mint.find(callerText), callerText)
    if ('answer' in caller) return caller
    const text = request.header('x-subject-token')
    const subject = mint.find(text)
    if (text !== '' && subject === undefined) return { answer: failure(404, mint.unknownText(text)) }
    const flaw = subject && flawFor(request, subject, text)
    if (flaw !== undefined) return { answer: failure(404, flaw) }
    if (subject?.user !== caller.token.user && !mayDo(action, caller.token))
      return { answer: forbidden(action) }
    if (subject === undefined) return { answer: failure(404, 'No token in the request') }
    return { subject }
  }

  function mayDo(action: string, caller: IssuedToken): boolean {
    const roles = standing.rolesOf(caller)
    if (roles.includes('admin')) return true
    if (action === 'identity:validate_token' && roles.includes('service')) return true
    return action !== 'identity:revoke_token' && caller.scope.kind === 'system' && roles.includes('reader')
  }

  function flawFor(request: ApiRequest, subject: IssuedToken, text: string): string | undefined {
    const flaw = standing.flawOf(subject, text)
    if (flaw !== undefined) return flaw.message
    const restricted = standing.credentialOf(subject)?.accessRules !== undefined
    // who does not say that it heeds access rules is not told that the token is good; nobody can end such a token
    const heeds = request.method !== 'DELETE' && request.header('openstack-identity-access-rules') !== ''
    return restricted && !heeds ? 'Failed to validate token' : undefined
  }

  function showToken(request: ApiRequest): ApiAnswer {
    const found = subjectOf(request)
    if ('answer' in found) return found.answer
    const body = bodyOf(found.subject, { catalog: !request.query.has('nocatalog') })
    return { status: 200, body, token: request.header('x-subject-token') }
  }

  function deleteToken(request: ApiRequest): ApiAnswer {
    const found = subjectOf(request)
    if ('answer' in found) return found.answer
    found.subject.revoked = true
    return { status: 204 }
  }

  /** The answer for a caller who may not do this; undefined for one who may. */
  function refusalOf(request: ApiRequest, action: string): ApiAnswer | undefined {
    const text = request.header('x-auth-token')
    const caller = standing.authority(mint.find(text), text)
    if ('answer' in caller) return caller.answer
    return mayDo(action, caller.token) ? undefined : forbidden(action)
  }

  function listGroups(request: ApiRequest, id: string): ApiAnswer {
    const text = request.header('x-auth-token')
    const caller = standing.authority(mint.find(text), text)
    if ('answer' in caller) return caller.answer
    const action = 'identity:list_groups_for_user'
    if (caller.token.user !== id && !mayDo(action, caller.token)) return forbidden(action)
    if (!model.users.has(id)) return failure(404, `Could not find user: ${id}.`)
    const list = [...model.groups.values()].filter((group) => group.members.has(id))
    const groups = list.map((group) => ({
      id: group.id,
      name: group.name,
      domain_id: group.domain,
      description: '',
      membership_expires_at: null,
      links: { self: `/v3/groups/${group.id}` },
    }))
    return { status: 200, body: { groups, links: { next: null, self: request.path, previous: null } } }
  }

  /** Asks for nothing but a good token, whatever its scope. */
  function listPlaces(request: ApiRequest, kind: string): ApiAnswer {
    const text = request.header('x-auth-token')
    const caller = standing.authority(mint.find(text), text)
    if ('answer' in caller) return caller.answer
    const list = places[kind]?.(caller.token.user)
    return { status: 200, body: { [kind]: list, links: { next: null, self: request.path, previous: null } } }
  }

  function revokeAllOf(user: string): void {
    for (const token of mint.issuedTo(user)) token.revoked = true
  }

  return {
    issue: (user, scope) => mint.mint(tokenOf({ user, scope, methods: ['password'] })),
    revoke(text) {
      const token = mint.find(text)
      if (token !== undefined) token.revoked = true
    },
    setUserEnabled(id, enabled) {
      const user = model.users.get(id)
      if (user !== undefined) user.enabled = enabled
      if (!enabled) revokeAllOf(id)
    },
    deleteUser(id) {
      model.users.delete(id)
      for (const group of model.groups.values()) group.members.delete(id)
      for (const grant of model.grants) if (grant.actor === id) model.grants.delete(grant)
      revokeAllOf(id)
    },
    removeFromGroup(user, group) {
      if (model.groups.get(group)?.members.delete(user)) revokeAllOf(user)
    },
    answer(request) {
      const { method, path } = request
      if (path.replace(/\/$/, '') === '/v3/auth/tokens') {
        if (method === 'POST') return createToken(request)
        if (method === 'GET' || method === 'HEAD') return showToken(request)
        if (method === 'DELETE') return deleteToken(request)
      }
      const user = /^\/v3\/users\/([^/]+)\/groups$/.exec(path)?.[1]
      if (user !== undefined && method === 'GET') return listGroups(request, decodeURIComponent(user))
      const place = /^\/v3\/auth\/(projects|domains|system)$/.exec(path)?.[1]
      if (place !== undefined && method === 'GET') return listPlaces(request, place)
      return lists(request) ?? { status: 404 }
    },
  }
}
