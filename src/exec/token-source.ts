import type { Clock } from '../clock.ts'
import { PortcullisError } from '../errors.ts'
import type { LoginMethod } from '../keystone/credentials.ts'
import type { LoginOutcome } from '../keystone/log-in.ts'
import { type Ask, type CompleteLogin, completeLogin } from './complete-login.ts'
import { familyOf, type LoginSettings } from './login-settings.ts'
import type { KeptToken, TokenCache } from './token-cache.ts'

/** A token, and until when to use it; without `until` nothing is known of its end. */
export type UsableToken = Pick<KeptToken, 'token'> & Partial<KeptToken>

/** One attempt at Keystone. The URL is that of its v3 API in the answer. */
export type Attempt = (login: {
  readonly url: string
  readonly method: LoginMethod
  readonly receipt?: string
}) => Promise<{ readonly url: string; readonly outcome: LoginOutcome }>

/** A token is not handed out in its last minute, or in the last fifth of a short life. */
const MARGIN_MS = 60_000
/** How long to wait for another process that logs in with the same inputs. */
const PATIENCE_MS = 15_000
const PATIENCE_TO_TYPE_MS = 180_000

/**
 * The text that says all that a token depends on. A secret that a command gives or that is asked for is in it only by the command or not at
 * all: to find a kept token nobody is asked. Neither is a passcode, which is good once.
 */
export function identityOf({ passcode: _, ...settings }: LoginSettings): string {
  const values = Object.entries(settings).map(([name, given]) => [name, given.text])
  return JSON.stringify(values.sort(([a = ''], [b = '']) => (a < b ? -1 : 1)))
}

/**
 * Gives a token for these settings: the one that was given (a token without a scope is passed on), the one that is
 * kept, or a new one, for which all processes with the same settings log in once. Throws LOGIN_INCOMPLETE,
 * LOGIN_REFUSED, CONFIG_INVALID and what the attempt throws.
 */
export async function obtainToken(
  settings: LoginSettings,
  parts: {
    cache: TokenCache | undefined
    attempt: Attempt
    clock: Clock
    /** Looks for a terminal, once it is clear that there is no token yet. */
    openTerminal: () => Promise<Ask | undefined>
    forceRefresh: boolean
  },
): Promise<UsableToken> {
  const { cache, clock, forceRefresh } = parts
  const given = givenToken(settings)
  if (given !== undefined) return { token: given }
  const identity = identityOf(settings)
  const began = clock.now()
  const kept = () => cache?.get(identity)
  const first = forceRefresh ? undefined : kept()
  if (first !== undefined) return first
  const ask = await parts.openTerminal()
  const logIn = async () => {
    const second = kept()
    // somebody else was at it while this process waited
    if (second !== undefined && (!forceRefresh || second.since >= began)) return second
    const token = await freshToken(settings, identity, { ...parts, ask })
    cache?.put(identity, token)
    return token
  }
  return cache ? cache.alone(identity, ask ? PATIENCE_TO_TYPE_MS : PATIENCE_MS, logIn) : logIn()
}

function givenToken(settings: LoginSettings): string | undefined {
  const scopes = [
    'project_name',
    'project_id',
    'domain_name',
    'domain_id',
    'system_scope',
    'trust_id',
  ] as const
  if (familyOf(settings) !== 'token' || scopes.some((name) => settings[name])) return undefined
  return settings.token?.text
}

async function freshToken(
  settings: LoginSettings,
  identity: string,
  parts: Parameters<typeof obtainToken>[1] & { ask: Ask | undefined },
): Promise<KeptToken> {
  const { cache, clock, ask, attempt, forceRefresh } = parts
  const attempted = `${identity} ${settings.passcode?.text ?? ''}`
  const refusedAt = forceRefresh ? undefined : cache?.refusedAt(attempted)
  if (refusedAt !== undefined) throw refused(settings, `a moment ago; it is asked again in half a minute`)
  const login = await completeLogin(settings, ask)
  const since = clock.now()
  const { url, outcome } = await withReceipt(login, ask, attempt)
  if ('status' in outcome) {
    if (outcome.receipt !== undefined) throw insufficient(outcome.receipt.needs)
    if (!login.asked) cache?.refuse(attempted)
    throw refused(settings, `(${outcome.status})`)
  }
  return keptToken(outcome, { since, keystoneUrl: url })
}

/** Keystone's own clock says how long a token lives; the clock here says from when. */
export function keptToken(
  { token, says }: Extract<LoginOutcome, { token: string }>,
  got: Pick<KeptToken, 'since' | 'keystoneUrl'>,
): KeptToken {
  const life = Math.max(0, says.expiresAt - says.issuedAt)
  return { token, ...got, until: got.since + life - Math.min(MARGIN_MS, life / 5) }
}

/** Where Keystone wants a passcode besides the right password, somebody at a terminal is asked for it. */
async function withReceipt(login: CompleteLogin, ask: Ask | undefined, attempt: Attempt) {
  const first = await attempt(login)
  const receipt = 'receipt' in first.outcome ? first.outcome.receipt : undefined
  const { method } = login
  if (receipt === undefined || ask === undefined || method.kind !== 'user' || method.passcode) return first
  if (!receipt.needs.some((set) => set.includes('totp'))) return first
  const passcode = await ask({ name: 'passcode', secret: true, optional: false })
  const { password: _, ...user } = method
  return attempt({ url: login.url, method: { ...user, passcode }, receipt: receipt.id })
}

function refused(settings: LoginSettings, when: string): PortcullisError {
  const who =
    settings.username ??
    settings.user_id ??
    settings.application_credential_id ??
    settings.application_credential_name
  const name = who ? ` ${who.text} (${who.from})` : ''
  return new PortcullisError(
    'LOGIN_REFUSED',
    `Keystone refused to log in${name} ${when}: check name, domain and secret, and that the project is one of yours`,
  )
}

const KNOWN_METHODS = ['password', 'totp', 'token', 'application_credential']
function insufficient(needs: readonly (readonly string[])[]): PortcullisError {
  const sets = needs.map((set) => set.filter((name) => KNOWN_METHODS.includes(name)).join(' with '))
  return new PortcullisError(
    'LOGIN_REFUSED',
    `Keystone wants more than was given, ${sets.join(' or ')}: use --auth-type v3multifactor and a passcode (--passcode-command, OS_PASSCODE)`,
  )
}
