import { randomBytes } from 'node:crypto'
import { createTtlCache } from '../cache/ttl-cache.ts'
import type { Clock } from '../clock.ts'
import { createTokenKey } from './token-key.ts'
import type { Verdict } from './verdict.ts'

export interface TokenCache {
  /** The key of a token: HMAC-SHA-256 under a random key of this process, so the cache holds no token. */
  key(token: string): string
  get(key: string): Verdict | undefined
  /** Keeps what may be kept: a good token no longer than it lives, a refused one for a short while. */
  set(key: string, verdict: Verdict): void
  clear(): void
  readonly entries: number
  readonly negativeEntries: number
}

const MAX_SHARED_USERS = 10_000

/**
 * Good and bad tokens are kept apart, so that a flood of bad ones never drives a good one out. Lifetimes of
 * good ones are up to a tenth shorter, at random, so that those that came together do not end together.
 */
export function createTokenCache(options: {
  clock: Clock
  maxEntries: number
  /** Milliseconds; 0 keeps nothing. */
  ttlMs: number
  negativeTtlMs: number
  evicted?: () => void
}): TokenCache {
  const { clock, maxEntries, ttlMs, negativeTtlMs, evicted } = options
  const good = createTtlCache<Verdict & { kind: 'authenticated' }>({
    max: maxEntries,
    clock,
    ...(evicted && { evicted }),
  })
  const bad = createTtlCache<Verdict>({ max: maxEntries, clock })
  // kubectl brings token after token of one user: what is said of them is kept once
  const users = createTtlCache<{ readonly text: string }>({ max: MAX_SHARED_USERS, clock })
  const shared = (text: string): string => {
    const known = users.get(text)
    if (known !== undefined) return known.text
    users.set(text, { text }, ttlMs)
    return text
  }
  return {
    key: createTokenKey(randomBytes(32)),
    get(key) {
      const known = good.get(key)
      if (known === undefined) return bad.get(key)
      // the wall clock decides too: it may have been set forward since
      return known.expiresAt > clock.now() ? known : undefined
    },
    set(key, verdict) {
      if (verdict.kind === 'authenticated')
        good.set(
          key,
          { ...verdict, user: shared(verdict.user) },
          Math.min(ttlMs * (1 - Math.random() / 10), verdict.expiresAt - clock.now()),
        )
      if (verdict.kind === 'refused') bad.set(key, verdict, negativeTtlMs)
    },
    clear() {
      good.clear()
      bad.clear()
      users.clear()
    },
    get entries() {
      return good.size
    },
    get negativeEntries() {
      return bad.size
    },
  }
}
