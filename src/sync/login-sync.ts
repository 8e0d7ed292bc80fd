import { createTtlCache } from '../cache/ttl-cache.ts'
import type { Clock } from '../clock.ts'
import { PortcullisError } from '../errors.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { NAMESPACES } from '../kubernetes/object.ts'
import { watchObjects } from '../kubernetes/watch.ts'
import type { Log } from '../log.ts'
import type { NamespaceFormat } from '../project-namespace.ts'
import { ensureBindings, type UserRoles } from './login-bindings.ts'
import { ensureNamespace } from './login-namespace.ts'
import type { LoginSyncMetrics } from './login-sync-metrics.ts'
import { createSyncQueue } from './sync-queue.ts'
import type { SyncProject, SyncRules } from './sync-rules.ts'

/** Somebody whose token Keystone has just vouched for. */
export interface LogIn extends UserRoles {
  readonly project: SyncProject
  readonly userDomainId: string
}

export interface LoginSync {
  /**
   * Makes what the log-in needs. Gives what to wait for so that the first command finds it: never longer than `waitMs`,
   * never a rejection; undefined when there is nothing to wait for.
   */
  loggedIn(logIn: LogIn): Promise<void> | undefined
  /** What is wrong, for /readyz?verbose. */
  fault(): string | undefined
  stop(): void
}

/** The rules of the moment: another object when they change. */
export interface SyncSettings {
  readonly rules: SyncRules
  readonly namespaceOf: NamespaceFormat
}

/** Namespaces and users in namespaces that are remembered as done. */
const KNOWN = 50_000
/** After so long it is looked whether it is still so: others may have deleted what no watch tells of. */
const KNOWN_MS = 300_000

/** Namespaces and role bindings of k8s-keystone-auth, made when somebody logs in. */
export function createLoginSync(parts: {
  client: KubernetesClient
  settings: () => SyncSettings
  waitMs: number
  clock: Clock
  log: Log
  metrics: LoginSyncMetrics
}): LoginSync {
  const { client, settings, waitMs, clock, log, metrics } = parts
  const queue = createSyncQueue({ clock, log, metrics })
  const namespaces = createTtlCache<object>({ max: KNOWN, clock })
  const bindings = createTtlCache<{ readonly roles: string }>({ max: KNOWN, clock })
  const making = new Map<string, Promise<boolean>>()
  let current = settings()
  /** The API server did not answer last time: nobody waits for it until it does. */
  let away = false

  const stopWatching = watchObjects({
    client,
    resource: NAMESPACES,
    selection: {},
    listener: {
      listed: () => namespaces.clear(),
      put({ metadata }) {
        if (metadata.deletionTimestamp !== undefined) namespaces.delete(metadata.name)
      },
      gone: ({ metadata }) => namespaces.delete(metadata.name),
      // without it the memory’s own end has to do
      fault: () => undefined,
    },
    clock,
  })

  /** One flight for each namespace: those of a project often come together. */
  function namespace(name: string, project: SyncProject): Promise<boolean> {
    const running = making.get(name)
    if (running !== undefined) return running
    const flight = make(name, project).finally(() => making.delete(name))
    making.set(name, flight)
    return flight
  }

  async function make(name: string, project: SyncProject): Promise<boolean> {
    if ((await ensureNamespace(client, name, project, metrics)) === 'there') return true
    log.warn({ namespace: name, project: project.id }, 'The namespace belongs to another project')
    return false
  }

  async function perform(name: string, logIn: LogIn, used: SyncSettings): Promise<void> {
    const { dataTypes, roles } = used.rules
    const remember = (note: () => void) => {
      if (used === settings()) note()
    }
    if (dataTypes.includes('projects') && namespaces.get(name) === undefined) {
      if (!(await namespace(name, logIn.project))) return
      remember(() => namespaces.set(name, {}, KNOWN_MS))
    }
    if (!dataTypes.includes('role_assignments')) return
    try {
      const foreign = await ensureBindings(client, name, logIn, roles, metrics)
      for (const binding of foreign)
        log.warn({ namespace: name, binding }, 'A role binding is not ours and says something else')
      remember(() => bindings.set(keyOf(name, logIn), { roles: rolesOf(logIn) }, KNOWN_MS))
    } catch (error) {
      // the namespace may be the reason: it is looked at again
      namespaces.delete(name)
      throw error
    }
  }

  async function attempt(name: string, logIn: LogIn, used: SyncSettings): Promise<void> {
    try {
      await perform(name, logIn, used)
      away = false
    } catch (error) {
      away = !(error instanceof PortcullisError && error.code === 'KUBERNETES_REFUSED_US')
      throw error
    }
  }

  async function wait(tried: Promise<void>): Promise<void> {
    let cancel = () => {}
    const late = new Promise<'timeout'>((resolve) => {
      cancel = clock.after(waitMs, () => resolve('timeout'))
    })
    const result = await Promise.race([tried.then(() => 'done' as const), late])
    cancel()
    if (result === 'timeout') away = true
    metrics.waited(result)
  }

  return {
    loggedIn(logIn) {
      const used = settings()
      if (used !== current) {
        current = used
        namespaces.clear()
        bindings.clear()
      }
      const { rules } = used
      if (rules.dataTypes.length === 0 || !rules.takes(logIn.project)) return undefined
      const name = used.namespaceOf({ ...logIn.project, userDomainId: logIn.userDomainId })
      if (name === undefined) {
        log.warn({ project: logIn.project.id }, 'The project can have no namespace')
        return undefined
      }
      const known =
        (!rules.dataTypes.includes('projects') || namespaces.get(name.name) !== undefined) &&
        (!rules.dataTypes.includes('role_assignments') ||
          bindings.get(keyOf(name.name, logIn))?.roles === rolesOf(logIn))
      if (known) return undefined
      if (name.fellBack)
        log.warn(
          { project: logIn.project.id },
          'The namespace is named by the project’s id: the format is too long',
        )
      const tried = queue.add(keyOf(name.name, logIn), () => attempt(name.name, logIn, used))
      return tried === undefined || away || waitMs === 0 ? undefined : wait(tried)
    },
    fault: queue.fault,
    stop() {
      stopWatching()
      queue.stop()
    },
  }
}

const keyOf = (namespace: string, { userId }: LogIn) => `${namespace}/${userId}`

/** Equal when the same bindings follow from it. */
const rolesOf = ({ username, roles, complete }: LogIn) => JSON.stringify([username, roles, complete])
