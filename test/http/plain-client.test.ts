import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { createPlainHttpClient, type TlsFiles } from '../../src/http/plain-client.ts'
import { issue, makeAuthority, type Pair } from '../support/certificates.ts'
import { httpClientCases } from '../support/http-client-cases.ts'
import { startLoopbackServer } from '../support/loopback-server.ts'

const tlsModule = process.getBuiltinModule('node:tls')
const userAgent = 'portcullis/test'
const SIGNAL = () => AbortSignal.timeout(5000)

httpClientCases(t, () => createPlainHttpClient({ userAgent, tls: {} }))

/** Two authorities with a server each, and the certificates in files. */
async function world(t: Test, options: { requestCert?: boolean } = {}) {
  const folder = t.testdir({})
  const [red, blue] = [await makeAuthority('red'), await makeAuthority('blue')]
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  const server = await startLoopbackServer(
    t,
    ({ socket }, response) =>
      response.end((socket as TLSSocket).getPeerCertificate().subject?.CN ?? 'nobody'),
    { ...(await issue(red, 'server')), ...(options.requestCert && { ...options, ca: red.cert }) },
  )
  const client = (tls: TlsFiles) => {
    const http = createPlainHttpClient({ userAgent, tls })
    t.teardown(() => http.close())
    return http
  }
  const ask = (tls: TlsFiles) => client(tls).request({ url: server.url, signal: SIGNAL() })
  return {
    red,
    blue,
    file,
    server,
    client,
    ask,
    redCa: file('red.pem', red.cert),
    blueCa: file('blue.pem', blue.cert),
  }
}

/** What this machine trusts, and what Node does, to the end of the test; gives what was asked for. */
function trust(t: Test, authorities: readonly Pair[], ofNode?: readonly Pair[]): readonly unknown[] {
  const asked: unknown[] = []
  const original = tlsModule.getCACertificates
  tlsModule.getCACertificates = (kind) => {
    asked.push(kind)
    if (kind === 'system') return authorities.map(({ cert }) => cert)
    return ofNode?.map(({ cert }) => cert) ?? original(kind)
  }
  t.teardown(() => {
    tlsModule.getCACertificates = original
  })
  return asked
}

t.test('a server is trusted with the authorities of the file, in place of all others', async (t) => {
  const { ask, red, redCa, blueCa, server, file } = await world(t)
  const asked = trust(t, [red])
  t.equal((await ask({ ca: redCa })).status, 200)
  t.equal((await ask({ ca: file('both.pem', `${red.cert}\n${red.cert}`) })).status, 200)
  const before = server.made.length
  await t.rejects(ask({ ca: blueCa }), {
    code: 'HTTP_UNREACHABLE',
    message: new RegExp(`trust the certificate of ${server.url} .*${blueCa} \\(\\w+\\).*--cacert`),
  })
  t.equal(server.made.length, before + 1, 'not tried again')
  t.strictSame(asked, [], 'nor with the authorities of this machine')
})

t.test('without a file a server is trusted by Node, else by this machine, which is read once', async (t) => {
  const { client, red, server } = await world(t)
  const asked = trust(t, [red])
  const http = client({})
  for (let again = 0; again < 3; again += 1)
    t.equal((await http.request({ url: server.url, signal: SIGNAL() })).status, 200)
  t.strictSame(asked, ['default', 'system'])
  t.equal(server.made.length, 2, 'a refused connection, and one that is kept')
})

t.test(
  'the authorities of this machine come to those of Node, and the own certificate is still shown',
  async (t) => {
    const { ask, red, blue, file } = await world(t, { requestCert: true })
    const pair = await issue(red, 'alice')
    const own = { cert: file('alice.pem', pair.cert), key: file('alice.key', pair.key) }
    for (const [machine, node] of [
      [[red], [blue]],
      [[blue], [red]],
    ]) {
      trust(t, machine ?? [], node)
      t.equal((await ask(own)).body.toString(), 'alice')
    }
  },
)

t.test('a server that nobody here trusts is an error that says so', async (t) => {
  const { ask, blue, server } = await world(t)
  trust(t, [blue])
  await t.rejects(ask({}), {
    code: 'HTTP_UNREACHABLE',
    message: new RegExp(`trust the certificate of ${server.url} .*this machine \\(UNABLE_TO_VERIFY\\w+\\)`),
  })
  t.equal(server.made.length, 2)
})

t.test('a certificate for another host, or a server without TLS, is no server to talk to', async (t) => {
  const { file, client } = await world(t)
  const other = await makeAuthority('elsewhere')
  const named = await startLoopbackServer(t, (_, response) => response.end(), other)
  const tls = { ca: file('other.pem', other.cert) }
  await t.rejects(client(tls).request({ url: named.url, signal: SIGNAL() }), {
    code: 'HTTP_UNREACHABLE',
    message: /trust the certificate of .*ALTNAME_INVALID/,
  })
  const plain = await startLoopbackServer(t, (_, response) => response.end())
  const url = plain.url.replace('http:', 'https:')
  await t.rejects(client(tls).request({ url, signal: SIGNAL() }), {
    code: 'HTTP_UNREACHABLE',
    message: /^cannot reach https.*: (EPROTO|ERR_SSL)/,
  })
  t.equal(plain.made.length, 1)
})

t.test('a client shows its certificate to a server that asks for it', async (t) => {
  const { ask, red, redCa, file } = await world(t, { requestCert: true })
  const pair = await issue(red, 'alice')
  const [cert, key] = [file('alice.pem', pair.cert), file('alice.key', pair.key)]
  t.equal((await ask({ ca: redCa, cert, key })).body.toString(), 'alice')
  await t.rejects(ask({ ca: redCa }), {
    code: 'HTTP_UNREACHABLE',
    message: /^cannot reach .*ALERT_CERTIFICATE_REQUIRED/,
  })
})

t.test('files that cannot be used are named, before anything is sent', async (t) => {
  const { ask, red, blue, redCa, file, server } = await world(t)
  const [alice, bob] = [await issue(red, 'alice'), await issue(blue, 'bob')]
  const [cert, key] = [file('alice.pem', alice.cert), file('alice.key', alice.key)]
  const absent = join(t.testdirName, 'absent')
  const rows: [TlsFiles, string, readonly string[]][] = [
    [{ ca: absent }, 'FILE_UNREADABLE', [absent]],
    [{ ca: redCa, cert: absent, key }, 'FILE_UNREADABLE', [absent]],
    [{ ca: redCa, cert, key: absent }, 'FILE_UNREADABLE', [absent]],
    [{ ca: file('empty.pem', '') }, 'CERTIFICATE_INVALID', ['empty.pem: no PEM']],
    [{ ca: file('text.pem', 'text') }, 'CERTIFICATE_INVALID', ['text.pem: no PEM']],
    [{ ca: redCa, cert: file('bad.crt', 'x'), key }, 'CERTIFICATE_INVALID', [redCa, ', ', 'bad.crt', key]],
    [{ cert, key: file('bob.key', bob.key) }, 'CERTIFICATE_INVALID', [cert, 'bob.key', 'MISMATCH']],
    [{ cert, key: file('bad.key', 'x') }, 'CERTIFICATE_INVALID', [`${cert}, `, 'bad.key']],
  ]
  for (const [tls, code, words] of rows) {
    const error = await ask(tls).catch((caught: Error) => caught)
    t.match(error, { code })
    for (const word of words) t.ok(String(error).includes(word), `${error} names ${word}`)
    t.notMatch(String(error), 'undefined')
  }
  t.equal(server.made.length, 0)
})

t.test('a request that was lost is not sent again: a log-in counts as an attempt', async (t) => {
  const { red } = await world(t)
  const asked = trust(t, [red])
  const { url, made } = await startLoopbackServer(t, ({ socket }) => void socket.resetAndDestroy())
  const http = createPlainHttpClient({ userAgent, tls: {} })
  const login = http.request({ method: 'POST', url, body: '{}', signal: SIGNAL() })
  await t.rejects(login, { code: 'HTTP_UNREACHABLE', message: /ECONNRESET/ })
  t.equal(made.length, 1)
  t.strictSame(asked, [])
})

t.test('over plain HTTP the files are not read', async (t) => {
  const { client } = await world(t)
  const { url } = await startLoopbackServer(t, (_, response) => response.end('{}'))
  t.equal((await client({ ca: 'absent', cert: 'absent' }).request({ url, signal: SIGNAL() })).status, 200)
})
