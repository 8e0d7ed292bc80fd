import type { Clock } from '../../src/clock.ts'

/** A clock that moves only when the test says so. Wall time and monotonic time differ by years, as they do in a process. */
export interface ManualClock extends Clock {
  /** Moves on by `ms`, running what falls due, in order. */
  advance(ms: number): Promise<void>
  /** Sets the wall clock forward (or back) by `ms`, as an administrator or NTP does; durations do not notice. */
  setWallBy(ms: number): void
  /** Timers that were set and neither ran nor were cancelled: what has a deadline takes it away at its end. */
  readonly pendingTimers: number
  /** Skips every pause of at most `ms` that somebody makes, until `settled`; longer timers, deadlines, keep their time. */
  skipPauses<T>(ms: number, settled: Promise<T>): Promise<T>
}

export function createManualClock(start = Date.parse('2026-06-01T00:00:00Z')): ManualClock {
  let now = 60_000
  let wallAhead = start - now
  let timers: { at: number; run: () => void }[] = []
  const clock: ManualClock = {
    now: () => now + wallAhead,
    monotonic: () => now,
    after(ms, run) {
      const timer = { at: now + ms, run }
      timers.push(timer)
      return () => {
        timers = timers.filter((other) => other !== timer)
      }
    },
    async advance(ms) {
      const end = now + ms
      for (;;) {
        const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
        if (due === undefined) break
        timers = timers.filter((other) => other !== due)
        now = due.at
        due.run()
        await new Promise<void>((resolve) => setImmediate(resolve))
      }
      now = end
    },
    get pendingTimers() {
      return timers.length
    },
    setWallBy(ms) {
      wallAhead += ms
    },
    skipPauses(ms, settled) {
      const skipping = setInterval(() => {
        if (timers.some(({ at }) => at <= now + ms)) void clock.advance(ms)
      }, 5)
      return settled.finally(() => clearInterval(skipping))
    },
  }
  return clock
}
