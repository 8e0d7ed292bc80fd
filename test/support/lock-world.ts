import { readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { holdLock } from '../../src/exec/cache-lock.ts'
import { createManualClock, type ManualClock } from './manual-clock.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** Always alive, and not this process. */
export const OTHER = '1 5'

export function lockWorld(t: Pick<Test, 'teardown'>) {
  const clock = createManualClock()
  const path = join(temporaryFolder(t), 'lock')
  /** A lock of another process, made `ageMs` ago. */
  const lockedBy = (holder: string, ageMs = 0) => {
    writeFileSync(path, holder)
    const time = (clock.now() - ageMs) / 1000
    utimesSync(path, time, time)
  }
  const hold = (patienceMs: number) => watched(holdLock({ path, patienceMs, clock }))
  return { clock, path, lockedBy, hold, content: () => readFileSync(path, 'utf8') }
}

/** What a promise has come to so far. */
export function watched(promise: ReturnType<typeof holdLock>) {
  const seen: { state: 'waiting' | 'held' | 'given up'; release?: () => void } = { state: 'waiting' }
  void promise.then((release) => {
    seen.state = release === undefined ? 'given up' : 'held'
    if (release !== undefined) seen.release = release
  })
  return seen
}

export const settle = (clock: ManualClock) => clock.advance(0).then(() => new Promise(setImmediate))
