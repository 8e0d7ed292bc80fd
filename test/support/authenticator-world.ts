import { type AuthenticatorParts, createAuthenticator } from '../../src/authn/authenticator.ts'
import { qualifiedIdentity } from '../../src/authn/identity.ts'
import type { RoleMapping } from '../../src/authn/role-mapping.ts'
import { createTokenCache } from '../../src/authn/token-cache.ts'
import { PortcullisError } from '../../src/errors.ts'
import type { Group, KeystoneToken } from '../../src/keystone/token-body.ts'
import { createManualClock } from './manual-clock.ts'
import { recordLog } from './recorded-log.ts'
import { fernetLike, jwtLike } from './tokens.ts'

/** What Keystone (or the keys of its tokens) is asked, in a form that a test can compare. */
export type Question =
  | { readonly what: 'signature' | 'validate'; readonly token: string }
  | { readonly what: 'groups'; readonly userId: string; readonly token: string; readonly ahead: boolean }

export const DEADLINE_MS = 4000

/** An authenticator, and a Keystone in memory whose answers the test may replace, hold back or fail. */
export function authenticatorWorld(more: Partial<AuthenticatorParts> = {}) {
  const clock = createManualClock()
  const { log, lines } = recordLog()
  const tokens = new Map<string, KeystoneToken>()
  const groups = new Map<string, readonly Group[]>()
  const asked: Question[] = []
  const begun: (() => void)[] = []
  const looked: string[] = []
  const counted = { dropped: 0 }
  let sizes = { entries: () => -1, negativeEntries: () => -1, inFlight: () => -1 }
  const answers = {
    signature: async (_token: string) => true,
    validate: async (token: string): Promise<KeystoneToken | undefined> => tokens.get(token),
    groups: async (userId: string): Promise<readonly Group[] | undefined> => groups.get(userId) ?? [],
    known: (_userId: string, _issuedAt: number): readonly Group[] | undefined => undefined,
  }
  const ask = <T>(question: Question, answer: Promise<T>, signal: AbortSignal, began = () => {}) => {
    asked.push(question)
    begun.push(began)
    return new Promise<T>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new PortcullisError('HTTP_TIMEOUT', 'no answer in time')))
      answer.then(resolve, reject)
    })
  }
  const authenticator = createAuthenticator({
    validate: (token, signal, began) =>
      ask({ what: 'validate', token }, answers.validate(token), signal, began),
    groups: {
      fetch: ({ userId, token, ahead, signal, begun }) =>
        ask({ what: 'groups', userId, token, ahead }, answers.groups(userId), signal, begun),
      known: (userId, issuedAt) => answers.known(userId, issuedAt),
    },
    verifyJws: (token) => {
      asked.push({ what: 'signature', token })
      begun.push(() => {})
      return answers.signature(token)
    },
    cache: createTokenCache({ clock, maxEntries: 100, ttlMs: 120_000, negativeTtlMs: 10_000 }),
    identity: qualifiedIdentity,
    admission: { scopes: ['project', 'domain'], domains: [], projects: [], roles: [] },
    maxTokenAgeMs: 24 * 3_600_000,
    deadlineMs: DEADLINE_MS,
    systemGroups: [],
    clock,
    log,
    metrics: {
      reviewed: () => {},
      evicted: () => {},
      looked: (result) => void looked.push(result),
      groupDropped: () => {
        counted.dropped += 1
      },
      watch: (given) => {
        sizes = given
      },
    },
    ...more,
  })
  return {
    authenticator,
    clock,
    /** Lines of the log. */
    lines,
    answers,
    asked,
    /** Results of look-ups in the cache. */
    looked,
    counted,
    sizes: () => ({
      entries: sizes.entries(),
      negativeEntries: sizes.negativeEntries(),
      inFlight: sizes.inFlight(),
    }),
    /** A token of each kind that Keystone vouches for, if it is given what to say. */
    fernet: (known?: KeystoneToken) => remember(fernetLike(clock.now()), known),
    jws: (userId: string, known?: KeystoneToken) =>
      remember(
        jwtLike({ alg: 'ES256' }, { sub: userId, exp: clock.now() / 1000 + 3600, openstack_methods: [] }),
        known,
      ),
    groupsOf: (userId: string, ...list: readonly Group[]) => void groups.set(userId, list),
    /** The question of that number leaves now. */
    leaves: (index: number) => begun[index]?.(),
  }
  function remember(token: string, known: KeystoneToken | undefined): string {
    if (known !== undefined) tokens.set(token, known)
    return token
  }
}

/** A role mapping for members, which does nothing but what `more` says. */
export const mapping = (more: Partial<RoleMapping>): RoleMapping => ({
  keystoneRole: 'member',
  username: undefined,
  groups: [],
  project: undefined,
  domain: undefined,
  methods: [],
  ...more,
})

/** What of an accepted token a test compares most. */
export function userOf(verdict: unknown) {
  const { kind, user } = verdict as { kind: string; user?: string }
  return kind === 'authenticated' ? JSON.parse(user as string) : verdict
}
