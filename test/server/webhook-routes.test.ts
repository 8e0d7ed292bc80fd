import t from 'tap'
import { type Answer, accessReviews, reviewBody, startWebhooks, tokenReviews } from '../support/review-app.ts'
import { JSON_TYPE } from '../support/wire.ts'

const says =
  (what: string): Answer =>
  (version, spec) => ({ status: JSON.stringify({ what, version, spec }) })
const later: Answer = async (version, spec) => says('later')(version, spec)

const ROUTES = {
  '/webhook': [tokenReviews(says('token')), accessReviews(says('access'))],
  '/authenticate': [tokenReviews(later)],
  '/refuse': [tokenReviews(() => ({ invalid: 'spec.token: expected a text' }))],
}
const TOKEN = reviewBody({ token: 't' })
const ACCESS = reviewBody({ user: 'ann' }, 'authorization', 'SubjectAccessReview', 'v1beta1')
const post = (path: string, body: string | Buffer = TOKEN, headers: Record<string, string> = JSON_TYPE) => ({
  method: 'POST',
  path,
  headers,
  body,
})
const answered = (what: string, spec: object, version = 'v1') => ({ what, version, spec })

t.test('a path takes the kinds of review of its handlers, over both versions of HTTP', async (t) => {
  const { http1, http2 } = await startWebhooks(t, ROUTES)
  for (const send of [http1, http2])
    for (const [request, status, expected] of [
      [post('/webhook'), 200, answered('token', { token: 't' })],
      [post('/webhook?timeout=30s'), 200, answered('token', { token: 't' })],
      [post('/webhook/'), 200, answered('token', { token: 't' })],
      [post('/webhook', ACCESS), 200, answered('access', { user: 'ann' }, 'v1beta1')],
      [post('/authenticate'), 200, answered('later', { token: 't' })],
      [post('/authenticate', ACCESS), 400, 'Failure'],
      [post('/refuse'), 400, 'Failure'],
    ] as const) {
      const reply = await send(request)
      t.equal(reply.status, status, request.path)
      t.match(reply.headers['content-type'], /^application\/json/, request.path)
      t.strictSame(JSON.parse(reply.text).status, expected, request.path)
    }
})

t.test('a refusal says what is wrong, in a Status', async (t) => {
  const { http1, http2 } = await startWebhooks(t, ROUTES)
  for (const send of [http1, http2])
    t.strictSame(JSON.parse((await send(post('/refuse'))).text), {
      ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' },
      ...{ message: 'spec.token: expected a text', reason: 'BadRequest', code: 400 },
    })
})

t.test('any other method is a 405 that names POST, and its body is not read', async (t) => {
  const { http1, http2 } = await startWebhooks(t, ROUTES)
  for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
    for (const path of ['/webhook', '/authenticate'])
      for (const [send, body] of [
        [http1, undefined],
        [http1, 'x'],
        [http2, undefined],
      ] as const) {
        const request = { method, path, headers: JSON_TYPE, ...(body !== undefined && { body }) }
        const reply = await send(request)
        t.strictSame([reply.status, reply.headers.allow], [405, 'POST'], method)
        if (method !== 'HEAD')
          t.match(JSON.parse(reply.text), { code: 405, reason: 'MethodNotAllowed', message: /POST/ }, method)
      }
})

t.test('another path is a 404, also where a path begins or goes on alike', async (t) => {
  const { http1, http2 } = await startWebhooks(t, ROUTES)
  for (const path of ['/', '/webhooks', '/web', '/webhook/x', '/WEBHOOK', '/authorize'])
    for (const send of [http1, http2]) {
      const reply = await send(post(path))
      t.equal(reply.status, 404, path)
      t.match(JSON.parse(reply.text), { kind: 'Status', code: 404, reason: 'NotFound' }, path)
    }
})

t.test('a request without a body is a 400 that asks for JSON', async (t) => {
  const { http1, http2 } = await startWebhooks(t, ROUTES)
  for (const send of [http1, http2])
    for (const headers of [JSON_TYPE, {}]) {
      const reply = await send({ method: 'POST', path: '/webhook', headers })
      t.match(JSON.parse(reply.text), { kind: 'Status', code: 400, message: /JSON/ })
      t.equal(reply.status, 400)
    }
})

t.test('what would reach for a prototype is not JSON here', async (t) => {
  const { http1, http2 } = await startWebhooks(t, ROUTES)
  for (const send of [http1, http2])
    for (const body of [
      `{"__proto__":{"a":1},${TOKEN.slice(1)}`,
      `{"x":{"constructor":{"prototype":{}}},${TOKEN.slice(1)}`,
    ])
      t.match(JSON.parse((await send(post('/webhook', body))).text), { code: 400, message: /JSON/ }, body)
})

t.test('answers that come later go to who asked, in whatever order they come', async (t) => {
  const waiting = new Map<string, () => void>()
  const slow: Answer = (_version, spec) =>
    new Promise((resolve) => {
      const { token } = spec as { token: string }
      waiting.set(token, () => resolve({ status: JSON.stringify(token) }))
      if (waiting.size === 4) for (const name of ['d', 'b', 'a', 'c']) waiting.get(name)?.()
    })
  const { http1, http2 } = await startWebhooks(t, { '/webhook': [tokenReviews(slow)] })
  const ask = async (send: typeof http1, token: string) =>
    JSON.parse((await send(post('/webhook', reviewBody({ token })))).text).status
  t.strictSame(await Promise.all([ask(http1, 'a'), ask(http2, 'b'), ask(http2, 'c'), ask(http1, 'd')]), [
    'a',
    'b',
    'c',
    'd',
  ])
})
