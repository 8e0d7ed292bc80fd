import type { Clock } from '../clock.ts'
import { PortcullisError } from '../errors.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/client.ts'
import type { Gate } from '../http/gate.ts'
import { isRecord } from '../json.ts'
import type { KeystoneMetrics, KeystoneOperation } from './metrics.ts'

export interface KeystoneCall {
  readonly operation: KeystoneOperation
  readonly method?: HttpRequest['method']
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
  readonly signal: AbortSignal
  /** Whether a connection failure or a 5xx may be tried once more: not for log-ins, they count as attempts. */
  readonly retry: boolean
  /**
   * Whether a call that was made already comes to nothing without this one: it does not wait behind calls that begin
   * something. Else, when more tokens come than Keystone can tell before the deadline, all of them are begun and none is finished.
   */
  readonly ahead?: boolean
  /** Told when it is this call's turn and Keystone begins to work for it. */
  readonly begun?: (() => void) | undefined
}

export interface KeystoneAnswer {
  readonly status: number
  readonly headers: HttpAnswer['headers']
  readonly body: unknown
}

/** Sends one call to Keystone; the answer is a 2xx (or the 300 of the version list) with JSON, or a 4xx that Keystone itself gave. */
export type KeystoneCaller = (call: KeystoneCall) => Promise<KeystoneAnswer>

const RETRY_PAUSE_MS = 50

export function createKeystoneCaller(parts: {
  http: HttpClient
  gate: Gate
  clock: Clock
  metrics: KeystoneMetrics
}): KeystoneCaller {
  const { http, gate, clock, metrics } = parts

  async function attempt(call: KeystoneCall): Promise<KeystoneAnswer> {
    const start = clock.monotonic()
    try {
      const answer = checked(
        await http.request({
          ...(call.method && { method: call.method }),
          url: call.url,
          headers: { ...call.headers, ...(call.body && { 'content-type': 'application/json' }) },
          ...(call.body && { body: JSON.stringify(call.body) }),
          signal: call.signal,
        }),
        call.url,
      )
      metrics.called(call.operation, answer.status < 400 ? 'ok' : 'refused', clock.monotonic() - start)
      return answer
    } catch (error) {
      metrics.called(call.operation, 'failed', clock.monotonic() - start)
      throw error
    }
  }

  async function attemptTwice(call: KeystoneCall): Promise<KeystoneAnswer> {
    try {
      return await attempt(call)
    } catch (error) {
      if (!call.retry || call.signal.aborted || !passing(error)) throw error
      await new Promise<void>((resolve) => clock.after(RETRY_PAUSE_MS, resolve))
      return await attempt(call)
    }
  }

  return (call) => {
    const begin = () => {
      call.begun?.()
      return attemptTwice(call)
    }
    return gate.run(call.signal, begin, { ahead: call.ahead ?? false })
  }
}

const passing = (error: unknown) =>
  error instanceof PortcullisError &&
  (error.code === 'HTTP_UNREACHABLE' || error.code === 'KEYSTONE_SERVER_ERROR')

/** Tells Keystone's own answers from those of proxies, other servers and broken ones. Never quotes a body. */
function checked(answer: HttpAnswer, url: string): KeystoneAnswer {
  const { origin, pathname } = new URL(url)
  const where = origin + pathname.replace(/[^/]{32,}/g, '...')
  const { status, headers } = answer
  if (status >= 500 || status === 429)
    throw new PortcullisError('KEYSTONE_SERVER_ERROR', `${where} answered ${status}`)
  const body = json(answer.body)
  if (status >= 200 && status <= 300) {
    if (status === 204 || isRecord(body)) return { status, headers, body }
    throw new PortcullisError('KEYSTONE_BAD_ANSWER', `${where} answered ${status} with no JSON object`)
  }
  const error = isRecord(body) && isRecord(body.error) ? body.error : undefined
  // a log-in that needs one more method is answered with a receipt in place of an error
  if (
    status >= 400 &&
    (error?.code === status || (status === 401 && isRecord(body) && isRecord(body.receipt)))
  )
    return { status, headers, body }
  throw new PortcullisError(
    'KEYSTONE_WRONG_URL',
    `${where} answered ${status}, but not as Keystone does: check the Keystone URL`,
  )
}

function json(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
