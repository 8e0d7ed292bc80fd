import type { Clock } from '../clock.ts'
import { errorText } from '../errors.ts'
import type { Log } from '../log.ts'
import type { LoginSyncMetrics } from './login-sync-metrics.ts'

/** Jobs by key, a few at a time, each tried again with growing pauses until it goes well or is given up. */
export interface SyncQueue {
  /**
   * Takes a job in, in place of one of the same key that has not begun. Resolves (never rejects) after its first try;
   * undefined if that is over already, or if the queue is full and the job is dropped.
   */
  add(key: string, run: () => Promise<void>): Promise<void> | undefined
  /** What is wrong with the last try, undefined when it went well. */
  fault(): string | undefined
  stop(): void
}

interface Job {
  readonly key: string
  run: () => Promise<void>
  tries: number
  readonly tried: PromiseWithResolvers<void>
}

const RUNNING = 4
const PLACES = 4096
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 60_000
/** Four minutes and more: by then the next log-in comes, since tokens are checked anew. */
const MAX_TRIES = 12
/** However many jobs fail, the log has one line for so long. */
const QUIET_MS = 30_000

export function createSyncQueue(parts: { clock: Clock; log: Log; metrics: LoginSyncMetrics }): SyncQueue {
  const { clock, log, metrics } = parts
  const jobs = new Map<string, Job>()
  const ready = new Set<Job>()
  let running = 0
  let fault: string | undefined
  let quietUntil = 0
  let stopped = false
  metrics.watch(() => jobs.size)

  function pump(): void {
    for (const job of ready) {
      if (running >= RUNNING || stopped) return
      ready.delete(job)
      void attempt(job)
    }
  }

  async function attempt(job: Job): Promise<void> {
    running += 1
    const { run } = job
    try {
      await run()
      fault = undefined
      metrics.job('done')
      if (job.run === run) jobs.delete(job.key)
      else ready.add(job)
    } catch (error) {
      fault = errorText(error)
      if (!stopped) again(job, fault)
    }
    running -= 1
    job.tried.resolve()
    pump()
  }

  function again(job: Job, err: string): void {
    if (clock.monotonic() >= quietUntil) {
      log.error({ job: job.key, err }, 'A namespace or role binding cannot be made, trying again')
      quietUntil = clock.monotonic() + QUIET_MS
    }
    job.tries += 1
    if (job.tries >= MAX_TRIES) {
      jobs.delete(job.key)
      metrics.job('given_up')
      return
    }
    metrics.job('failed')
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** (job.tries - 1), LONGEST_PAUSE_MS)
    clock.after(pause * (0.5 + Math.random() / 2), () => {
      ready.add(job)
      pump()
    })
  }

  return {
    add(key, run) {
      const known = jobs.get(key)
      if (known !== undefined) {
        known.run = run
        return known.tries === 0 ? known.tried.promise : undefined
      }
      if (jobs.size >= PLACES) {
        metrics.job('dropped')
        return undefined
      }
      const job = { key, run, tries: 0, tried: Promise.withResolvers<void>() }
      jobs.set(key, job)
      ready.add(job)
      pump()
      return job.tried.promise
    },
    fault: () => fault,
    stop() {
      stopped = true
      ready.clear()
    },
  }
}
