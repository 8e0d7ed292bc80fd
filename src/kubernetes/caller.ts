import type { Clock } from '../clock.ts'
import type { HttpRequest } from '../http/client.ts'
import { withDeadline } from '../http/deadline.ts'
import type { Gate } from '../http/gate.ts'
import { type Refusal, readAnswer } from './answer.ts'
import type { Connection } from './connection.ts'
import type { KubernetesMetrics, KubernetesOperation } from './metrics.ts'

export interface KubernetesCall {
  readonly operation: KubernetesOperation
  readonly method?: NonNullable<HttpRequest['method']>
  /** Undefined for a name that no path can hold: refused as `invalid`, unasked. */
  readonly path: string | undefined
  readonly contentType?: string
  readonly body?: object
}

export interface KubernetesCaller {
  /** The JSON object of a 2xx, or the API's no. */
  call(call: KubernetesCall): Promise<Readonly<Record<string, unknown>> | Refusal>
  /** The body of an answer as it comes, for as long as it comes; neither bounded nor among the calls that the gate counts. */
  open(call: KubernetesCall, signal: AbortSignal): Promise<AsyncIterable<Buffer> | Refusal>
}

/** A Status object is short; what is longer is none. */
const STATUS_BYTES = 64 * 1024

/** Sends calls under the credentials of the moment. Throws HTTP_... and KUBERNETES_.... */
export function createKubernetesCaller(parts: {
  connection: Connection
  gate: Gate
  deadlineMs: number
  clock: Clock
  metrics: KubernetesMetrics
}): KubernetesCaller {
  const { connection, gate, deadlineMs, clock, metrics } = parts

  function request(call: KubernetesCall & { path: string }, signal: AbortSignal, fresh = false) {
    const { http, access } = connection.current(fresh)
    const headers = {
      ...(access.token !== undefined && { authorization: `Bearer ${access.token}` }),
      ...(call.body !== undefined && { 'content-type': call.contentType ?? 'application/json' }),
    }
    const asked: HttpRequest = {
      method: call.method ?? 'GET',
      url: access.server + call.path,
      headers,
      signal,
      ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
    }
    return { http, asked }
  }

  /** A 401 may mean that the token's file holds a new one already. */
  const send = (call: KubernetesCall & { path: string }) =>
    withDeadline(clock, deadlineMs, (signal) =>
      gate.run(signal, async () => {
        const first = request(call, signal)
        const answer = await first.http.request(first.asked)
        if (answer.status !== 401) return answer
        const second = request(call, signal, true)
        return second.http.request(second.asked)
      }),
    )

  async function timed<T extends object>(operation: KubernetesOperation, work: () => Promise<T | Refusal>) {
    const start = clock.monotonic()
    const done = (outcome: 'ok' | 'refused' | 'failed') =>
      metrics.called(operation, outcome, clock.monotonic() - start)
    try {
      const answer = await work()
      done(typeof answer === 'string' ? 'refused' : 'ok')
      return answer
    } catch (error) {
      done('failed')
      throw error
    }
  }

  const what = ({ operation, path }: KubernetesCall & { path: string }) =>
    `${operation} ${path.replace(/\?.*/, '')}`

  return {
    async call(call) {
      if (!hasPath(call)) return 'invalid'
      return timed(call.operation, async () => {
        const { status, body } = await send(call)
        return readAnswer(status, body, what(call))
      })
    },
    async open(call, signal) {
      if (!hasPath(call)) return 'invalid'
      return timed<AsyncIterable<Buffer>>(call.operation, async () => {
        let { http, asked } = request(call, signal)
        let stream = await http.stream(asked)
        if (stream.status === 401) {
          await firstBytes(stream.body)
          ;({ http, asked } = request(call, signal, true))
          stream = await http.stream(asked)
        }
        if (stream.status === 200) return stream.body
        const answer = readAnswer(stream.status, await firstBytes(stream.body), what(call))
        return typeof answer === 'string' ? answer : empty()
      })
    },
  }
}

const hasPath = (call: KubernetesCall): call is KubernetesCall & { path: string } => call.path !== undefined

async function* empty(): AsyncGenerator<Buffer> {}

async function firstBytes(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of body) {
    pieces.push(piece)
    length += piece.length
    if (length > STATUS_BYTES) break
  }
  return Buffer.concat(pieces)
}
