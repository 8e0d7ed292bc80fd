import type { Clock } from '../clock.ts'

/** A KEK of the key set and the time from which it is the one to encrypt with. */
export interface ScheduledKey {
  readonly id: string
  readonly created: number
  readonly activatesAt: number
  readonly expires?: number
}

/**
 * Which KEK is current. Status and Encrypt ask at the moment of the call, so both flip together, and on every node
 * at the same time. It never goes back to an older key (contracts C.7: no flip-flop, no reuse).
 */
export interface KeySchedule {
  /** Replaces the plan: keys that this node has loaded and proved. */
  plan(keys: readonly ScheduledKey[]): void
  /** The newest key whose time has come; the oldest of all when none has (a first key has nobody to wait for). */
  current(): ScheduledKey | undefined
  /** The key that is planned to follow. */
  next(): ScheduledKey | undefined
}

export function createKeySchedule(clock: Clock): KeySchedule {
  let keys: readonly ScheduledKey[] = []
  let reached: ScheduledKey | undefined
  const newer = (key: ScheduledKey) => reached === undefined || byAge(key, reached) > 0
  const current = () => {
    const now = clock.now()
    const due = keys.findLast((key) => key.activatesAt <= now) ?? keys[0]
    if (due !== undefined && (newer(due) || due.id === reached?.id)) reached = due
    return reached
  }
  return {
    plan(planned) {
      keys = planned.toSorted(byAge)
    },
    current,
    next() {
      current()
      return keys.filter(newer).toSorted((a, b) => a.activatesAt - b.activatesAt)[0]
    },
  }
}

/** Oldest first; the id decides between secrets of the same microsecond, alike on every node. */
export function byAge(a: { created: number; id: string }, b: { created: number; id: string }): number {
  if (a.created !== b.created) return a.created < b.created ? -1 : 1
  return a.id < b.id ? -1 : Number(a.id > b.id)
}
