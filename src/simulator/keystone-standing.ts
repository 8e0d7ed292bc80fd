import type { Clock } from '../clock.ts'
import { type ApiAnswer, failure, unauthorized } from './keystone-answer.ts'
import type { KeystoneModel, ModelCredential } from './keystone-model.ts'
import type { IssuedToken } from './keystone-tokens.ts'

/** Why Keystone does not vouch for a token that it issued; never when it does. */
export interface Flaw {
  readonly message: string
  /** Some flaws make the token unknown, others name a thing that is missing: only the first ones are a 401. */
  readonly unknown: boolean
}

/** What a token is worth now, after all that happened to its user, project and credential. */
export interface TokenStanding {
  rolesOf(token: IssuedToken): readonly string[]
  credentialOf(token: IssuedToken): ModelCredential | undefined
  flawOf(token: IssuedToken, text: string): Flaw | undefined
  /** The token of X-Auth-Token, or the answer when that one is not good. */
  authority(token: IssuedToken | undefined, text: string): { token: IssuedToken } | { answer: ApiAnswer }
}

export function createTokenStanding(parts: { model: KeystoneModel; clock: Clock }): TokenStanding {
  const { model, clock } = parts

  const credentialOf = (token: IssuedToken) =>
    token.credential === undefined ? undefined : model.credentials.get(token.credential)

  function rolesOf(token: IssuedToken): readonly string[] {
    if (token.scope.kind === 'unscoped') return []
    const roles = model.rolesOf(token.user, 'id' in token.scope ? token.scope.id : 'system')
    const allowed = model.withImplied(credentialOf(token)?.roles ?? roles)
    return roles.filter((role) => allowed.includes(role))
  }

  function flawOf(token: IssuedToken, text: string): Flaw | undefined {
    const user = model.users.get(token.user)
    if (user === undefined) return missing(`Could not find user: ${token.user}.`)
    if (token.credential !== undefined && credentialOf(token) === undefined)
      return missing(`Could not find Application Credential: ${token.credential}.`)
    const place = placeFlaw(token)
    if (place !== undefined) return place
    const ended = token.revoked || token.expiresAt <= clock.now()
    if (ended || !user.enabled || !model.domains.get(user.domain)?.enabled)
      return { unknown: true, message: 'Failed to validate token' }
    if (token.scope.kind !== 'unscoped' && rolesOf(token).length === 0)
      return { unknown: true, message: `Could not find token: ${text}.` }
    return undefined
  }

  function placeFlaw({ scope }: IssuedToken): Flaw | undefined {
    if (scope.kind !== 'project') return undefined
    const project = model.projects.get(scope.id)
    if (project === undefined) return missing(`Could not find project: ${scope.id}.`)
    if (!project.enabled) return missing(`Unable to validate token because project ${scope.id} is disabled`)
    if (!model.domains.get(project.domain)?.enabled)
      return missing(`Unable to validate token because domain ${project.domain} is disabled`)
    return undefined
  }

  return {
    rolesOf,
    credentialOf,
    flawOf,
    authority(token, text) {
      if (token === undefined) return { answer: unauthorized() }
      const flaw = flawOf(token, text)
      if (flaw === undefined) return { token }
      return { answer: flaw.unknown ? unauthorized() : failure(404, flaw.message) }
    },
  }
}

const missing = (message: string): Flaw => ({ message, unknown: false })
