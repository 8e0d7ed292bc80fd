import type { HttpAnswer, HttpRequest } from '../../src/http/client.ts'
import { createGate } from '../../src/http/gate.ts'
import { createKeystoneCaller, type KeystoneCall } from '../../src/keystone/caller.ts'
import { createManualClock } from './manual-clock.ts'

export type Reply = { status: number; body?: string; headers?: HttpAnswer['headers'] } | Error

export const URL_OF_TOKENS = 'http://keystone:5000/v3/auth/tokens'

/** A caller over a client that answers (or throws) what the test says; `requests` and `counted` tell what came of it. */
export function makeCaller(
  reply: (request: HttpRequest, index: number) => Reply | Promise<Reply>,
  running = 2,
) {
  const clock = createManualClock()
  const gate = createGate({ running, waiting: 2 })
  const requests: HttpRequest[] = []
  const counted: unknown[][] = []
  const caller = createKeystoneCaller({
    http: {
      async request(request) {
        requests.push(request)
        const answer = await reply(request, requests.length - 1)
        if (answer instanceof Error) throw answer
        return { headers: {}, ...answer, body: Buffer.from(answer.body ?? '') }
      },
      close: async () => {},
    },
    gate,
    clock,
    metrics: { called: (...entry) => counted.push(entry) },
  })
  const call = (more: Partial<KeystoneCall> = {}) =>
    caller({
      operation: 'validate',
      url: URL_OF_TOKENS,
      signal: new AbortController().signal,
      retry: false,
      ...more,
    })
  return { call, clock, gate, requests, counted }
}
