import type { KeySet } from '../../src/kms/kek-store.ts'
import { createKeyring, type Keyring } from '../../src/kms/keyring.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { createMemoryStore, recordedLog } from './memory-store.ts'

const NAMED: KeySet = { ids: [], name: 'kek' }

/** A keyring on a store in memory, its log, and how many of its timers are open. */
export function ringed(keySet: KeySet = NAMED) {
  const clock = createManualClock()
  const memory = createMemoryStore()
  const { log, lines } = recordedLog()
  const timers = { open: 0 }
  const counted = {
    ...clock,
    after(ms: number, run: () => void) {
      timers.open += 1
      const cancel = clock.after(ms, run)
      return () => {
        timers.open -= 1
        cancel()
      }
    },
  }
  const keyring = createKeyring({ store: memory.store, keySet, clock: counted, log })
  return { clock, ...memory, keyring, lines, timers }
}

/** What a find ends with: the id of the KEK, or why there is none. */
export async function found(keyring: Keyring, id: string): Promise<string> {
  const kek = await keyring.find(id)
  return typeof kek === 'string' ? kek : `the KEK ${kek.id}`
}
