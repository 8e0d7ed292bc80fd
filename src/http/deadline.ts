import type { Clock } from '../clock.ts'

/** Runs `work` with a signal that aborts after `ms` milliseconds; the timer is gone when `work` is done. */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const cancel = clock.after(ms, () => controller.abort())
  try {
    return await work(controller.signal)
  } finally {
    cancel()
  }
}
