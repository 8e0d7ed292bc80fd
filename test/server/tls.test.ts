import { writeFileSync } from 'node:fs'
import { connect } from 'node:tls'
import t from 'tap'
import { issue, makeAuthority, type Pair, writePair } from '../support/certificates.ts'
import { startServe } from '../support/program.ts'
import { ask, ask2, JSON_TYPE, tokenReview } from '../support/wire.ts'

const KEYSTONE = ['--keystone-url', 'http://127.0.0.1:1/v3']
const BAD_TOKEN = { method: 'POST', path: '/authenticate', headers: JSON_TYPE, body: tokenReview('no-token') }

interface Handshake {
  readonly protocol: string | null
  readonly alpn: string | false | null
  readonly subject: string
}

function handshake(url: string, options: object): Promise<Handshake> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: hostname, port: Number(port), servername: 'localhost', ...options },
      () => {
        const subject = String(socket.getPeerCertificate().subject.CN)
        resolve({ protocol: socket.getProtocol(), alpn: socket.alpnProtocol, subject })
        socket.destroy()
      },
    )
    socket.on('error', reject)
  })
}

t.test('TLS 1.2 and 1.3 are spoken, older ones are not', async (t) => {
  const { url, ca } = await startServe(t, KEYSTONE)
  const speak = (version: string) =>
    handshake(url, { ca, minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' })
  t.match(await speak('TLSv1.2'), { protocol: 'TLSv1.2' })
  t.match(await speak('TLSv1.3'), { protocol: 'TLSv1.3' })
  await t.rejects(speak('TLSv1.1'))
})

t.test('HTTP/2 is chosen when the client offers it, HTTP/1.1 works as well', async (t) => {
  const { url, ca } = await startServe(t, KEYSTONE)
  t.match(await handshake(url, { ca, ALPNProtocols: ['h2', 'http/1.1'] }), { alpn: 'h2' })
  t.match(await handshake(url, { ca, ALPNProtocols: ['http/1.1'] }), { alpn: 'http/1.1' })
  t.match(await ask2(url, BAD_TOKEN, { ca }), { status: 200 })
  t.match(await ask(url, BAD_TOKEN, { ca }), { status: 200 })
})

t.test('a server without certificate flags makes its own once and keeps it', async (t) => {
  const stateDir = t.testdir()
  const first = await startServe(t, KEYSTONE, { stateDir })
  const second = await startServe(t, KEYSTONE, { stateDir })
  t.equal(first.ca, second.ca)
  t.match(await ask2(second.url.replace('127.0.0.1', 'localhost'), BAD_TOKEN, { ca: first.ca }), {
    status: 200,
  })
})

t.test('certificates reload without a restart, and a bad one does not replace the good one', async (t) => {
  const authority = await makeAuthority()
  const dir = t.testdir()
  const flags = writePair(dir, await issue(authority, 'first'))
  const server = await startServe(t, [...KEYSTONE, ...flags])
  const subject = async () => (await handshake(server.url, { ca: authority.cert })).subject
  t.equal(await subject(), 'first')
  writePair(dir, await issue(authority, 'second'))
  await server.logged('Serving with the new certificate')
  t.equal(await subject(), 'second')
  const stranger: Pair = { cert: (await issue(authority, 'third')).cert, key: authority.key }
  writePair(dir, stranger)
  await server.logged('Kept the old certificate, the new one is not usable')
  t.equal(await subject(), 'second')
  const ready = await ask(server.adminUrl, { path: '/readyz?verbose' })
  t.match(ready, { status: 200, text: /\[!\]serving-certificate warning: .*still serving with the old/ })
})

t.test(
  'with a client CA a client certificate is required, and another CA takes over without a restart',
  async (t) => {
    const [authority, clients, others] = await Promise.all([
      makeAuthority(),
      makeAuthority('clients'),
      makeAuthority('others'),
    ])
    const dir = t.testdir({ 'clients.crt': clients.cert })
    const flags = writePair(dir, await issue(authority, 'server'))
    const server = await startServe(t, [...KEYSTONE, ...flags, '--client-ca-file', `${dir}/clients.crt`])
    const [known, unknown] = await Promise.all([
      issue(clients, 'kube-apiserver'),
      issue(others, 'kube-apiserver'),
    ])
    const as = (pair?: Pair) => ask(server.url, BAD_TOKEN, { ca: authority.cert, ...pair })
    t.match(await as(known), { status: 200 })
    await t.rejects(as(), 'no certificate')
    await t.rejects(as(unknown), 'a certificate of another authority')
    await t.rejects(ask2(server.url, BAD_TOKEN, { ca: authority.cert }), 'no certificate over HTTP/2')
    writeFileSync(`${dir}/clients.crt`, others.cert)
    await server.logged('Serving with the new certificate')
    t.match(await as(unknown), { status: 200 })
    await t.rejects(as(known))
  },
)
