import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { createGate } from '../../src/http/gate.ts'
import { createKubernetesCaller, type KubernetesCall } from '../../src/kubernetes/caller.ts'
import { errorCode } from '../support/error-code.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { settled } from '../support/settled.ts'
import { PLAIN } from './client-world.ts'

const DEADLINE_MS = 2000
const NAMESPACE = '{"metadata":{"name":"a"}}'
const GET: KubernetesCall = { operation: 'get', path: '/api/v1/namespaces/a' }
const WATCH: KubernetesCall = { operation: 'watch', path: '/api/v1/namespaces?watch=1' }

/** A caller whose credentials are `old` until they are read again, over an API that answers what the test says. */
function world(answer: (token: string | undefined) => { status: number; body: string } | 'hangs') {
  const clock = createManualClock()
  const counted: unknown[][] = []
  const sent: string[] = []
  let pieces = 0
  async function* piecesOf(body: string) {
    for (let at = 0; at < body.length; at += 1024) {
      pieces += 1
      yield Buffer.from(body.slice(at, at + 1024))
    }
  }
  const send = async (headers: Readonly<Record<string, string>> = {}, signal: AbortSignal) => {
    const token = headers.authorization
    sent.push(token ?? 'nobody')
    const given = answer(token)
    if (given !== 'hangs') return given
    return new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(new PortcullisError('HTTP_TIMEOUT', 'late'))),
    )
  }
  let token = 'old'
  const caller = createKubernetesCaller({
    connection: {
      current(fresh = false) {
        if (fresh) token = 'new'
        return {
          http: {
            async request({ headers, signal }) {
              const { status, body } = await send(headers, signal)
              return { status, headers: {}, body: Buffer.from(body) }
            },
            async stream({ headers, signal }) {
              const { status, body } = await send(headers, signal)
              return { status, body: piecesOf(body) }
            },
            close: async () => {},
          },
          access: { server: 'http://k8s', ...PLAIN, token },
        }
      },
      close: async () => {},
    },
    gate: createGate({ running: 1, waiting: 1 }),
    deadlineMs: DEADLINE_MS,
    clock,
    metrics: { called: (...entry) => counted.push(entry) },
  })
  return { caller, clock, counted, sent, pieces: () => pieces }
}

t.test('a 401 is asked again once under credentials read anew, by a call and by a watch alike', async (t) => {
  for (const way of ['call', 'open'] as const) {
    const ask = ({ caller }: ReturnType<typeof world>) =>
      way === 'call' ? caller.call(GET) : caller.open(WATCH, new AbortController().signal)
    const rotated = world((token) =>
      token === 'Bearer new' ? { status: 200, body: NAMESPACE } : { status: 401, body: '{}' },
    )
    t.type(await ask(rotated), 'object', way)
    t.strictSame(rotated.sent, ['Bearer old', 'Bearer new'], way)
    const refused = world(() => ({ status: 401, body: '{}' }))
    t.equal(await errorCode(ask(refused)), 'KUBERNETES_REFUSED_US', way)
    t.strictSame(refused.sent, ['Bearer old', 'Bearer new'], way)
  }
})

t.test('calls beyond the gate wait or are refused; a watch takes no place', async (t) => {
  const { caller, clock, sent } = world((token) =>
    token === undefined ? { status: 200, body: '' } : 'hangs',
  )
  const first = errorCode(caller.call(GET))
  const second = errorCode(caller.call(GET))
  await settled()
  t.equal(sent.length, 1)
  t.equal(await errorCode(caller.call(GET)), 'HTTP_OVERLOADED')
  void caller.open(WATCH, new AbortController().signal)
  await settled()
  t.equal(sent.length, 2, 'the watch was sent at once')
  await clock.advance(DEADLINE_MS)
  t.strictSame([await first, await second], ['HTTP_TIMEOUT', 'HTTP_TIMEOUT'])
  const before = sent.length
  void caller.call(GET)
  await settled()
  t.equal(sent.length, before + 1, 'the place of a call that timed out is free')
})

t.test('a call that is answered leaves no timer', async (t) => {
  const { caller, clock } = world(() => ({ status: 200, body: NAMESPACE }))
  await caller.call(GET)
  t.equal(clock.pendingTimers, 0)
})

t.test('calls are counted by what became of them, and timed by the clock that nobody sets', async (t) => {
  let answer: { status: number; body: string } | 'hangs' = { status: 200, body: NAMESPACE }
  const { caller, clock, counted } = world(() => {
    clock.setWallBy(86_400_000)
    return answer
  })
  await caller.call(GET)
  answer = { status: 404, body: '{"kind":"Status"}' }
  t.equal(await caller.call(GET), 'absent')
  t.equal(await caller.open(WATCH, new AbortController().signal), 'absent')
  answer = { status: 503, body: '' }
  t.equal(await errorCode(caller.call(GET)), 'KUBERNETES_SERVER_ERROR')
  answer = 'hangs'
  const late = errorCode(caller.call(GET))
  await settled()
  await clock.advance(DEADLINE_MS)
  await late
  t.strictSame(counted, [
    ['get', 'ok', 0],
    ['get', 'refused', 0],
    ['watch', 'refused', 0],
    ['get', 'failed', 0],
    ['get', 'failed', DEADLINE_MS],
  ])
})

t.test('a call without a path is refused unasked and not counted', async (t) => {
  const { caller, counted, sent } = world(() => ({ status: 200, body: NAMESPACE }))
  t.equal(await caller.call({ ...GET, path: undefined }), 'invalid')
  t.equal(await caller.open({ ...WATCH, path: undefined }, new AbortController().signal), 'invalid')
  t.strictSame([sent, counted], [[], []])
})

t.test('of the refusal of a watch no more is read than a Status may have', async (t) => {
  const { caller, pieces } = world(() => ({ status: 403, body: 'x'.repeat(1024 * 1024) }))
  t.equal(await errorCode(caller.open(WATCH, new AbortController().signal)), 'KUBERNETES_BAD_ANSWER')
  t.equal(pieces(), 65)
})
