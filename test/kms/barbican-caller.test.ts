import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import type { HttpAnswer, HttpRequest } from '../../src/http/client.ts'
import { type BarbicanCall, createBarbicanCaller, jsonOf } from '../../src/kms/barbican-caller.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { settled } from './memory-store.ts'

const LIST: BarbicanCall = { operation: 'list', path: '/secrets?name=kek' }
const CATALOGUE = 'http://catalogue.example/key-manager'

const answered = (status: number, body: unknown = {}): HttpAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
})

/** A caller whose answers are given one by one; tokens are token-1, then those of the renewals. */
function calling(answers: (HttpAnswer | Error)[], options: { endpoint?: string; slowMs?: number } = {}) {
  const clock = createManualClock()
  const sent: HttpRequest[] = []
  const asked: string[] = []
  const metrics: unknown[][] = []
  const signals = new Set<AbortSignal>()
  const call = createBarbicanCaller({
    http: {
      async request(request) {
        sent.push(request)
        signals.add(request.signal)
        if (options.slowMs !== undefined) await clock.advance(options.slowMs)
        const answer = answers.shift() ?? new Error('one request too many')
        if (answer instanceof Error) throw answer
        return answer
      },
      async close() {},
    },
    session: {
      async token(signal) {
        asked.push('token')
        signals.add(signal)
        return 'token-1'
      },
      async renewed(refused, signal) {
        asked.push(`renewed ${refused}`)
        signals.add(signal)
        return 'token-2'
      },
      async serviceUrl(type, signal) {
        asked.push(`serviceUrl ${type}`)
        signals.add(signal)
        return CATALOGUE
      },
    },
    endpoint: options.endpoint,
    deadlineMs: 2000,
    clock,
    metrics: { called: (...parameters) => void metrics.push(parameters) },
  })
  return { call, sent, asked, metrics, clock, signals }
}

t.test('a call goes below /v1 of the catalogue with the token of the session', async (t) => {
  const answer = answered(200, { secrets: [] })
  const { call, sent, asked, metrics, signals } = calling([answer])
  t.equal(await call(LIST), answer)
  const [{ signal: _, ...request } = {} as HttpRequest] = sent
  t.strictSame(request, {
    method: 'GET',
    url: `${CATALOGUE}/v1/secrets?name=kek`,
    headers: { 'x-auth-token': 'token-1', accept: 'application/json' },
  })
  t.same(asked, ['token', 'serviceUrl key-manager'])
  t.same(metrics, [['list', 'ok', 0]])
  t.equal(signals.size, 1, 'log-in, catalogue and call share a deadline')
})

t.test('method, body and the accepted type are those of the call', async (t) => {
  const { call, sent } = calling([answered(201), answered(200)])
  await call({ operation: 'order', method: 'POST', path: '/orders', body: { type: 'key' } })
  await call({ operation: 'payload', path: '/secrets/1/payload', accept: 'application/octet-stream' })
  const shown = sent.map(({ method, url, headers, body }) => ({ method, url, headers, body }))
  t.strictSame(shown, [
    {
      method: 'POST',
      url: `${CATALOGUE}/v1/orders`,
      headers: {
        'x-auth-token': 'token-1',
        accept: 'application/json',
        'content-type': 'application/json',
      },
      body: '{"type":"key"}',
    },
    {
      method: 'GET',
      url: `${CATALOGUE}/v1/secrets/1/payload`,
      headers: { 'x-auth-token': 'token-1', accept: 'application/octet-stream' },
      body: undefined,
    },
  ])
})

t.test('a configured endpoint takes the place of the catalogue, with or without /v1', async (t) => {
  for (const [endpoint, base] of [
    ['http://barbican:9311', 'http://barbican:9311'],
    ['http://barbican:9311/', 'http://barbican:9311'],
    ['http://barbican:9311/v1', 'http://barbican:9311'],
    ['http://barbican:9311/v1//', 'http://barbican:9311'],
    ['http://host/v1/key-manager', 'http://host/v1/key-manager'],
    ['http://host/a//b', 'http://host/a//b'],
    ['http://host/dev1', 'http://host/dev1'],
  ] as const) {
    const { call, sent, asked } = calling([answered(200)], { endpoint })
    await call(LIST)
    t.equal(sent[0]?.url, `${base}/v1/secrets?name=kek`)
    t.same(asked, ['token'])
  }
})

t.test('a token that is refused is replaced once, and the call is sent again', async (t) => {
  const answer = answered(200, { second: true })
  const { call, sent, asked, metrics } = calling([answered(401), answer])
  t.equal(await call(LIST), answer)
  t.same(
    sent.map(({ headers }) => headers?.['x-auth-token']),
    ['token-1', 'token-2'],
  )
  t.equal(sent[1]?.url, sent[0]?.url)
  t.same(asked, ['token', 'serviceUrl key-manager', 'renewed token-1'])
  t.same(metrics, [['list', 'ok', 0]])
})

t.test('a fresh token that is refused is an error about us, never a refusal of the secret', async (t) => {
  for (const body of ['', { code: 401 }, { error: { code: 401 } }]) {
    const { call, sent, metrics } = calling([answered(401, body), answered(401, body)])
    await t.rejects(call(LIST), { code: 'BARBICAN_REFUSED_US', message: /token.*Keystone.*credential/ })
    t.equal(sent.length, 2)
    t.same(metrics, [['list', 'failed', 0]])
  }
})

t.test('only a 401 renews the token', async (t) => {
  for (const status of [200, 400, 403, 404, 500, 503]) {
    const { call, sent } = calling([answered(status, { code: status })])
    await call(LIST).catch(() => {})
    t.equal(sent.length, 1, `${status}`)
  }
})

t.test("403 and 404 are refusals when they are Barbican's own, told by the code in the body", async (t) => {
  for (const [status, refusal] of [
    [403, 'forbidden'],
    [404, 'gone'],
  ] as const) {
    const { call, metrics } = calling([answered(status, { code: status, title: 'x', description: 'y' })])
    t.equal(await call(LIST), refusal)
    t.same(metrics, [['list', 'refused', 0]])
  }
})

t.test('any other 4xx, and one of a proxy, is a bad answer', async (t) => {
  const page = '<html>secret text</html>'
  for (const [status, body] of [
    [403, page],
    [404, page],
    [403, {}],
    [404, { code: 403 }],
    [403, { code: 404 }],
    [404, { code: '404' }],
    [404, [404]],
    [404, 'null'],
    [404, ''],
    [400, { code: 400 }],
    [405, { code: 405 }],
    [410, { code: 410 }],
    [300, { code: 300 }],
    [301, { code: 301 }],
    [304, {}],
    [199, {}],
  ] as const) {
    const { call, metrics } = calling([answered(status, body)])
    const error = await call(LIST).catch((error: unknown) => error)
    t.ok(error instanceof PortcullisError)
    t.match(error, { code: 'BARBICAN_BAD_ANSWER', message: new RegExp(`\\b${status}\\b`) })
    t.notMatch((error as Error).message, /secret/)
    t.same(metrics, [['list', 'failed', 0]])
  }
})

t.test('5xx and 429 are errors of the server, whatever the body says', async (t) => {
  for (const status of [429, 500, 502, 503, 599]) {
    const { call, metrics } = calling([answered(status, { code: 404 })])
    await t.rejects(call(LIST), { code: 'BARBICAN_SERVER_ERROR', message: new RegExp(`\\b${status}\\b`) })
    t.same(metrics, [['list', 'failed', 0]])
  }
})

t.test('every 2xx is an answer', async (t) => {
  for (const status of [200, 201, 202, 204, 299]) {
    const answer = answered(status, '')
    t.equal(await calling([answer]).call(LIST), answer)
  }
})

t.test('what the client throws is passed on, counted as failed, with its time', async (t) => {
  const timeout = new PortcullisError('HTTP_TIMEOUT', 'too slow')
  const { call, metrics } = calling([timeout], { slowMs: 30 })
  t.equal(await call(LIST).catch((error: unknown) => error), timeout)
  t.same(metrics, [['list', 'failed', 30]])
  const slow = calling([answered(401), answered(404, { code: 404 })], { slowMs: 40 })
  await slow.call({ operation: 'describe', path: '/secrets/1' })
  t.same(slow.metrics, [['describe', 'refused', 80]], 'both requests')
})

t.test('the signal aborts at the deadline of the whole call, and not after its end', async (t) => {
  for (const [slowMs, aborted] of [
    [1999, [false]],
    [2000, [true]],
    [1500, [true]],
  ] as const) {
    const answers = slowMs === 1500 ? [answered(401), answered(200)] : [answered(200)]
    const { call, sent, clock } = calling(answers, { slowMs })
    await call(LIST)
    t.same([sent.at(-1)?.signal.aborted], aborted, `${slowMs}`)
    await clock.advance(10_000)
    await settled()
    t.same([sent.at(-1)?.signal.aborted], aborted, `${slowMs}, later`)
  }
})

t.test('jsonOf reads JSON, and gives undefined for anything else', async (t) => {
  t.same(jsonOf(answered(200, { a: ['ü'] })), { a: ['ü'] })
  t.equal(jsonOf(answered(200, 'null')), null)
  for (const body of ['', '<html>', '{', '{"a":1}x']) t.equal(jsonOf(answered(200, body)), undefined)
})
