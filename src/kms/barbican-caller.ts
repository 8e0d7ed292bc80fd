import type { Clock } from '../clock.ts'
import { PortcullisError } from '../errors.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from '../http/client.ts'
import { withDeadline } from '../http/deadline.ts'
import { isRecord } from '../json.ts'
import type { Session } from '../keystone/session.ts'
import type { BarbicanMetrics, BarbicanOperation } from './barbican-metrics.ts'
import type { Refusal } from './kek-store.ts'

export interface BarbicanCall {
  readonly operation: BarbicanOperation
  readonly method?: HttpRequest['method']
  /** Below /v1, with a slash at its start. */
  readonly path: string
  readonly accept?: string
  readonly body?: object
}

/** Sends one call to Barbican under our token; the answer is a 2xx or a refusal that Barbican itself gave. */
export type BarbicanCaller = (call: BarbicanCall) => Promise<HttpAnswer | Refusal>

export function createBarbicanCaller(parts: {
  http: HttpClient
  session: Session
  /** Instead of the catalogue's endpoint of type key-manager. */
  endpoint: string | undefined
  deadlineMs: number
  clock: Clock
  metrics: BarbicanMetrics
}): BarbicanCaller {
  const { http, session, clock, metrics } = parts

  /** A token that is answered with 401 (revoked, or Keystone lost its keys) is replaced once. */
  async function send(call: BarbicanCall, signal: AbortSignal): Promise<HttpAnswer> {
    const token = await session.token(signal)
    const base = parts.endpoint ?? (await session.serviceUrl('key-manager', signal))
    const request = (withToken: string) =>
      http.request({
        method: call.method ?? 'GET',
        url: `${base.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1${call.path}`,
        headers: {
          'x-auth-token': withToken,
          accept: call.accept ?? 'application/json',
          ...(call.body && { 'content-type': 'application/json' }),
        },
        ...(call.body && { body: JSON.stringify(call.body) }),
        signal,
      })
    const answer = await request(token)
    return answer.status === 401 ? request(await session.renewed(token, signal)) : answer
  }

  return async (call) => {
    const start = clock.monotonic()
    const done = (outcome: 'ok' | 'refused' | 'failed') =>
      metrics.called(call.operation, outcome, clock.monotonic() - start)
    try {
      const answer = checked(await withDeadline(clock, parts.deadlineMs, (signal) => send(call, signal)))
      done(typeof answer === 'string' ? 'refused' : 'ok')
      return answer
    } catch (error) {
      done('failed')
      throw error
    }
  }
}

/** Tells Barbican's own answers from those of proxies and broken servers. Never quotes a body. */
function checked(answer: HttpAnswer): HttpAnswer | Refusal {
  const { status } = answer
  if (status >= 200 && status < 300) return answer
  if (status === 401)
    throw new PortcullisError(
      'BARBICAN_REFUSED_US',
      'Barbican refuses a fresh token: check its Keystone settings and the access rules of our credential',
    )
  if (status >= 500 || status === 429)
    throw new PortcullisError('BARBICAN_SERVER_ERROR', `Barbican answered ${status}`)
  const body = jsonOf(answer)
  if (isRecord(body) && body.code === status) {
    if (status === 403) return 'forbidden'
    if (status === 404) return 'gone'
  }
  throw new PortcullisError(
    'BARBICAN_BAD_ANSWER',
    `Barbican answered ${status}: is it Barbican at that endpoint?`,
  )
}

/** The JSON of an answer, undefined when it is none. */
export function jsonOf(answer: HttpAnswer): unknown {
  try {
    return JSON.parse(answer.body.toString('utf8'))
  } catch {
    return undefined
  }
}
