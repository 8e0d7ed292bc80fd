import type { Clock } from '../clock.ts'
import { errorText, PortcullisError } from '../errors.ts'
import type { Log } from '../log.ts'
import { isRefusal, type KekStore, type KeySet, NEVER, type SecretInfo } from './kek-store.ts'
import { byAge, type KeySchedule, type ScheduledKey } from './key-schedule.ts'
import type { Keyring } from './keyring.ts'

/**
 * A named secret without `activate_at` waits this long after its creation, so that every node has seen it
 * and `kms rotate` has time to write the metadata. Longer than any refresh interval that can be configured.
 */
export const ACTIVATION_DELAY_MS = 5 * 60_000

const FIRST_RETRY_MS = 500
/** More than a hundred rotations back is loaded when a ciphertext asks for it. */
const PRELOADED = 100
const PARALLEL_LOADS = 8

export type Standing = 'ok' | 'starting' | 'revoked' | 'expired' | 'stale'

export interface KeyCheck {
  /** Asks Barbican once: which keys there are, whether the current one still stands. Never throws. */
  run(): Promise<void>
  /** Checks now, then again and again; the returned function ends it. */
  start(): () => void
  /** What the last check means at this moment. Asks nobody: Status must be local (contracts C.4). */
  standing(): Standing
  /** How long ago Barbican last vouched for the current key, in milliseconds; undefined before the first time. */
  sinceVerified(): number | undefined
  /** All secrets of the key set that the last check saw. */
  secrets(): readonly SecretInfo[]
}

export function createKeyCheck(options: {
  store: KekStore
  keySet: KeySet
  keyring: Keyring
  schedule: KeySchedule
  clock: Clock
  log: Log
  refreshMs: number
  offlineGraceMs: number
}): KeyCheck {
  const { store, keySet, keyring, schedule, clock, log } = options
  let secrets: readonly SecretInfo[] = []
  let verifiedAt: number | undefined
  let revoked: string | undefined
  let failures = 0

  async function run(): Promise<void> {
    try {
      secrets = await seeSecrets()
      const missing = await load([...keySet.ids, ...secrets.slice(-PRELOADED).map(({ id }) => id)])
      schedule.plan((await candidates(missing)).filter(({ id }) => keyring.get(id) !== undefined))
      await verifyCurrent()
      failures = missing.size === 0 && standing() === 'ok' ? 0 : failures + 1
    } catch (error) {
      failures++
      const code = error instanceof PortcullisError ? error.code : undefined
      log.warn({ code, err: errorText(error), failures }, 'Could not check the keys')
    }
  }

  /** Explicit ids first, in the operator's order; then those of the name. */
  async function seeSecrets(): Promise<readonly SecretInfo[]> {
    const explicit = await Promise.all(keySet.ids.map((id) => store.describe(id)))
    const named = keySet.name === undefined ? [] : await store.list(keySet.name)
    const seen = [...explicit, ...(isRefusal(named) ? [] : named.toSorted(byAge))].filter(
      (info) => !isRefusal(info) && info.active,
    ) as SecretInfo[]
    return [...new Map(seen.map((info) => [info.id, info])).values()]
  }

  /** Gives the ids that could not be loaded for a reason that may pass. */
  async function load(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const queue = [...new Set(ids)]
    const missing = new Set<string>()
    const loadNext = async () => {
      for (let id = queue.shift(); id !== undefined; id = queue.shift())
        if ((await keyring.find(id)) === 'unavailable') missing.add(id)
    }
    await Promise.all(Array.from({ length: PARALLEL_LOADS }, loadNext))
    return missing
  }

  /** From the newest back to the first whose time has come: what is older can never become current. */
  async function candidates(missing: ReadonlySet<string>): Promise<readonly ScheduledKey[]> {
    const found: ScheduledKey[] = []
    const named = secrets.filter(({ name }) => name === keySet.name).toSorted(byAge)
    for (const { id, created, expires } of named.toReversed()) {
      const activatesAt = (await store.activateAt(id)) ?? created + ACTIVATION_DELAY_MS
      if (activatesAt === NEVER) continue
      found.push({ id, created, activatesAt, ...(expires !== undefined && { expires }) })
      if (activatesAt > clock.now()) continue
      if (keyring.get(id) !== undefined) return found
      if (missing.has(id)) throw new PortcullisError('KEK_UNAVAILABLE', `the key ${id} is due but not loaded`)
    }
    const [first] = keySet.ids
    if (first === undefined) return found
    const expires = secrets.find(({ id }) => id === first)?.expires
    return [
      ...found,
      { id: first, created: -Infinity, activatesAt: -Infinity, ...(expires !== undefined && { expires }) },
    ]
  }

  /** An application credential that may read nothing but the payload cannot describe: the payload counts then. */
  async function verifyCurrent(): Promise<void> {
    const current = schedule.current()
    if (current === undefined)
      return log.warn(
        { seen: secrets.length },
        'None of the secrets that Barbican shows us can be the current key',
      )
    const info = await store.describe(current.id)
    const stands = info === 'forbidden' ? await readable(current.id) : info !== 'gone' && info.active
    if (stands) verifiedAt = clock.monotonic()
    else
      log.error({ keyId: current.id }, 'Barbican has revoked the current key: Status fails, Decrypt goes on')
    revoked = stands ? undefined : current.id
  }

  async function readable(id: string): Promise<boolean> {
    const payload = await store.payload(id)
    if (isRefusal(payload)) return false
    payload.fill(0)
    return true
  }

  function standing(): Standing {
    const current = schedule.current()
    if (current === undefined || verifiedAt === undefined)
      return revoked === undefined ? 'starting' : 'revoked'
    if (revoked === current.id) return 'revoked'
    if (current.expires !== undefined && current.expires <= clock.now()) return 'expired'
    return clock.monotonic() - verifiedAt > options.offlineGraceMs ? 'stale' : 'ok'
  }

  function start(): () => void {
    let cancel = () => {}
    let ended = false
    const loop = async () => {
      await run()
      if (ended) return
      const pause = failures === 0 ? options.refreshMs : FIRST_RETRY_MS * 2 ** (failures - 1)
      cancel = clock.after(Math.min(pause, options.refreshMs), loop)
    }
    void loop()
    return () => {
      ended = true
      cancel()
    }
  }

  return {
    run,
    start,
    standing,
    sinceVerified: () => (verifiedAt === undefined ? undefined : clock.monotonic() - verifiedAt),
    secrets: () => secrets,
  }
}
