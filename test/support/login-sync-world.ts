import type { Test } from 'tap'
import type { KeystoneProject } from '../../src/keystone/inventory.ts'
import type { KubernetesClient } from '../../src/kubernetes/client.ts'
import { namespaceFormat } from '../../src/project-namespace.ts'
import { createLoginSync, type LogIn, type SyncSettings } from '../../src/sync/login-sync.ts'
import { readSyncRules } from '../../src/sync/sync-rules.ts'
import { createManualClock, type ManualClock } from './manual-clock.ts'
import { createMemoryCluster } from './memory-cluster.ts'
import { recordLog } from './recorded-log.ts'
import { settled } from './settled.ts'
import type { USERS } from './two-domains.ts'

type User = (typeof USERS)[keyof typeof USERS]

export const BOTH = { 'data-types-to-sync': ['projects', 'role_assignments'] }

/** Synchronisation at logins over a cluster in memory, which can be made to hang. */
export async function loginSyncWorld(
  t: Pick<Test, 'teardown'>,
  options: { config?: object; format?: string; waitMs?: number } = {},
) {
  const cluster = createMemoryCluster()
  const manual = createManualClock()
  const timers = new Set<object>()
  const clock: ManualClock = {
    ...manual,
    after(ms, run) {
      const timer = {}
      timers.add(timer)
      const cancel = manual.after(ms, () => {
        timers.delete(timer)
        run()
      })
      return () => {
        timers.delete(timer)
        cancel()
      }
    },
  }
  const { log, lines } = recordLog()
  const metrics = { jobs: [] as string[], changes: [] as string[], waits: [] as string[] }
  const settingsOf = (config: object, format = '%i'): SyncSettings => ({
    rules: readSyncRules(config),
    namespaceOf: namespaceFormat(format),
  })
  let settings = settingsOf(options.config ?? BOTH, options.format)
  let hanging: PromiseWithResolvers<void> | undefined
  const reach = async <T>(call: () => Promise<T>): Promise<T> => {
    await hanging?.promise
    return call()
  }
  const { client } = cluster
  const reached: KubernetesClient = {
    ...client,
    get: (...args) => reach(() => client.get(...args)),
    list: (...args) => reach(() => client.list(...args)),
  }
  const sync = createLoginSync({
    client: reached,
    settings: () => settings,
    waitMs: options.waitMs ?? 1000,
    clock,
    log,
    metrics: {
      job: (result) => void metrics.jobs.push(result),
      changed: (kind, action) => void metrics.changes.push(`${action} ${kind}`),
      waited: (result) => void metrics.waits.push(result),
      watch() {},
    },
  })
  t.teardown(sync.stop)
  await settled()

  const asked = () => cluster.calls.filter((call) => !call.startsWith('watch'))
  return {
    ...{ cluster, clock, lines, metrics, sync },
    /** How many are set and not due. */
    timers: () => timers.size,
    /** The calls since the last time; not those of the watch at the start. */
    calls() {
      const calls = asked()
      cluster.calls.length = 0
      return calls
    },
    logIn: (user: User, project: KeystoneProject, more: Partial<LogIn> = {}) =>
      sync.loggedIn({
        userId: user.id,
        username: `${user.domain.name}:${user.name}`,
        userDomainId: user.domain.id,
        project,
        roles: ['member'],
        complete: true,
        ...more,
      }),
    use(config: object, format?: string) {
      settings = settingsOf(config, format)
    },
    hang() {
      hanging = Promise.withResolvers()
    },
    recover() {
      hanging?.resolve()
      hanging = undefined
    },
  }
}
