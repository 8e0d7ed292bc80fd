import { PortcullisError } from '../errors.ts'

/** Lets a bounded number of calls run at once and a bounded number wait; the rest is refused at once. */
export interface Gate {
  /**
   * Runs `call` when it is its turn; HTTP_OVERLOADED when too many wait, HTTP_TIMEOUT when aborted while waiting.
   * `ahead`: before all that wait without it, for a call that finishes what an earlier one began.
   */
  run<T>(signal: AbortSignal, call: () => Promise<T>, order?: { readonly ahead: boolean }): Promise<T>
  readonly running: number
  readonly waiting: number
}

export function createGate(limits: { running: number; waiting: number }): Gate {
  const urgent = new Set<() => void>()
  const others = new Set<() => void>()
  let running = 0

  async function turn(signal: AbortSignal, queue: Set<() => void>): Promise<void> {
    // no `abort` event comes any more: such a call would wait for its turn to no purpose
    if (signal.aborted) throw tooLate()
    if (running < limits.running) {
      running += 1
      return
    }
    if (urgent.size + others.size >= limits.waiting)
      throw new PortcullisError('HTTP_OVERLOADED', `${limits.waiting} calls are waiting already`)
    await new Promise<void>((resolve, reject) => {
      const start = () => {
        queue.delete(start)
        signal.removeEventListener('abort', giveUp)
        resolve()
      }
      const giveUp = () => {
        queue.delete(start)
        reject(tooLate())
      }
      queue.add(start)
      signal.addEventListener('abort', giveUp)
    })
  }

  /** The place goes straight to the first one that waits, so `running` stays as it is. */
  function leave(): void {
    const [next] = urgent.size > 0 ? urgent : others
    if (next === undefined) running -= 1
    else next()
  }

  return {
    async run(signal, call, order) {
      await turn(signal, order?.ahead ? urgent : others)
      try {
        return await call()
      } finally {
        leave()
      }
    },
    get running() {
      return running
    },
    get waiting() {
      return urgent.size + others.size
    },
  }
}

const tooLate = () =>
  new PortcullisError('HTTP_TIMEOUT', 'the deadline passed before it was this call’s turn')
