import { randomBytes } from 'node:crypto'
import { createTtlCache } from '../cache/ttl-cache.ts'
import type { Clock } from '../clock.ts'
import { errorText, PortcullisError } from '../errors.ts'
import type { Log } from '../log.ts'
import { openEnvelope, sealEnvelope } from './envelope.ts'
import { createKek, type Kek } from './kek.ts'
import { isRefusal, type KekStore, type KeySet } from './kek-store.ts'

/** Why there is no KEK: `unknown` is Barbican's or our last word for a while, `unavailable` may be better at once. */
export type NoKek = 'unknown' | 'unavailable'

export interface Keyring {
  /** The KEK if it is in memory. */
  get(id: string): Kek | undefined
  /** The KEK from memory or, if it belongs to the key set, from Barbican; within the deadline. Never throws. */
  find(id: string): Promise<Kek | NoKek>
  readonly size: number
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const MAX_KEKS = 1000
const MAX_FLIGHTS = 32
const MAX_REMEMBERED = 1000
const UNKNOWN_FOR_MS = 10_000
const UNAVAILABLE_FOR_MS = 1000
/** Below the 3 s that kube-apiserver waits by default (contracts C.3). */
const FIND_DEADLINE_MS = 2500

/**
 * The KEKs in memory. They are never dropped: Barbican may be down when the next ciphertext comes. What comes over the
 * socket reaches Barbican only if it looks like a secret's id, once at a time for each id, a few at a time in all.
 */
export function createKeyring(options: { store: KekStore; keySet: KeySet; clock: Clock; log: Log }): Keyring {
  const { store, keySet, clock, log } = options
  const keks = new Map<string, Kek>()
  const flights = new Map<string, Promise<Kek | NoKek>>()
  const refused = createTtlCache<{ readonly why: NoKek }>({ max: MAX_REMEMBERED, clock })

  async function fetchKek(id: string): Promise<Kek | NoKek> {
    try {
      if (!keySet.ids.includes(id)) {
        const info = keySet.name === undefined ? 'forbidden' : await store.describe(id)
        if (isRefusal(info) || info.name !== keySet.name) return 'unknown'
      }
      const payload = await store.payload(id)
      if (isRefusal(payload)) {
        log.warn({ keyId: id, reason: payload }, 'Barbican does not give out the key')
        return 'unknown'
      }
      const kek = proven(createKek(id, payload))
      keks.set(id, kek)
      log.info({ keyId: id }, 'Loaded the key')
      return kek
    } catch (error) {
      const code = error instanceof PortcullisError ? error.code : undefined
      log.error({ keyId: id, code, err: errorText(error) }, 'Could not load the key')
      return code === 'KEK_UNUSABLE' ? 'unknown' : 'unavailable'
    }
  }

  function fly(id: string): Promise<Kek | NoKek> {
    const flight = fetchKek(id).then((answer) => {
      flights.delete(id)
      if (typeof answer === 'string')
        refused.set(id, { why: answer }, answer === 'unknown' ? UNKNOWN_FOR_MS : UNAVAILABLE_FOR_MS)
      return answer
    })
    flights.set(id, flight)
    return flight
  }

  return {
    get: (id) => keks.get(id),
    get size() {
      return keks.size
    },
    async find(id) {
      const kek = keks.get(id)
      if (kek !== undefined) return kek
      const known = refused.get(id)
      if (known !== undefined) return known.why
      if (!keySet.ids.includes(id) && !UUID.test(id)) return 'unknown'
      const flight = flights.get(id)
      if (flight === undefined && (flights.size >= MAX_FLIGHTS || keks.size >= MAX_KEKS)) return 'unavailable'
      return within(FIND_DEADLINE_MS, clock, flight ?? fly(id))
    },
  }
}

/** A key serves only after a round trip through it (contracts C.7: every node must be able to decrypt first). */
function proven(kek: Kek): Kek {
  const seed = randomBytes(32)
  if (openEnvelope(kek, sealEnvelope(kek, seed))?.equals(seed)) return kek
  throw new PortcullisError('KEK_UNUSABLE', `the key ${kek.id} failed its round trip`)
}

/** The flight goes on after the deadline: the next caller finds its key in memory. */
function within(ms: number, clock: Clock, flight: Promise<Kek | NoKek>): Promise<Kek | NoKek> {
  return new Promise((resolve) => {
    const cancel = clock.after(ms, () => resolve('unavailable'))
    flight.then((answer) => {
      cancel()
      resolve(answer)
    })
  })
}
