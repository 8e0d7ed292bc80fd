import { PortcullisError } from '../../src/errors.ts'
import type { KeySet } from '../../src/kms/kek-store.ts'
import { createKeyCheck } from '../../src/kms/key-check.ts'
import { createKeySchedule } from '../../src/kms/key-schedule.ts'
import { createKeyring } from '../../src/kms/keyring.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { createMemoryStore, recordedLog } from './memory-store.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE

export const down = new PortcullisError('BARBICAN_SERVER_ERROR', 'Barbican answered 503')

/** A key check with its keyring and schedule, on a store in memory; secrets are created now unless they say when. */
export function checked(
  keySet: KeySet = { ids: [], name: 'kek' },
  { refreshMs = MINUTE, offlineGraceMs = 4 * HOUR } = {},
) {
  const clock = createManualClock()
  const memory = createMemoryStore()
  const { log, lines } = recordedLog()
  const parts = { store: memory.store, keySet, clock, log }
  const keyring = createKeyring(parts)
  const schedule = createKeySchedule(clock)
  const check = createKeyCheck({ ...parts, keyring, schedule, refreshMs, offlineGraceMs })
  const put: typeof memory.put = (number, secret) => memory.put(number, { created: clock.now(), ...secret })
  return {
    clock,
    ...memory,
    put,
    keyring,
    schedule,
    check,
    lines,
    current: () => schedule.current()?.id,
    next: () => schedule.next()?.id,
    /** The lines that are no news of a loaded key. */
    complaints: () => lines.filter(({ level }) => level !== 'info'),
  }
}
