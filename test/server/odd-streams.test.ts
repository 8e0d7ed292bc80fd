import { once } from 'node:events'
import { connect, constants } from 'node:http2'
import { createServer } from 'node:net'
import t, { type Test } from 'tap'
import { startServe } from '../support/program.ts'
import { fernetLike } from '../support/tokens.ts'
import { askOn, JSON_TYPE } from '../support/wire.ts'

const review = (token: string) =>
  JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } })
const POST = { ':method': 'POST', ':path': '/webhook?timeout=30s', ...JSON_TYPE }

t.test('HTTP/2 streams of clients that do not behave', async (t) => {
  // a Keystone that takes every call and never answers
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  t.teardown(() => silent.close())
  const { port } = silent.address() as { port: number }
  const server = await startServe(t, [
    ...['--keystone-url', `http://127.0.0.1:${port}/v3`],
    ...['--keystone-timeout', '1s'],
  ])
  const open = () => connect(server.url, { ca: server.ca })
  const session = open()
  t.teardown(() => session.close())
  const works = async (t: Test) =>
    t.equal(
      (await askOn(session, { method: 'POST', path: '/webhook', headers: JSON_TYPE, body: review('x') }))
        .status,
      200,
    )

  t.test('a body that is announced as too large gets 413 before it is sent', async (t) => {
    const stream = session.request({ ...POST, 'content-length': 2_000_000 })
    const [headers] = await once(stream, 'response')
    t.equal(headers[':status'], 413)
    stream.close()
    await works(t)
  })

  t.test('a body that arrives in many pieces is one body', async (t) => {
    const stream = session.request(POST)
    stream.setEncoding('utf8')
    for (const letter of review('x')) stream.write(letter)
    stream.end()
    const [text] = await once(stream, 'data')
    t.same(JSON.parse(text).status, { authenticated: false })
  })

  t.test('a stream that is given up in the middle of its body is forgotten', async (t) => {
    for (let turn = 0; turn < 20; turn += 1) {
      const stream = session.request(POST)
      stream.on('error', () => {})
      stream.write('{"kind":"Tok')
      stream.close(turn % 2 ? constants.NGHTTP2_CANCEL : constants.NGHTTP2_INTERNAL_ERROR)
      await new Promise((resolve) => stream.once('close', resolve))
    }
    await works(t)
  })

  t.test('a client that leaves before its answer is ready takes nobody along', async (t) => {
    const leaving = open()
    const asked = Array.from({ length: 20 }, (_, n) => {
      const stream = leaving.request(POST)
      stream.on('error', () => {})
      stream.end(review(fernetLike(Date.now() - n * 1000)))
      return once(stream, 'close')
    })
    leaving.on('error', () => {})
    // the server has read them by the time it answers what came later on the same connection
    await askOn(leaving, { method: 'POST', path: '/webhook', headers: JSON_TYPE, body: review('x') })
    leaving.destroy()
    await Promise.all(asked)
    // the same token waits for the same call at Keystone: its answer comes after theirs
    const late = await askOn(session, {
      ...{ method: 'POST', path: '/webhook', headers: JSON_TYPE },
      body: review(fernetLike(Date.now())),
    })
    t.match(JSON.parse(late.text).status, { authenticated: false, error: /.+/ })
    await works(t)
  })
})
