import type { Clock } from '../clock.ts'
import { PortcullisError } from '../errors.ts'
import type { LoginOutcome } from '../keystone/log-in.ts'
import { type CompleteLogin, completeLogin, missingSettings, type OpenTerminal } from './complete-login.ts'
import { familyOf, type LoginSettings } from './login-settings.ts'
import type { LoginInputs } from './login-sources.ts'
import type { KeptToken, TokenCache } from './token-cache.ts'

/** A token, and until when to use it; without `until` nothing is known of its end. */
export type UsableToken = Pick<KeptToken, 'token'> & Partial<KeptToken>

/** One attempt at Keystone. The URL in the answer is that of its v3 API. */
export type Attempt = (
  login: Omit<CompleteLogin, 'asked'> & { readonly receipt?: string },
) => Promise<{ readonly url: string; readonly outcome: LoginOutcome }>

/** A token is not handed out in its last minute, or in the last fifth of a short life. */
const MARGIN_MS = 60_000
/** How long to wait for another process that logs in with the same inputs: longer than it can take, by this. */
const PATIENCE_MS = 5_000
const PATIENCE_TO_TYPE_MS = 180_000

/**
 * Gives a token for these inputs: the one that was given (a token without a scope is passed on), the one that is
 * kept, or a new one, for which all processes with the same inputs log in once. Throws LOGIN_INCOMPLETE,
 * LOGIN_REFUSED, CONFIG_INVALID and what the attempt throws.
 */
export async function obtainToken(
  inputs: LoginInputs,
  parts: {
    cache: TokenCache | undefined
    attempt: Attempt
    /** When an attempt ends at the latest. */
    deadlineMs: number
    clock: Clock
    openTerminal: OpenTerminal
    forceRefresh: boolean
  },
): Promise<UsableToken> {
  const { cache, clock, forceRefresh } = parts
  const { identity } = inputs
  const began = clock.now()
  const kept = () => cache?.get(identity)
  const first = forceRefresh ? undefined : kept()
  if (first !== undefined) return first
  const settings = await inputs.settings()
  const given = givenToken(settings)
  if (given !== undefined) return { token: given }
  const logIn = async () => {
    const second = kept()
    // somebody else was at it while this process waited
    if (second !== undefined && (!forceRefresh || second.since >= began)) return second
    const token = await freshToken(settings, identity, parts)
    cache?.put(identity, token)
    return token
  }
  const typing = missingSettings(settings).length > 0 ? PATIENCE_TO_TYPE_MS : 0
  const patience = parts.deadlineMs + PATIENCE_MS + typing
  return cache ? cache.alone(identity, patience, logIn) : logIn()
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
  parts: Parameters<typeof obtainToken>[1],
): Promise<KeptToken> {
  const { cache, clock, openTerminal, attempt, forceRefresh } = parts
  const attempted = `${identity} ${settings.passcode?.text ?? ''}`
  const refusedAt = forceRefresh ? undefined : cache?.refusedAt(attempted)
  if (refusedAt !== undefined)
    throw refused(
      settings,
      `a moment ago, and is not asked again for half a minute save with --force-refresh`,
    )
  const login = await completeLogin(settings, openTerminal)
  const since = clock.now()
  const { url, outcome, asked } = await withReceipt(login, openTerminal, attempt)
  if ('status' in outcome) {
    if (outcome.receipt !== undefined) throw insufficient(outcome.receipt.needs)
    if (!asked) cache?.refuse(attempted)
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
async function withReceipt(login: CompleteLogin, openTerminal: OpenTerminal, attempt: Attempt) {
  const first = { ...(await attempt(login)), asked: login.asked }
  const receipt = 'receipt' in first.outcome ? first.outcome.receipt : undefined
  const { method } = login
  if (receipt === undefined || method.kind !== 'user' || method.passcode) return first
  const ask = receipt.needs.some((set) => set.includes('totp')) ? await openTerminal() : undefined
  if (ask === undefined) return first
  const passcode = await ask({ name: 'passcode', secret: true, optional: false })
  const { password: _, ...user } = method
  const second = await attempt({ ...login, method: { ...user, passcode }, receipt: receipt.id })
  return { ...second, asked: true }
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
  // Keystone's own order changes from answer to answer
  const sets = needs.map((set) => KNOWN_METHODS.filter((name) => set.includes(name)).join(' with '))
  return new PortcullisError(
    'LOGIN_REFUSED',
    `Keystone wants more than was given, ${sets.join(' or ')}: use --auth-type v3multifactor and a passcode (--passcode-command, OS_PASSCODE)`,
  )
}
