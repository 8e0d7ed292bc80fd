import type { Clock } from './clock.ts'

/** Long work in small steps: whoever runs it decides whether to let others in between. */
export type Steps<T> = Generator<void, T>

/** Does it all at once. */
export function runAtOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

const SLICE_MS = 3

/** Lets others in every few milliseconds: reviews are answered while ten thousand rules are being read. */
export async function runInSlices<T>(steps: Steps<T>, clock: Clock): Promise<T> {
  for (;;) {
    const end = clock.monotonic() + SLICE_MS
    do {
      const step = steps.next()
      if (step.done) return step.value
    } while (clock.monotonic() < end)
    await new Promise<void>((resolve) => void clock.after(0, resolve))
  }
}
