import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { createHttpClient } from '../../src/http/client.ts'
import { issue, makeAuthority } from '../support/certificates.ts'
import { httpClientCases, left } from '../support/http-client-cases.ts'
import { startLoopbackServer } from '../support/loopback-server.ts'
import { held, settled } from '../support/scripted-keystone.ts'

type Options = Parameters<typeof createHttpClient>[0]
const SIGNAL = () => AbortSignal.timeout(5000)

function client(t: Pick<Test, 'teardown'>, options: Partial<Options> = {}) {
  const http = createHttpClient({ userAgent: 'portcullis/test', connections: 4, ...options })
  t.teardown(() => http.close())
  return http
}

httpClientCases(t, () => createHttpClient({ userAgent: 'portcullis/test', connections: 4 }))

t.test('the largest answer that is accepted can be another', async (t) => {
  const { url } = await startLoopbackServer(t, (request, response) => {
    response.end(Buffer.alloc(Number(request.url?.slice(1)), 0x20))
  })
  for (const maxBytes of [100, 3 * 1024 * 1024]) {
    const http = client(t, { maxBytes })
    const answer = await http.request({ url: `${url}/${maxBytes}`, signal: SIGNAL() })
    t.equal(answer.body.length, maxBytes)
    await t.rejects(http.request({ url: `${url}/${maxBytes + 1}`, signal: SIGNAL() }), {
      code: 'HTTP_ANSWER_TOO_LARGE',
    })
  }
})

t.test('no more connections to a server than are allowed, and none has two requests at once', async (t) => {
  for (const connections of [1, 2]) {
    const gate = held<void>()
    let [now, most] = [0, 0]
    const { url, made } = await startLoopbackServer(t, async (_, response) => {
      now += 1
      most = Math.max(most, now)
      response.write(' ')
      await gate.promise
      now -= 1
      response.end()
    })
    const http = client(t, { connections })
    const all = Array.from({ length: 5 }, () => http.request({ url, signal: SIGNAL() }))
    while (now < connections) await settled()
    for (let turn = 0; turn < 20; turn += 1) await settled()
    gate.resolve()
    await Promise.all(all)
    t.strictSame([made.length, most], [connections, connections])
  }
})

t.test('a server is trusted with the given authority alone, under the given name', async (t) => {
  const [red, blue, named] = [
    await makeAuthority('red'),
    await makeAuthority('blue'),
    await makeAuthority('x'),
  ]
  const { url } = await startLoopbackServer(t, (_, response) => response.end(), await issue(red, 'server'))
  const ask = (options: Partial<Options>, at = url) =>
    client(t, options).request({ url: at, signal: SIGNAL() })
  const untrusted = (code: string) => ({
    code: 'HTTP_UNREACHABLE',
    message: new RegExp(`cannot reach https://127.0.0.1:\\d+: ${code}$`),
  })
  t.equal((await ask({ ca: red.cert })).status, 200)
  await t.rejects(ask({ ca: blue.cert }), untrusted('UNABLE_TO_VERIFY_LEAF_SIGNATURE'))
  await t.rejects(ask({}), untrusted('UNABLE_TO_VERIFY_LEAF_SIGNATURE'))
  t.equal((await ask({ ca: red.cert, serverName: 'localhost' })).status, 200)
  await t.rejects(ask({ ca: red.cert, serverName: 'elsewhere' }), untrusted('ERR_TLS_CERT_ALTNAME_INVALID'))
  const nameless = await startLoopbackServer(t, (_, response) => response.end(), named)
  await t.rejects(ask({ ca: named.cert }, nameless.url), untrusted('ERR_TLS_CERT_ALTNAME_INVALID'))
})

t.test('a client shows its own certificate', async (t) => {
  const red = await makeAuthority('red')
  const tls = { ...(await issue(red, 'server')), ca: red.cert, requestCert: true }
  const { url } = await startLoopbackServer(
    t,
    ({ socket }, response) => response.end((socket as TLSSocket).getPeerCertificate().subject?.CN),
    tls,
  )
  for (const name of ['alice', 'bob']) {
    const answer = await client(t, { ca: red.cert, ...(await issue(red, name)) }).request({
      url,
      signal: SIGNAL(),
    })
    t.equal(answer.body.toString(), name)
  }
  await t.rejects(client(t, { ca: red.cert }).request({ url, signal: SIGNAL() }), {
    code: 'HTTP_UNREACHABLE',
  })
})

t.test('HTTP/1.1 is spoken, also to a server that offers HTTP/2', async (t) => {
  const red = await makeAuthority('red')
  const server = createSecureServer(
    { ...(await issue(red, 'server')), allowHTTP1: true },
    (request, response) => response.end(request.httpVersion),
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const http = client(t, { ca: red.cert })
  t.equal((await http.request({ url, signal: SIGNAL() })).body.toString(), '1.1')
  await http.close()
})

t.test('a stream is read as it comes, of whatever size, to its end', async (t) => {
  const more = held<void>()
  const { url } = await startLoopbackServer(t, async (request, response) => {
    response.writeHead(Number(request.url?.slice(1))).write('first')
    await more.promise
    response.end(Buffer.alloc(2000, 0x20))
  })
  const http = client(t, { maxBytes: 100 })
  for (const status of [200, 403]) {
    const stream = await http.stream({ url: `${url}/${status}`, signal: SIGNAL() })
    t.equal(stream.status, status)
    let size = 0
    for await (const piece of stream.body) {
      if (size === 0) t.equal(piece.toString().slice(0, 5), 'first')
      size += piece.length
      more.resolve()
    }
    t.equal(size, 2005)
  }
})

t.test('a stream that breaks off or whose time ends is an error of ours, whenever it happens', async (t) => {
  const { url, open } = await startLoopbackServer(t, (request, response) => {
    if (request.url === '/none') return request.socket.destroy()
    if (request.url === '/silent') return
    response.writeHead(200).write('first')
    if (request.url === '/broken') setImmediate(() => response.destroy())
  })
  const http = client(t)
  const read = async (path: string, signal: AbortSignal, first = () => {}) => {
    for await (const _ of (await http.stream({ url: `${url}${path}`, signal })).body) first()
  }
  const lost = { code: 'HTTP_UNREACHABLE', message: new RegExp(`cannot reach ${url}: UND_ERR_SOCKET`) }
  const late = { code: 'HTTP_TIMEOUT', message: new RegExp(`^${url} `) }
  await t.rejects(read('/none', SIGNAL()), lost)
  await t.rejects(read('/broken', SIGNAL()), lost)
  await t.rejects(read('/slow', AbortSignal.abort()), late)
  const [before, within] = [new AbortController(), new AbortController()]
  const silent = read('/silent', before.signal)
  setImmediate(() => before.abort())
  await t.rejects(silent, late)
  await t.rejects(
    read('/slow', within.signal, () => within.abort()),
    late,
  )
  const endless = await http.stream({ url: `${url}/slow`, signal: SIGNAL() })
  t.equal(endless.status, 200)
  const rest = (async () => {
    for await (const _ of endless.body);
  })()
  rest.catch(() => {})
  await http.close()
  await t.rejects(rest, { code: 'HTTP_UNREACHABLE' }, 'closing ends the streams too')
  t.equal(await left(open), 0)
})
