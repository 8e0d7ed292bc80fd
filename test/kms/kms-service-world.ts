import type { Kek } from '../../src/kms/kek.ts'
import type { Standing } from '../../src/kms/key-check.ts'
import type { NoKek } from '../../src/kms/keyring.ts'
import { createKmsService } from '../../src/kms/kms-service.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { counting, kekOf } from './fixtures.ts'
import { recordedLog, uuid } from './memory-store.ts'

export const SEED = counting(0x80, 32)
export const UID = '5c1b7c04-7c5f-4a3c-9a36-3f3a4a4d1f00'
export const FORMAT = 'format.kms.portcullis.internal'
export const ENVELOPE = { [FORMAT]: Buffer.from('1') }
export const [OLD, YOUNG] = [kekOf(counting(1, 32), uuid(1)), kekOf(counting(2, 16), uuid(2))]

/** A service with two keys in memory, the younger one current; every find takes 7 ms. */
export function serving(current: string | undefined = YOUNG.id) {
  const clock = createManualClock()
  const { log, lines } = recordedLog()
  const calls: unknown[][] = []
  let legacy = 0
  const state: { standing: Standing; current: string | undefined; missing: NoKek } = {
    standing: 'ok',
    current,
    missing: 'unknown',
  }
  const keks = new Map<string, Kek>([OLD, YOUNG].map((kek) => [kek.id, kek]))
  const asked: string[] = []
  const service = createKmsService({
    keyring: {
      get: (id) => keks.get(id),
      async find(id) {
        asked.push(id)
        await clock.advance(7)
        return keks.get(id) ?? state.missing
      },
      size: 2,
    },
    schedule: {
      plan() {},
      current: () =>
        state.current === undefined ? undefined : { id: state.current, created: 0, activatesAt: 0 },
      next: () => undefined,
    },
    check: { standing: () => state.standing },
    clock,
    log,
    metrics: {
      called: (...parameters) => void calls.push(parameters),
      legacyDecrypt: () => void legacy++,
      legacyDecrypts: () => legacy,
    },
  })
  return { service, state, keks, asked, calls, lines, legacy: () => legacy }
}
