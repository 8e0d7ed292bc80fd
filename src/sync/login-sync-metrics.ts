import type { MetricsRegistry } from '../metrics/registry.ts'

const JOBS = ['done', 'failed', 'given_up', 'dropped'] as const
const KINDS = ['namespace', 'role_binding'] as const
const ACTIONS = ['create', 'update', 'delete'] as const

export interface LoginSyncMetrics {
  /** `failed` is a try that is repeated, `given_up` one that is not, `dropped` a job that found no place. */
  job(result: (typeof JOBS)[number]): void
  changed(kind: (typeof KINDS)[number], action: (typeof ACTIONS)[number]): void
  waited(result: 'done' | 'timeout'): void
  /** Tells where to read the length of the queue when somebody scrapes. */
  watch(queued: () => number): void
}

export function createLoginSyncMetrics(registry: MetricsRegistry): LoginSyncMetrics {
  const jobs = registry.counter('login_sync_jobs_total', 'Tries to synchronise what a log-in needs.', {
    result: JOBS,
  })
  const objects = registry.counter('login_sync_objects_total', 'Changes that log-ins caused.', {
    kind: KINDS,
    action: ACTIONS,
  })
  const waits = registry.counter('login_sync_waits_total', 'Log-ins that waited for their namespace.', {
    result: ['done', 'timeout'],
  })
  return {
    job: (result) => jobs.add({ result }),
    changed: (kind, action) => objects.add({ kind, action }),
    waited: (result) => waits.add({ result }),
    watch: (queued) => registry.gauge('login_sync_queue', 'Jobs that wait or run.', queued),
  }
}
