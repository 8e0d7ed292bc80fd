import type { Clock } from '../clock.ts'
import { PortcullisError } from '../errors.ts'
import { isRecord, isText } from '../json.ts'
import type { KeystoneCaller } from './caller.ts'
import type { OpenStackCredentials } from './credentials.ts'
import type { KeystoneEndpoint } from './endpoint.ts'
import { logIn } from './log-in.ts'

/** A log-in of our own at Keystone that is kept fresh. */
export interface Session {
  /** A token that is good for a while yet; logs in when there is none. One log-in at a time. */
  token(signal: AbortSignal): Promise<string>
  /** Another token than the one that was just answered with 401; logs in unless somebody did already. */
  renewed(refused: string, signal: AbortSignal): Promise<string>
  /** The URL of a service by its catalogue type, such as `key-manager`, without a slash at its end. */
  serviceUrl(type: string, signal: AbortSignal): Promise<string>
}

interface Login {
  readonly token: string
  readonly expiresAt: number
  /** When to replace it (milliseconds since the epoch): after four fifths of its life. */
  readonly renewAt: number
  readonly catalog: readonly unknown[]
}

const LOGIN_DEADLINE_MS = 10_000

export function createSession(parts: {
  call: KeystoneCaller
  endpoint: KeystoneEndpoint
  /** Read anew at each log-in, so that a rotated secret is taken up. */
  credentials: () => OpenStackCredentials
  clock: Clock
}): Session {
  const { call, endpoint, credentials, clock } = parts
  let current: Login | undefined
  let flight: Promise<Login> | undefined

  async function login(): Promise<Login> {
    const signal = AbortSignal.timeout(LOGIN_DEADLINE_MS)
    const outcome = await logIn({
      call,
      url: await endpoint(signal),
      method: credentials().method,
      catalog: true,
      signal,
    })
    if ('status' in outcome)
      throw new PortcullisError(
        'KEYSTONE_REFUSED_US',
        `Keystone refused our log-in (${outcome.status}): check the credentials`,
      )
    const now = clock.now()
    const { token, catalog, says } = outcome
    return {
      token,
      expiresAt: says.expiresAt,
      renewAt: now + (says.expiresAt - now) * 0.8,
      catalog,
    }
  }

  function fresh(): Promise<Login> {
    flight ??= login()
      .then((result) => {
        current = result
        return result
      })
      .finally(() => {
        flight = undefined
      })
    return flight
  }

  async function live(): Promise<Login> {
    const now = clock.now()
    if (current === undefined || now >= current.expiresAt) return fresh()
    if (now >= current.renewAt) fresh().catch(() => {}) // the old one is good yet; the next call tries again
    return current
  }

  return {
    token: async (signal) => (await bounded(live, signal)).token,
    async renewed(refused, signal) {
      if (current?.token === refused) current = undefined
      return (await bounded(live, signal)).token
    },
    async serviceUrl(type, signal) {
      const { catalog } = await bounded(live, signal)
      const { region, interface: wanted } = credentials()
      const url = catalog
        .filter(isRecord)
        .filter((service) => service.type === type && Array.isArray(service.endpoints))
        .flatMap((service) => service.endpoints as unknown[])
        .filter(isRecord)
        .find(
          (e) =>
            e.interface === wanted && (region === undefined || e.region === region || e.region_id === region),
        )?.url
      if (isText(url)) return url.replace(/\/+$/, '')
      throw new PortcullisError(
        'KEYSTONE_REFUSED_US',
        `Keystone’s catalogue has no ${wanted} endpoint of type ${type}${region ? ` in region ${region}` : ''}`,
      )
    },
  }
}

/**
 * The log-in itself is shared and has a deadline of its own; each caller waits only as long as it can. A caller whose
 * time is over begins nothing: a log-in that nobody waits for would end the process when it fails.
 */
function bounded<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(late())
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(late())
    signal.addEventListener('abort', giveUp, { once: true })
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', giveUp))
  })
}

const late = () => new PortcullisError('HTTP_TIMEOUT', 'the log-in at Keystone took too long')
