/** Time as the rest of the house sees it: tests pass their own. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds that only ever go forward, for durations and lifetimes of cache entries. */
  monotonic(): number
  /** Runs once after `ms` milliseconds; the returned function cancels. Never keeps the process alive. */
  after(ms: number, run: () => void): () => void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    timer.unref()
    return () => clearTimeout(timer)
  },
}

/** Runs again and again, `ms` milliseconds between one end and the next start; the returned function cancels. */
export function every(clock: Clock, ms: number, run: () => void | Promise<void>): () => void {
  let cancelled = false
  let cancel = () => {}
  const next = () => {
    cancel = clock.after(ms, async () => {
      await run()
      if (!cancelled) next()
    })
  }
  next()
  return () => {
    cancelled = true
    cancel()
  }
}

/** Resolves after `ms` milliseconds, or as soon as `signal` aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(ms, end)
    signal.addEventListener('abort', end)
  })
}

/** Keeps the process alive until the returned function is called: our timers alone do not. */
export function stayAlive(): () => void {
  const timer = setInterval(() => {}, 2 ** 30)
  return () => clearInterval(timer)
}
