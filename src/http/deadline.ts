import type { Clock } from '../clock.ts'

/**
 * Runs `work` with a signal that aborts after `ms` milliseconds, counted anew from each `renew`; the timer is gone
 * when `work` is done.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  work: (signal: AbortSignal, renew: () => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const start = () => clock.after(ms, () => controller.abort())
  let cancel = start()
  let over = false
  const renew = () => {
    cancel()
    if (!over) cancel = start()
  }
  try {
    return await work(controller.signal, renew)
  } finally {
    over = true
    cancel()
  }
}
