import { isRecord } from '../json.ts'
import { type ApiAnswer, failure, forbidden, malformed, unauthorized } from './keystone-answer.ts'
import type { KeystoneModel, ModelCredential, ModelUser } from './keystone-model.ts'
import type { TokenStanding } from './keystone-standing.ts'
import type { IssuedScope, IssuedToken, TokenMint } from './keystone-tokens.ts'

/** Who has proved to be whom, and what for. */
export interface Proof {
  readonly user: string
  readonly scope: IssuedScope
  readonly methods: readonly string[]
  readonly credential?: string
  /** The token that the log-in was done with. */
  readonly parent?: IssuedToken
}

/** A log-in by password, token or application credential: what it proves, or the answer when it proves nothing. */
export type KeystoneLogin = (body: unknown) => { proof: Proof } | { answer: ApiAnswer }

const SCOPES = ['project', 'domain', 'system'] as const
const SCOPE_NAMES = 'system, project, domain, OS-TRUST:trust or unscoped'
const DELEGATED = 'Using a delegated token to create another token is not allowed.'

export function createKeystoneLogin(parts: {
  model: KeystoneModel
  mint: TokenMint
  standing: TokenStanding
}): KeystoneLogin {
  const { model, mint, standing } = parts
  const refused = { answer: unauthorized() }

  /** By id, or by name within a domain. */
  function named<T extends { id: string; name: string; domain?: string }>(
    map: Map<string, T>,
    asked: unknown,
  ): T | undefined {
    const id = at(asked, 'id')
    if (id !== undefined) return map.get(String(id))
    const domain = isRecord(at(asked, 'domain')) ? named(model.domains, at(asked, 'domain'))?.id : undefined
    return [...map.values()].find((item) => item.name === at(asked, 'name') && item.domain === domain)
  }

  function scopeOf(asked: unknown): { scope: IssuedScope } | { answer: ApiAnswer } {
    if (asked === undefined || asked === 'unscoped') return { scope: { kind: 'unscoped' } }
    const kinds = SCOPES.filter((kind) => isRecord(at(asked, kind)))
    const [kind] = kinds
    if (kind === undefined || kinds.length > 1) return { answer: malformed(SCOPE_NAMES, 'scope') }
    if (kind === 'system') return { scope: { kind } }
    const place = named<{ id: string; name: string; domain?: string; enabled: boolean }>(
      kind === 'project' ? model.projects : model.domains,
      at(asked, kind),
    )
    return place?.enabled ? { scope: { kind, id: place.id } } : refused
  }

  function byPassword(given: unknown, asked: unknown): ReturnType<KeystoneLogin> {
    const claimed = at(given, 'user')
    if (!isRecord(claimed)) return { answer: malformed('user', 'None') }
    if (claimed.id === undefined && claimed.domain === undefined)
      return { answer: malformed('domain', 'user') }
    const user: ModelUser | undefined = named(model.users, claimed)
    if (user === undefined || user.password !== claimed.password) return refused
    const target = scopeOf(asked)
    if ('answer' in target) return target
    return { proof: { user: user.id, scope: target.scope, methods: ['password'] } }
  }

  function byToken(given: unknown, asked: unknown): ReturnType<KeystoneLogin> {
    const text = String(at(given, 'id'))
    const parent = mint.find(text)
    if (parent === undefined) return { answer: failure(404, mint.unknownText(text)) }
    const flaw = standing.flawOf(parent, text)
    if (flaw !== undefined) return { answer: failure(404, flaw.message) }
    if (parent.credential !== undefined) return { answer: forbidden(DELEGATED) }
    const target = scopeOf(asked)
    if ('answer' in target) return target
    const methods = [...new Set(['token', ...parent.methods])]
    return { proof: { user: parent.user, scope: target.scope, methods, parent } }
  }

  function byCredential(given: unknown, asked: unknown): ReturnType<KeystoneLogin> {
    const credential = credentialOf(given)
    if (credential === undefined)
      return { answer: failure(404, `Could not find Application Credential: ${at(given, 'id')}.`) }
    if (credential.secret !== at(given, 'secret')) return refused
    if (asked !== undefined) {
      const reason = 'Application credentials cannot request a scope.'
      return { answer: failure(401, `Error authenticating with application credential: ${reason}`) }
    }
    const scope = { kind: 'project', id: credential.project } as const
    const methods = ['application_credential']
    return { proof: { user: credential.user, scope, methods, credential: credential.id } }
  }

  function credentialOf(given: unknown): ModelCredential | undefined {
    const id = at(given, 'id')
    if (id !== undefined) return model.credentials.get(String(id))
    const owner = named(model.users, at(given, 'user'))?.id
    return [...model.credentials.values()].find((c) => c.name === at(given, 'name') && c.user === owner)
  }

  const WAYS = { password: byPassword, token: byToken, application_credential: byCredential } as const

  return (body) => {
    if (body === undefined) return { answer: malformed('valid JSON', 'request body') }
    const auth = at(body, 'auth')
    if (!isRecord(auth)) return { answer: malformed('auth', 'request body') }
    const methods = at(auth, 'identity', 'methods')
    if (!Array.isArray(methods) || methods.length === 0) return refused
    const method = String(methods[0])
    const given = at(auth, 'identity', method)
    const way = Object.hasOwn(WAYS, method) ? WAYS[method as keyof typeof WAYS] : undefined
    if (way === undefined || given === undefined) return { answer: malformed(method, 'identity') }
    return way(given, auth.scope)
  }
}

/** The value at a path of keys, undefined where there is none. */
function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>((inner, key) => (isRecord(inner) ? inner[key] : undefined), value)
}
