import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import t from 'tap'
import { createApp, listen } from '../../src/server/app.ts'
import { ensureOwnCertificate } from '../../src/server/own-certificate.ts'
import { readServingTls } from '../../src/server/serving-certificate.ts'
import { recordLog } from '../support/recorded-log.ts'
import { reviewBody, startWebhooks, tokenReviews } from '../support/review-app.ts'
import { JSON_TYPE } from '../support/wire.ts'

t.test('a connection stays open from answer to answer until the server stops', async (t) => {
  const app = createApp(recordLog())
  app.get('/ok', (_request, reply) => reply.send('fine'))
  t.teardown(() => app.close())
  const url = `http://127.0.0.1:${await listen(app, { host: '127.0.0.1', port: 0 })}`
  const agent = new Agent({ keepAlive: true })
  t.teardown(() => agent.destroy())
  const made = new Set<unknown>()
  for (let turn = 0; turn < 3; turn += 1) {
    const [response] = await once(request(`${url}/ok`, { agent }).end(), 'response')
    made.add(response.socket)
    t.equal(response.headers.connection, 'keep-alive')
    t.equal(response.headers['keep-alive'], 'timeout=100')
    response.resume()
    await once(response, 'end')
  }
  t.equal(made.size, 1)
})

t.test('a review that is with its handler when the server stops is answered, over HTTP/2', async (t) => {
  let [answer, asked] = [() => {}, () => {}]
  const begun = new Promise<void>((resolve) => {
    asked = resolve
  })
  const slow = tokenReviews(() => {
    asked()
    return new Promise((resolve) => {
      answer = () => resolve({ status: '"late"' })
    })
  })
  const { app, http2 } = await startWebhooks(t, { '/webhook': [slow] })
  const reply = http2({ method: 'POST', path: '/webhook', headers: JSON_TYPE, body: reviewBody({}) })
  await begun
  const closed = app.close()
  answer()
  t.equal(JSON.parse((await reply).text).status, 'late')
  await closed
})

for (const [says, words] of [
  ['nothing', ''],
  ['half a request', 'POST / HTTP/1.1\r\nHost: localhost\r\n'],
] as const)
  t.test(`a client that says ${says} is cut after the grace, and the server stops`, async (t) => {
    const app = createApp({ ...recordLog(), drainMs: 100 })
    const port = await listen(app, { host: '127.0.0.1', port: 0 })
    const accepted = once(app.server, 'connection')
    const client = connect({ port, host: '127.0.0.1' })
    t.teardown(() => client.destroy())
    client.write(words)
    const [connection] = await accepted
    const cut = once(connection, 'close')
    const closed = app.close()
    const early = new Promise((resolve) => setTimeout(resolve, 30, 'open'))
    t.equal(await Promise.race([cut, early]), 'open')
    await closed
  })

t.test('a client with HTTP/2 that has stalled is cut after the grace, and the server stops', async (t) => {
  const certificate = await ensureOwnCertificate({ stateDir: t.testdir(), names: [], now: Date.now() })
  const app = createApp({ ...recordLog(), tls: readServingTls(certificate), drainMs: 100 })
  const port = await listen(app, { host: '127.0.0.1', port: 0 })
  const accepted = once(app.server, 'session')
  // no more of what the server sends is read, not even its end
  const client = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  t.teardown(() => client.destroy())
  await once(client, 'secureConnect')
  client.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0')
  await accepted
  await app.close()
})
