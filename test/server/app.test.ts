import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { type AddressInfo, connect as connectTcp } from 'node:net'
import t, { type Test } from 'tap'
import { type App, BODY_LIMIT, createApp, jsonParser, listen, takeStreams } from '../../src/server/app.ts'
import { recordLog } from '../support/recorded-log.ts'
import { reviewBody, startWebhooks, tokenReviews } from '../support/review-app.ts'
import { ask, JSON_TYPE } from '../support/wire.ts'

const MIB = 2 ** 20
const REVIEWS = { '/webhook': [tokenReviews(() => ({ status: '"answered"' }))] }
/** A review of so many bytes. */
const sized = (bytes: number) => reviewBody({}).padEnd(bytes, ' ')
const post = (body: string | Buffer, headers: Record<string, string> = JSON_TYPE) => ({
  method: 'POST',
  path: '/webhook',
  headers,
  body,
})

const FAULTS = {
  '/coded': { code: 'E_TEST' },
  '/bare': {},
  '/unavailable': { statusCode: 503, code: 'E_DOWN' },
  '/teapot': { statusCode: 418 },
}

/** The connection header of each reply, and a stop that waits until it is released. */
function watchReplies() {
  const seen: unknown[] = []
  let stopping: (release: () => void) => void
  const held = new Promise<() => void>((resolve) => {
    stopping = resolve
  })
  const prepare = (app: App) => {
    app.addHook('preClose', (done) => stopping(done))
    app.addHook('onSend', (_request, reply, _payload, done) => {
      seen.push(reply.getHeader('connection'))
      done()
    })
  }
  return { seen, held, prepare }
}

async function startPlain(t: Test) {
  const { log, lines } = recordLog()
  const app = createApp({ log })
  app.get('/ok', (_request, reply) => reply.send('fine'))
  app.get('/named/:name', (_request, reply) => reply.send('fine'))
  app.post('/length', (request, reply) => reply.send(String((request.body as Buffer).length)))
  for (const [path, error] of Object.entries(FAULTS))
    app.get(path, async () => {
      throw Object.assign(new Error('a secret'), error)
    })
  t.teardown(() => app.close())
  const port = await listen(app, { host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${port}`
  return { app, lines, port, url, send: (ask_: Parameters<typeof ask>[1]) => ask(url, ask_) }
}

t.test(
  'a connection may be idle for 100 s, a request takes 35 s at most, 4096 connections are open',
  async (t) => {
    const { log } = recordLog()
    const { app: secure } = await startWebhooks(t, REVIEWS)
    const plain = createApp({ log })
    for (const { server } of [plain, secure]) {
      const { maxConnections, keepAliveTimeout, requestTimeout } = server
      t.strictSame(
        { maxConnections, keepAliveTimeout, requestTimeout },
        {
          maxConnections: 4096,
          keepAliveTimeout: 100_000,
          requestTimeout: 35_000,
        },
      )
      t.ok(server.headersTimeout > 0 && server.headersTimeout <= 60_000)
    }
  },
)

t.test('an HTTP/2 session may be idle for 100 s', async (t) => {
  const { app, open } = await startWebhooks(t, REVIEWS)
  const bounds = new Promise((resolve) => {
    app.server.prependListener('session', (session) => {
      session.setTimeout = (ms: number) => resolve(ms)
    })
  })
  open()
  t.equal(await bounds, 100_000)
})

t.test('a body may have 1 MiB and not a byte more, over both versions of HTTP', async (t) => {
  const { http1, http2 } = await startWebhooks(t, REVIEWS)
  t.equal(BODY_LIMIT, MIB)
  for (const send of [http1, http2]) {
    for (const bytes of [100, MIB / 2, MIB - 1, MIB])
      t.equal((await send(post(sized(bytes)))).status, 200, String(bytes))
    const reply = await send(post(sized(MIB + 1)))
    t.match(JSON.parse(reply.text), { kind: 'Status', code: 413, message: /1048576 bytes/ })
    t.equal(reply.status, 413)
    t.equal((await send(post(sized(100)))).status, 200, 'the next request is served')
  }
})

t.test('what Fastify answers over HTTP/2 has no header that HTTP/2 forbids', async (t) => {
  const { seen, held, prepare } = watchReplies()
  const { app, http1, http2 } = await startWebhooks(t, REVIEWS, prepare)
  const announced = post(sized(MIB + 1), { ...JSON_TYPE, 'content-length': String(MIB + 1) })
  for (const send of [http2, http1]) t.equal((await send(announced)).status, 413)
  t.strictSame(seen, [undefined, 'close'])
  const closed = app.close()
  const release = await held
  for (const send of [http2, http1]) t.equal((await send({ path: '/' })).status, 404, 'not a 503')
  t.strictSame(seen.slice(2), [undefined, 'close'], 'nor when the server stops')
  release()
  await closed
})

t.test('whoever takes HTTP/2 streams has them first, and the rest go the usual way', async (t) => {
  const { app, http2, http1 } = await startWebhooks(t, REVIEWS)
  takeStreams(app, (stream, headers) => {
    if (headers[':path'] !== '/mine') return false
    stream.respond({ ':status': 299 })
    stream.end('mine')
    return true
  })
  t.match(await http2({ path: '/mine' }), { status: 299, text: 'mine' })
  t.equal((await http2(post(reviewBody({})))).status, 200)
  t.equal((await http1({ path: '/mine' })).status, 404)
  const plain = createApp(recordLog())
  takeStreams(plain, () => true)
  t.equal(plain.server.listenerCount('stream'), 0, 'there are none over HTTP/1.1 alone')
})

t.test('a body without an announced length has the same limit', async (t) => {
  const { url, send } = await startPlain(t)
  t.equal((await send({ ...post('x'.repeat(MIB)), path: '/length' })).text, String(MIB))
  const chunked = request(`${url}/length`, { method: 'POST', headers: JSON_TYPE, agent: false })
  chunked.on('error', () => {})
  const answered = once(chunked, 'response')
  chunked.write(Buffer.alloc(MIB))
  chunked.end('x')
  const [response] = await answered
  t.equal(response.statusCode, 413)
  response.resume()
})

t.test('JSON alone is read', async (t) => {
  const { http1, http2 } = await startWebhooks(t, REVIEWS)
  for (const send of [http1, http2]) {
    for (const type of ['application/json', 'application/json; charset=utf-8'])
      t.equal((await send(post(reviewBody({}), { 'content-type': type }))).status, 200, type)
    for (const type of ['text/plain', 'application/yaml', 'application/vnd.kubernetes.protobuf', 'json']) {
      const reply = await send(post(reviewBody({}), { 'content-type': type }))
      t.equal(reply.status, 415, type)
      t.match(JSON.parse(reply.text), {
        code: 415,
        reason: 'UnsupportedMediaType',
        message: /application\/json/,
      })
    }
  }
})

t.test('every fault is a Status in Portcullis’s words, and no answer says when to come again', async (t) => {
  const { send, lines } = await startPlain(t)
  for (const [path, code, reason, message] of [
    ['/nowhere', 404, 'NotFound', /path/],
    ['/coded', 500, 'InternalError', /^internal error$/],
    ['/bare', 500, 'InternalError', /^internal error$/],
    ['/unavailable', 503, 'InternalError', /cannot be served/],
    ['/teapot', 418, 'BadRequest', /cannot be served/],
    [`/named/${'x'.repeat(101)}`, 414, 'BadRequest', /URL is too long/],
    ['/named/%zz', 400, 'BadRequest', /./],
  ] as const) {
    const reply = await send({ path })
    t.equal(reply.status, code, path)
    const status = JSON.parse(reply.text)
    t.match(status, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason }, path)
    t.match(status.message, message, path)
    t.equal(reply.headers['retry-after'], undefined)
    t.notMatch(reply.text, /a secret|%zz/)
  }
  const line = (err: string) => ({ level: 'error', err, msg: 'A request failed inside' })
  t.strictSame(lines, [line('E_TEST'), line('unknown'), line('E_DOWN')], 'a client’s fault is not logged')
})

t.test('a slash at the end means nothing, and HEAD is not GET', async (t) => {
  const { send } = await startPlain(t)
  t.equal((await send({ path: '/ok/' })).text, 'fine')
  t.equal((await send({ path: '/ok', method: 'HEAD' })).status, 404)
})

t.test('a server that stops ends idle connections, and the others when their answers are out', async (t) => {
  const { app, url, port, send } = await startPlain(t)
  const idle = connectTcp(port, '127.0.0.1')
  idle.write('GET /ok HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(idle, 'data')
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const arrived = once(app.server, 'request')
  const slow = request(`${url}/length`, { method: 'POST', headers: JSON_TYPE, agent })
  const answered = once(slow, 'response')
  slow.write('ab')
  await arrived
  const ended = once(idle, 'close')
  const closed = app.close()
  await ended
  await t.rejects(send({ path: '/ok' }), { code: 'ECONNREFUSED' })
  slow.end('c')
  const [response] = await answered
  t.equal(response.statusCode, 200, 'not a 503')
  t.equal(response.headers.connection, 'close', 'the client is not left to keep the server')
  const [text] = await once(response.setEncoding('utf8'), 'data')
  t.equal(text, '3')
  await closed
})

t.test(
  'a free port is picked and told, one that is taken is an error, and localhost is one address',
  async (t) => {
    for (const host of ['127.0.0.1', 'localhost']) {
      const app = createApp(recordLog())
      t.teardown(() => app.close())
      const port = await listen(app, { host, port: 0 })
      t.strictSame(
        (app.addresses() as AddressInfo[]).map((address) => address.port),
        [port],
        host,
      )
      const second = createApp(recordLog())
      t.teardown(() => second.close())
      await t.rejects(listen(second, { host, port }), { code: 'EADDRINUSE' })
    }
  },
)

t.test('JSON is read strictly, and nothing in it reaches for a prototype', async (t) => {
  const parse = jsonParser(createApp(recordLog()))
  t.strictSame(parse('{"a":[1,null,"x"]}'), { a: [1, null, 'x'] })
  t.equal(parse('7'), 7)
  for (const text of ['', ' ', '{', '{"a":1}x', "{'a':1}", '{"a":NaN}'])
    t.throws(() => parse(text), /JSON/i, JSON.stringify(text))
  for (const text of ['{"__proto__":{"x":1}}', '{"a":{"constructor":{"prototype":{"x":1}}}}'])
    t.throws(() => parse(text), /JSON/i, text)
})
