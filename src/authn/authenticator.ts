import type { Clock } from '../clock.ts'
import { errorText, PortcullisError } from '../errors.ts'
import { withDeadline } from '../http/deadline.ts'
import type { JwsVerification } from '../keystone/jws-keys.ts'
import type { Group, KeystoneToken } from '../keystone/token-body.ts'
import type { TokenValidation } from '../keystone/token-validation.ts'
import type { UserGroups } from '../keystone/user-groups.ts'
import type { Log } from '../log.ts'
import { type AdmissionRules, admissionRefusal } from './admission.ts'
import { type IdentityMapping, isReserved, type UserInfo } from './identity.ts'
import type { AuthnMetrics } from './metrics.ts'
import { applyRoleMappings, type RoleMapping } from './role-mapping.ts'
import type { TokenCache } from './token-cache.ts'
import { type TokenShape, tokenShape } from './token-shape.ts'
import { failureOf, type Refusal, type Verdict } from './verdict.ts'

export interface Authenticator {
  /** Says whose token it is. Never throws and never rejects; known tokens are answered at once, without a promise. */
  authenticate(token: string): Verdict | Promise<Verdict>
  /** Takes other role mappings; what was cached under the old ones is forgotten. */
  useRoleMappings(mappings: readonly RoleMapping[]): void
}

export interface AuthenticatorParts {
  readonly validate: TokenValidation
  readonly groups: UserGroups
  readonly verifyJws?: JwsVerification | undefined
  readonly cache: TokenCache
  readonly identity: IdentityMapping
  readonly admission: AdmissionRules
  readonly maxTokenAgeMs: number
  /** How long a review waits for Keystone; also how long each of its calls may wait for its turn, and how long it may then take. */
  readonly deadlineMs: number
  /** Reserved groups that a role mapping may give all the same. */
  readonly systemGroups: readonly string[]
  /** Told of each token that Keystone has just vouched for; the answer waits for it, but is not changed by it. */
  readonly loggedIn?: ((token: KeystoneToken, username: string) => Promise<void> | undefined) | undefined
  readonly clock: Clock
  readonly log: Log
  readonly metrics: AuthnMetrics
}

/** What Keystone says of a token that it vouches for. */
interface Found {
  readonly known: KeystoneToken
  readonly groups: readonly Group[]
}

/** A token that is being looked up. */
interface Flight {
  /** Settles when Keystone's part is over. */
  readonly asked: Promise<unknown>
  readonly verdict: Promise<Verdict>
}

/** Shape, cache, one flight for each token, Keystone, admission, identity: in this order, the cheap ones first. */
export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const { cache, clock, log, metrics } = parts
  const flights = new Map<string, Flight>()
  let mappings: readonly RoleMapping[] = []
  let generation = 0
  metrics.watch({
    entries: () => cache.entries,
    negativeEntries: () => cache.negativeEntries,
    inFlight: () => flights.size,
  })

  async function look(asked: Promise<Found | Refusal>): Promise<Verdict> {
    try {
      const found = await asked
      return typeof found === 'string' ? refused(found) : await decide(found.known, found.groups)
    } catch (error) {
      const failure = failureOf(error instanceof PortcullisError ? error.code : undefined)
      log.warn({ failure, err: errorText(error) }, 'A token could not be checked')
      return { kind: 'failed', failure }
    }
  }

  /** A JWS names its user, so its groups are asked for beside the validation; an opaque Fernet token must wait. */
  async function askKeystone(token: string, shape: TokenShape): Promise<Found | Refusal> {
    if (shape.kind === 'jws' && parts.verifyJws && !(await parts.verifyJws(token))) return 'bad_signature'
    const start = clock.monotonic()
    const groupsOf = (userId: string, ahead: boolean) =>
      withDeadline(clock, parts.deadlineMs, (signal, begun) =>
        parts.groups.fetch({ userId, token, signal, ahead, begun }),
      )
    const early = shape.kind === 'jws' ? groupsOf(shape.userId, false) : undefined
    early?.catch(() => {})
    const known = await withDeadline(clock, parts.deadlineMs, (signal, begun) =>
      parts.validate(token, signal, begun),
    )
    if (known === undefined) return 'unknown_to_keystone'
    const own = shape.kind === 'jws' && shape.userId === known.user.id ? early : undefined
    const groups =
      parts.groups.known(known.user.id, known.issuedAt) ?? (await (own ?? groupsOf(known.user.id, true)))
    const took = clock.monotonic() - start
    if (took > parts.deadlineMs) log.warn({ seconds: took / 1000 }, 'Keystone was slower than reviews wait')
    return groups === undefined ? 'unknown_to_keystone' : { known, groups }
  }

  async function decide(known: KeystoneToken, groups: readonly Group[]): Promise<Verdict> {
    if (known.expiresAt <= clock.now()) return refused('expired')
    const refusal = admissionRefusal(parts.admission, known)
    if (refusal !== undefined) return refused(refusal)
    const own = parts.identity(known, groups)
    const mapped = applyRoleMappings(mappings, known, {
      ...own,
      groups: own.groups.filter((name) => !reserved(name)),
    })
    const user: UserInfo = {
      ...mapped,
      groups: mapped.groups.filter((name) => parts.systemGroups.includes(name) || !reserved(name)),
    }
    if (user.username === '' || isReserved(user.username)) return refused('reserved_name')
    await announce(known, user.username)
    return { kind: 'authenticated', user: JSON.stringify(user), expiresAt: known.expiresAt }
  }

  async function announce(token: KeystoneToken, username: string): Promise<void> {
    try {
      await parts.loggedIn?.(token, username)
    } catch (error) {
      log.error({ err: errorText(error) }, 'What follows from a log-in failed')
    }
  }

  function reserved(group: string): boolean {
    if (!isReserved(group)) return false
    metrics.groupDropped()
    log.debug('A reserved group was dropped')
    return true
  }

  /**
   * What a review says that has waited long enough for Keystone. The flight goes on when Keystone works for it already:
   * given up, that work would be done for nobody, and under a rush that outlasts the deadline Keystone would do no other.
   */
  function inTime({ asked, verdict }: Flight): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      const cancel = clock.after(parts.deadlineMs, () => resolve({ kind: 'failed', failure: 'timeout' }))
      // what follows from the log-in has a time of its own
      asked.then(cancel, cancel)
      verdict.then(resolve, reject)
    })
  }

  function join(token: string, key: string, shape: TokenShape): Flight {
    const running = flights.get(key)
    metrics.looked(running === undefined ? 'miss' : 'joined')
    if (running !== undefined) return running
    const started = generation
    const asked = askKeystone(token, shape)
    const verdict = look(asked).then((verdict) => {
      if (flights.get(key) === flight) flights.delete(key)
      // a verdict reached under role mappings that are no longer in force is given, but not kept
      if (started === generation) cache.set(key, verdict)
      return verdict
    })
    const flight = { asked, verdict }
    flights.set(key, flight)
    return flight
  }

  return {
    authenticate(token) {
      const shape = tokenShape(token, clock.now(), parts.maxTokenAgeMs)
      if (shape.kind === 'misshapen' || shape.kind === 'expired') return refused(shape.kind)
      const key = cache.key(token)
      const known = cache.get(key)
      if (known === undefined) return inTime(join(token, key, shape))
      metrics.looked(known.kind === 'authenticated' ? 'hit' : 'negative_hit')
      return known
    },
    useRoleMappings(next) {
      mappings = next
      generation += 1
      flights.clear()
      cache.clear()
    },
  }
}

const refused = (refusal: Refusal): Verdict => ({ kind: 'refused', refusal })
