import { createHmac, randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import { isRecord, isText } from '../json.ts'
import type { CacheFolder } from './cache-folder.ts'
import { holdLock } from './cache-lock.ts'

export interface KeptToken {
  readonly token: string
  /** Until when it is handed out, by the clock of this machine: a margin before it expires. Milliseconds since the epoch. */
  readonly until: number
  /** When it was got, by the same clock. */
  readonly since: number
  /** The v3 API that gave it. */
  readonly keystoneUrl: string
}

/**
 * Tokens on disk, for the processes of one user. An identity is a text that says all that a token depends on,
 * secrets included; it is known to the disk as an HMAC under a key of this folder only. Nothing here throws: a folder that cannot be used
 * or trusted keeps nothing, and says so once.
 */
export interface TokenCache {
  /** A token that is good for a while yet. */
  get(identity: string): KeptToken | undefined
  put(identity: string, kept: KeptToken): void
  forget(identity: string): void
  /** When Keystone refused this identity, if that was a moment ago. */
  refusedAt(identity: string): number | undefined
  refuse(identity: string): void
  /** Runs `work` while no other process works on this identity, or when `patienceMs` have passed. */
  alone<T>(identity: string, patienceMs: number, work: () => Promise<T>): Promise<T>
}

/** kubectl runs a plugin that failed up to five times in a row: that must not be five wrong passwords. */
const REFUSAL_LASTS_MS = 30_000
const KEY_FILE = 'key'
const KEY_BYTES = 32

export function createTokenCache(parts: { folder: CacheFolder; clock: Clock }): TokenCache {
  const { folder, clock } = parts
  let key: Buffer | undefined

  function nameOf(identity: string, make = false): string | undefined {
    key ??= readKey(folder, make)
    return key && createHmac('sha256', key).update(identity).digest('hex')
  }

  function get(identity: string): KeptToken | undefined {
    const name = nameOf(identity)
    const text = name && folder.read(`${name}.token`)
    const kept = text ? parse(text.toString('utf8')) : undefined
    return kept !== undefined && kept.until > clock.now() && kept.since <= clock.now() ? kept : undefined
  }

  return {
    get,
    put(identity, kept) {
      const name = nameOf(identity, true)
      folder.sweep(clock.now())
      if (name !== undefined) folder.write(`${name}.token`, JSON.stringify(kept), kept.until)
    },
    forget(identity) {
      const name = nameOf(identity)
      if (name !== undefined) folder.remove(`${name}.token`)
    },
    refusedAt(identity) {
      const name = nameOf(identity)
      const until = name && folder.validUntil(`${name}.refused`)
      return until && until > clock.now() ? until - REFUSAL_LASTS_MS : undefined
    },
    refuse(identity) {
      const name = nameOf(identity, true)
      if (name !== undefined) folder.write(`${name}.refused`, '', clock.now() + REFUSAL_LASTS_MS)
    },
    async alone(identity, patienceMs, work) {
      const name = nameOf(identity, true)
      const path = name && folder.pathOf(`${name}.lock`)
      const release = path && (await holdLock({ path, patienceMs, clock }))
      try {
        return await work()
      } finally {
        if (release) release()
      }
    },
  }
}

/** Made by the first process; the others take what it made. */
function readKey(folder: CacheFolder, make: boolean): Buffer | undefined {
  const known = folder.read(KEY_FILE)
  if (known?.length === KEY_BYTES) return known
  if (!make) return undefined
  if (known !== undefined) folder.remove(KEY_FILE)
  folder.create(KEY_FILE, randomBytes(KEY_BYTES))
  const made = folder.read(KEY_FILE)
  return made?.length === KEY_BYTES ? made : undefined
}

function parse(text: string): KeptToken | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (!isRecord(value)) return undefined
    const { token, until, since, keystoneUrl } = value
    if (!isText(token) || typeof until !== 'number' || typeof since !== 'number' || !isText(keystoneUrl))
      return undefined
    return { token, until, since, keystoneUrl }
  } catch {
    return undefined
  }
}
