import type { Clock } from '../clock.ts'
import { errorText, PortcullisError } from '../errors.ts'
import type { KubernetesClient, Selection } from './client.ts'
import { readEvents } from './event-lines.ts'
import type { KubernetesObject, Resource } from './object.ts'

/** Is told of objects as they are and as they change. Nothing of it may throw. */
export interface WatchListener {
  /** All objects there are: at the beginning, and whenever changes may have been missed. */
  listed(objects: readonly KubernetesObject[]): void
  /** One that is new or another. */
  put(object: KubernetesObject): void
  gone(object: KubernetesObject): void
  /** The connection was lost or never made (once for each time), or is there (again): undefined. */
  fault(text: string | undefined): void
}

/**
 * A watch is ended and taken up again after about this time: it is cheap, and a connection that died without a word is
 * noticed by it.
 */
const WATCH_SECONDS = 60
const GRACE_MS = 15_000
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5000

/** Lists and then watches until it is stopped, whatever happens to the API server meanwhile. */
export function watchObjects(parts: {
  client: KubernetesClient
  resource: Resource
  selection: Selection
  listener: WatchListener
  clock: Clock
}): () => void {
  const { client, resource, selection, listener, clock } = parts
  let current = new AbortController()
  let stopped = false
  let version: string | undefined
  let pause = FIRST_PAUSE_MS
  let faulty = false

  async function list(): Promise<void> {
    const found = await client.list(resource, selection)
    if (typeof found === 'string') throw refused('list', found)
    version = found.resourceVersion
    if (!stopped) listener.listed(found.items)
  }

  /** One watch. Its signal is made by hand: `AbortSignal.any` keeps what it made as long as its longest-lived part. */
  async function watch(resourceVersion: string): Promise<void> {
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + Math.random() / 2))
    current = new AbortController()
    const { signal } = current
    const cancel = clock.after(timeoutSeconds * 1000 + GRACE_MS, () => current.abort())
    try {
      const body = await client.openWatch(resource, selection, { resourceVersion, timeoutSeconds, signal })
      if (body === 'expired') return forget()
      if (typeof body === 'string') throw refused('watch', body)
      well()
      for await (const event of readEvents(body)) {
        if (stopped) return
        if (event.kind === 'ended') {
          forget()
          if (event.refusal === 'expired') return
          throw new PortcullisError('KUBERNETES_SERVER_ERROR', `the watch of ${resource.plural} broke off`)
        }
        version = event.object.metadata.resourceVersion
        if (event.kind === 'put') listener.put(event.object)
        if (event.kind === 'gone') listener.gone(event.object)
      }
    } finally {
      cancel()
    }
  }

  function forget(): void {
    version = undefined
  }

  function refused(verb: string, refusal: string): PortcullisError {
    return new PortcullisError(
      'KUBERNETES_REFUSED_US',
      `the Kubernetes API refuses to ${verb} ${resource.plural} (${refusal}): check the RBAC of Portcullis`,
    )
  }

  function well(): void {
    pause = FIRST_PAUSE_MS
    if (faulty) listener.fault(undefined)
    faulty = false
  }

  /** Twice as long each time, somewhat at random: replicas that lost it together do not come back together. */
  async function rest(): Promise<void> {
    const ms = pause * (0.5 + Math.random())
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
    await new Promise<void>((resolve) => clock.after(ms, resolve))
  }

  async function run(): Promise<void> {
    while (!stopped) {
      try {
        const start = clock.monotonic()
        if (version === undefined) await list()
        if (version !== undefined && !stopped) await watch(version)
        // a server that ends every watch at once is not asked without pause
        if (clock.monotonic() - start < FIRST_PAUSE_MS) await rest()
      } catch (error) {
        if (stopped) return
        if (!faulty) listener.fault(errorText(error))
        faulty = true
        await rest()
      }
    }
  }

  void run()
  return () => {
    stopped = true
    current.abort()
  }
}
