import { once } from 'node:events'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import t from 'tap'
import { type Answer, reviewBody, startWebhooks, tokenReviews } from '../support/review-app.ts'
import { JSON_TYPE } from '../support/wire.ts'

const MIB = 1_048_576
const POST = { ':method': 'POST', ':path': '/webhook?timeout=30s', ...JSON_TYPE }
const echo: Answer = (_version, spec) => ({ status: JSON.stringify(spec) })
const ECHO = { '/webhook': [tokenReviews(echo)], '/late': [tokenReviews(async (...all) => echo(...all))] }

/** What comes back on a stream: its headers and its text. */
async function answerOf(stream: ClientHttp2Stream) {
  let text = ''
  stream.setEncoding('utf8').on('data', (part) => {
    text += part
  })
  let headers: IncomingHttpHeaders = {}
  stream.on('response', (received) => {
    headers = received
  })
  await once(stream, 'close')
  return { headers, text, code: stream.rstCode }
}
const send = (session: ClientHttp2Session, body: string | Buffer, headers: object = {}) => {
  const stream = session.request({ ...POST, ...headers })
  stream.end(body)
  return answerOf(stream)
}

t.test('an answer has its type and its length in bytes, at once or later', async (t) => {
  const { open } = await startWebhooks(t, ECHO)
  const session = open()
  for (const path of ['/webhook', '/webhook?', '/webhook?timeout=30s&x=?', '/late'])
    for (const body of [reviewBody({ name: 'Zoë' }), JSON.stringify({ kind: 'Zoë' })]) {
      const { headers, text } = await send(session, body, { ':path': path })
      t.equal(headers['content-type'], 'application/json', path)
      t.equal(headers['content-length'], String(Buffer.byteLength(text)), path)
      t.equal(headers[':status'], body.includes('spec') ? 200 : 400)
    }
})

t.test('a body that arrives in pieces is one body, in their order', async (t) => {
  const { open } = await startWebhooks(t, ECHO)
  const stream = open().request(POST)
  const answer = answerOf(stream)
  const body = Buffer.from(reviewBody({ name: 'Zoë 日本' }))
  for (let at = 0; at < body.length; at += 7) {
    stream.write(body.subarray(at, at + 7))
    await new Promise((resolve) => setImmediate(resolve))
  }
  stream.end()
  t.strictSame(JSON.parse((await answer).text).status, { name: 'Zoë 日本' })
})

t.test('a body that is announced as too large is refused before it is sent', async (t) => {
  const { open } = await startWebhooks(t, ECHO)
  const session = open()
  const stream = session.request({ ...POST, 'content-length': MIB + 1 })
  const [headers] = await once(stream, 'response')
  t.equal(headers[':status'], 413)
  stream.close()
  t.equal((await send(session, reviewBody({}))).headers[':status'], 200)
})

t.test('a body that grows too large is refused once, and its stream ends without an error', async (t) => {
  const { open } = await startWebhooks(t, ECHO)
  const session = open()
  for (const sizes of [[MIB + 1], [MIB, 1], [MIB / 2, MIB / 2, 1], [MIB, MIB, MIB]]) {
    const stream = session.request(POST)
    stream.on('error', () => {})
    const answer = answerOf(stream)
    for (const size of sizes) stream.write(Buffer.alloc(size, 0x20))
    const { headers, text, code } = await answer
    t.equal(headers[':status'], 413, String(sizes))
    t.match(JSON.parse(text), { code: 413, message: /1048576 bytes/ })
    t.equal(code, constants.NGHTTP2_NO_ERROR)
  }
  for (const size of [MIB - 1, MIB])
    t.equal((await send(session, reviewBody({ s: size }).padEnd(size))).headers[':status'], 200, 'the limit')
})

t.test('what is not a plain POST of a known path in JSON is left to the usual routes', async (t) => {
  const { open } = await startWebhooks(t, ECHO)
  const session = open()
  for (const [headers, status] of [
    [{ ':method': 'PUT' }, 405],
    [{ ':path': '/other' }, 404],
    [{ ':path': '/?/webhook' }, 404],
    [{ 'content-type': 'text/plain' }, 415],
    [{ 'content-type': 'application/json;charset=utf-8' }, 200],
  ] as const)
    t.equal(
      (await send(session, reviewBody({}), headers)).headers[':status'],
      status,
      JSON.stringify(headers),
    )
  const expecting = session.request({ ...POST, expect: '100-continue' })
  const answer = answerOf(expecting)
  await once(expecting, 'continue')
  expecting.end(reviewBody({}))
  t.equal((await answer).headers[':status'], 200, 'who asks first is told to go on')
})

t.test('a client that gives up takes nobody along, and its answer is thrown away', async (t) => {
  const waiting: (() => void)[] = []
  let arrived = () => {}
  const slow: Answer = (_version, spec) =>
    new Promise((resolve) => {
      waiting.push(() => resolve({ status: JSON.stringify(spec) }))
      arrived()
    })
  const { open, lines } = await startWebhooks(t, { '/webhook': [tokenReviews(slow)] })
  const session = open()
  const all = new Promise<void>((resolve) => {
    arrived = () => waiting.length === 3 && resolve()
  })
  const [gone, kept, half] = [session.request(POST), session.request(POST), session.request(POST)]
  for (const stream of [gone, half]) stream.on('error', () => {})
  const answer = answerOf(kept)
  gone.end(reviewBody({ who: 'gone' }))
  kept.end(reviewBody({ who: 'kept' }))
  half.write('{"kind":"Tok')
  half.close(constants.NGHTTP2_CANCEL)
  const leaving = open()
  leaving.on('error', () => {})
  const lost = leaving.request(POST)
  lost.on('error', () => {})
  lost.end(reviewBody({ who: 'lost' }))
  await all
  gone.close(constants.NGHTTP2_CANCEL)
  leaving.destroy()
  await once(gone, 'close')
  for (const answerNow of waiting) answerNow()
  t.strictSame(JSON.parse((await answer).text).status, { who: 'kept' })
  t.strictSame(lines, [])
})
