import type { Clock } from '../clock.ts'
import { errorText } from '../errors.ts'
import { createHttpClient, type StreamingHttpClient } from '../http/client.ts'
import type { Log } from '../log.ts'
import type { ClusterAccess, ReadClusterAccess } from './cluster-access.ts'

/** HTTP to one Kubernetes API under credentials that may be replaced at any time. */
export interface Connection {
  /** What to send with; read anew once a minute, or now if `fresh`. */
  current(fresh?: boolean): { readonly http: StreamingHttpClient; readonly access: ClusterAccess }
  close(): Promise<void>
}

const REREAD_MS = 60_000
/** Longer than any request or watch that is still under way. */
const OLD_CLIENT_MS = 120_000
/** A page of 500 objects of a few KiB each, with room; an object alone has at most 1.5 MiB in etcd. */
const MAX_BYTES = 32 * 1024 * 1024

/** Throws KUBECONFIG_INVALID or FILE_UNREADABLE if there are no credentials to begin with. */
export function openConnection(parts: {
  read: ReadClusterAccess
  userAgent: string
  connections: number
  clock: Clock
  log: Log
}): Connection {
  const { read, clock, log } = parts
  let access = read()
  let http = client(access)
  let readAt = clock.monotonic()
  let faulty = false

  function client({ ca, cert, key, serverName }: ClusterAccess): StreamingHttpClient {
    const { userAgent, connections } = parts
    return createHttpClient({ ca, cert, key, serverName, userAgent, connections, maxBytes: MAX_BYTES })
  }

  function reread(): void {
    readAt = clock.monotonic()
    let next: ClusterAccess
    try {
      next = read()
      faulty = false
    } catch (error) {
      if (!faulty) log.error({ err: errorText(error) }, 'Kept the old credentials for the Kubernetes API')
      faulty = true
      return
    }
    const same = (['ca', 'cert', 'key', 'serverName'] as const).every((name) => next[name] === access[name])
    access = next
    if (same) return
    const old = http
    http = client(access)
    clock.after(OLD_CLIENT_MS, () => void old.close())
  }

  return {
    current(fresh = false) {
      if (fresh || clock.monotonic() - readAt >= REREAD_MS) reread()
      return { http, access }
    },
    close: () => http.close(),
  }
}
