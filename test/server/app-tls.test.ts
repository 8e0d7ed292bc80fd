import { connect, type TLSSocket, type Server as TlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import { createApp, listen } from '../../src/server/app.ts'
import { TLS_RULES } from '../../src/server/serving-certificate.ts'
import { issue, makeAuthority, type Pair } from '../support/certificates.ts'
import { recordLog } from '../support/recorded-log.ts'
import { ask, ask2 } from '../support/wire.ts'

const authorities = Promise.all([makeAuthority('servers'), makeAuthority('clients'), makeAuthority('others')])
const pairs = authorities.then((all) => Promise.all(all.map((authority) => issue(authority, 'somebody'))))

/** A server over TLS; with `clientCa` it requires client certificates of these authorities. */
async function start(t: Test, clientCa?: string) {
  const [servers] = await authorities
  const [own] = (await pairs) as [Pair]
  const app = createApp({ log: recordLog().log, tls: { ...own, ...(clientCa && { ca: clientCa }) } })
  app.get('/ok', (_request, reply) => reply.send('fine'))
  t.teardown(() => app.close())
  const port = await listen(app, { host: '127.0.0.1', port: 0 })
  const shake = (options: object) =>
    new Promise<TLSSocket>((resolve, reject) => {
      const socket = connect({
        port,
        host: '127.0.0.1',
        ca: servers.cert,
        servername: 'localhost',
        ...options,
      })
      t.teardown(() => socket.destroy())
      socket.on('secureConnect', () => resolve(socket)).on('error', reject)
    })
  return { app, own, url: `https://127.0.0.1:${port}`, ca: servers.cert, shake }
}

t.test('TLS 1.2 and 1.3 are spoken and no older version, also with a renewed certificate', async (t) => {
  const { app, own, shake } = await start(t)
  const speak = (version: string) =>
    shake({ minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' })
  for (const renew of [false, true]) {
    if (renew) (app.server as unknown as TlsServer).setSecureContext({ ...TLS_RULES, ...own })
    for (const version of ['TLSv1.2', 'TLSv1.3']) t.equal((await speak(version)).getProtocol(), version)
    for (const version of ['TLSv1', 'TLSv1.1']) await t.rejects(speak(version), version)
  }
})

t.test('a client cannot make the server negotiate again and again', async (t) => {
  const { shake } = await start(t)
  const socket = await shake({ maxVersion: 'TLSv1.2' })
  const outcome = await new Promise((resolve) => {
    socket.on('error', () => resolve('refused'))
    socket.renegotiate({ rejectUnauthorized: false }, (error) => resolve(error ? 'refused' : 'done'))
  })
  t.equal(outcome, 'refused')
})

t.test('HTTP/2 is chosen where it is offered, and HTTP/1.1 works as well', async (t) => {
  const { shake, url, ca } = await start(t)
  t.equal((await shake({ ALPNProtocols: ['h2', 'http/1.1'] })).alpnProtocol, 'h2')
  t.equal((await shake({ ALPNProtocols: ['http/1.1'] })).alpnProtocol, 'http/1.1')
  t.match(await ask(url, { path: '/ok' }, { ca }), { status: 200, text: 'fine' })
  t.match(await ask2(url, { path: '/ok' }, { ca }), { status: 200, text: 'fine' })
})

t.test('with client authorities only their certificates come in, over both versions of HTTP', async (t) => {
  const [, clients] = await authorities
  const { url, ca } = await start(t, clients.cert)
  const [, known, unknown] = (await pairs) as [Pair, Pair, Pair]
  for (const send of [ask, ask2]) {
    t.match(await send(url, { path: '/ok' }, { ca, ...known }), { status: 200, text: 'fine' })
    await t.rejects(send(url, { path: '/ok' }, { ca }), 'no certificate')
    await t.rejects(send(url, { path: '/ok' }, { ca, ...unknown }), 'one of another authority')
  }
})

t.test('without client authorities nobody is asked for a certificate', async (t) => {
  const { url, ca } = await start(t)
  const [, known] = (await pairs) as [Pair, Pair]
  for (const pair of [{}, known])
    t.match(await ask2(url, { path: '/ok' }, { ca, ...pair }), { status: 200, text: 'fine' })
})

t.test('a fault over HTTP/2 is a Status without headers that HTTP/2 forbids', async (t) => {
  const { url, ca } = await start(t)
  for (const path of ['/nowhere', '/%zz']) {
    const reply = await ask2(url, { path }, { ca })
    t.match(JSON.parse(reply.text), { kind: 'Status', code: reply.status }, path)
    t.equal(reply.headers.connection, undefined)
  }
})
