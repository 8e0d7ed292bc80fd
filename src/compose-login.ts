import type { Clock } from './clock.ts'
import { openCacheFolder } from './exec/cache-folder.ts'
import { createTokenCache, type TokenCache } from './exec/token-cache.ts'
import type { Attempt } from './exec/token-source.ts'
import { withDeadline } from './http/deadline.ts'
import type { TlsFiles } from './http/plain-client.ts'
import type { KeystoneCaller } from './keystone/caller.ts'

/** The tokens that are kept for this user on this machine. */
export function openTokenCache(parts: {
  /** See `cacheFolderPath`. */
  path: string
  clock: Clock
  complain: (sentence: string) => void
}): TokenCache {
  const { path, clock, complain } = parts
  const uid = process.geteuid?.() ?? -1
  return createTokenCache({ folder: openCacheFolder({ path, uid, pid: process.pid, complain }), clock })
}

export interface KeystoneForUser {
  readonly call: KeystoneCaller
  /** The v3 API below a URL that a user gave. */
  endpoint(url: string, signal: AbortSignal): Promise<string>
  close(): Promise<void>
}

/** Calls to Keystone on behalf of whoever runs the command. What they need is loaded here, not before. */
export async function openKeystoneForUser(options: {
  clock: Clock
  version: string
  tls: TlsFiles
}): Promise<KeystoneForUser> {
  const { clock } = options
  const { createPlainHttpClient } = await import('./http/plain-client.ts')
  const { createKeystoneCaller } = await import('./keystone/caller.ts')
  const { createKeystoneEndpoint } = await import('./keystone/endpoint.ts')
  const { createGate } = await import('./http/gate.ts')
  const http = createPlainHttpClient({ userAgent: `portcullis/${options.version}`, tls: options.tls })
  const gate = createGate({ running: 1, waiting: 16 })
  const call = createKeystoneCaller({ http, gate, clock, metrics: { called: () => {} } })
  return {
    call,
    endpoint: (url, signal) => createKeystoneEndpoint({ url, call })(signal),
    close: () => http.close(),
  }
}

/** Log-ins, each with a deadline for all that it costs at Keystone. */
export function createAttempt(options: { clock: Clock; version: string; deadlineMs: number }): Attempt {
  const { clock, version, deadlineMs } = options
  return async ({ url: given, tls, method, receipt }) => {
    const { logIn } = await import('./keystone/log-in.ts')
    const keystone = await openKeystoneForUser({ clock, version, tls })
    try {
      return await withDeadline(clock, deadlineMs, async (signal) => {
        const url = await keystone.endpoint(given, signal)
        const parts = { call: keystone.call, url, method, catalog: false, signal }
        return { url, outcome: await logIn({ ...parts, ...(receipt !== undefined && { receipt }) }) }
      })
    } finally {
      await keystone.close()
    }
  }
}
