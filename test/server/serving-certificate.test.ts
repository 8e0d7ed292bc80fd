import { constants } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SecureContextOptions, Server } from 'node:tls'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import { readServingTls, watchServingCertificate } from '../../src/server/serving-certificate.ts'
import { issue, makeAuthority } from '../support/certificates.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { recordLog } from '../support/recorded-log.ts'

const RULES = { minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_RENEGOTIATION }
const RELOADED = 'Serving with the new certificate'
const KEPT = 'Kept the old certificate, the new one is not usable'

const authorities = Promise.all([makeAuthority('one'), makeAuthority('two')])
const pairs = authorities.then(([one, two]) => Promise.all([issue(one, 'first'), issue(two, 'second')]))

async function world(t: Test, clientCa = false) {
  const folder = t.testdir()
  const path = (name: string) => join(folder, name)
  const write = (name: string, text: string) => writeFileSync(path(name), text)
  const [first, second] = await pairs
  const [one, two] = await authorities
  write('tls.crt', first.cert)
  write('tls.key', first.key)
  write('clients.crt', one.cert)
  const files = {
    certFile: path('tls.crt'),
    keyFile: path('tls.key'),
    ...(clientCa && { clientCaFile: path('clients.crt') }),
  }
  return { path, write, first, second, one, two, files }
}

/** A server whose files are watched, and all that it was told to serve with since. */
async function watched(t: Test, clientCa = false) {
  const clock = createManualClock()
  const { log, lines } = recordLog()
  const parts = await world(t, clientCa)
  const served: SecureContextOptions[] = []
  const server = { setSecureContext: (options: SecureContextOptions) => served.push(options) }
  const { check, stop } = watchServingCertificate({
    files: parts.files,
    server: server as unknown as Server,
    clock,
    log,
  })
  return { ...parts, clock, lines, served, check, stop, look: () => clock.advance(1000) }
}

t.test('certificate, key and client authorities are read as they are in the files', async (t) => {
  const { files, first, one } = await world(t, true)
  t.strictSame(readServingTls(files), { cert: first.cert, key: first.key, ca: one.cert })
  const { clientCaFile: _, ...pair } = files
  t.strictSame(
    readServingTls(pair),
    { cert: first.cert, key: first.key },
    'no authorities, no client certificate',
  )
})

t.test('a pair that cannot be served with is a fault that names both files', async (t) => {
  const { files, write, first, second, one } = await world(t)
  const encrypted = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n'
  for (const [name, cert, key, why] of [
    ['a key of another certificate', first.cert, second.key, /does not belong/],
    ['the key of its authority', first.cert, one.key, /does not belong/],
    ['no certificate', 'nothing', first.key, /./],
    ['an empty file', '', first.key, /./],
    ['no key', first.cert, 'nothing', /./],
    ['an encrypted key', first.cert, encrypted, /./],
    ['a chain that ends in the middle', `${first.cert}\n${one.cert.slice(0, 200)}`, first.key, /./],
  ] as const) {
    write('tls.crt', cert)
    write('tls.key', key)
    t.throws(() => readServingTls(files), { code: 'CERTIFICATE_INVALID', message: why }, name)
    t.throws(() => readServingTls(files), { message: /tls\.crt and .*tls\.key / }, name)
  }
  write('tls.crt', `${first.cert}\n${one.cert}`)
  write('tls.key', first.key)
  t.equal(readServingTls(files).cert, `${first.cert}\n${one.cert}`, 'a whole chain is served')
})

t.test('a file that is missing is a fault that names it', async (t) => {
  for (const name of ['tls.crt', 'tls.key', 'clients.crt']) {
    const { files, path } = await world(t, true)
    rmSync(path(name))
    t.throws(() => readServingTls(files), { code: 'FILE_UNREADABLE', message: new RegExp(path(name)) })
  }
})

t.test('client authorities without a certificate are a fault: nobody could connect', async (t) => {
  for (const text of ['', 'nothing', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']) {
    const { files, write } = await world(t, true)
    write('clients.crt', text)
    t.throws(() => readServingTls(files), { code: 'CERTIFICATE_INVALID', message: /clients\.crt .*PEM/ })
  }
})

t.test('while nothing changes, nothing is loaded and nothing is logged', async (t) => {
  const { clock, served, lines, check } = await watched(t, true)
  await clock.advance(60_000)
  t.strictSame([served, lines], [[], []])
  t.strictSame([check.name, check.reddens, check.fault()], ['serving-certificate', [], undefined])
})

t.test('a new pair is served within a second, by the same rules as the first', async (t) => {
  const { files, write, second, served, lines, check, clock } = await watched(t)
  write('tls.crt', second.cert)
  write('tls.key', second.key)
  await clock.advance(999)
  t.strictSame(served, [])
  await clock.advance(1)
  t.strictSame(served, [{ ...RULES, cert: second.cert, key: second.key }])
  t.strictSame(lines, [{ level: 'info', certFile: files.certFile, msg: RELOADED }])
  t.equal(check.fault(), undefined)
})

t.test('each of the three files is watched', async (t) => {
  const { first, one, two, write, served, look } = await watched(t, true)
  const common = { ...RULES, cert: first.cert, key: first.key, ca: one.cert }
  const chain = `${first.cert}\n${one.cert}`
  for (const [name, text, now] of [
    ['clients.crt', two.cert, { ...common, ca: two.cert }],
    ['tls.crt', chain, { ...common, ca: two.cert, cert: chain }],
    ['tls.key', `${first.key}\n`, { ...common, ca: two.cert, cert: chain, key: `${first.key}\n` }],
  ] as const) {
    write(name, text)
    await look()
    t.strictSame(served.splice(0), [now], name)
  }
})

t.test('a bad pair is reported, the old one serves on, and a good one takes over again', async (t) => {
  const { write, first, second, served, lines, check, look } = await watched(t)
  write('tls.crt', second.cert)
  await look()
  t.strictSame(served, [], 'half a pair is not served')
  t.match(check.fault(), /still serving with the old/)
  t.match(lines, [{ level: 'error', msg: KEPT, err: /does not belong/ }])
  t.strictSame(Object.keys(lines[0] ?? {}).sort(), ['err', 'level', 'msg'])
  t.notMatch(JSON.stringify(lines), /PRIVATE/)
  write('tls.key', second.key)
  await look()
  t.equal(check.fault(), undefined)
  t.strictSame(served, [{ ...RULES, cert: second.cert, key: second.key }])
  write('tls.key', first.key)
  write('tls.crt', first.cert)
  await look()
  t.strictSame(
    served.map(({ cert }) => cert),
    [second.cert, first.cert],
  )
  t.strictSame(
    lines.map(({ msg }) => msg),
    [KEPT, RELOADED, RELOADED],
  )
})

t.test('a file that goes and comes back is reported once, and read when it is back', async (t) => {
  const { path, write, first, served, lines, check, look } = await watched(t, true)
  rmSync(path('clients.crt'))
  for (let turn = 0; turn < 3; turn += 1) await look()
  t.match(lines, [{ level: 'error', msg: KEPT, err: /clients\.crt/ }])
  t.equal(lines.length, 1)
  t.match(check.fault(), /not usable/)
  t.strictSame(served, [], 'client certificates are not left unchecked')
  const { cert } = await makeAuthority('third')
  write('clients.crt', cert)
  await look()
  t.strictSame(served, [{ ...RULES, cert: first.cert, key: first.key, ca: cert }])
  t.equal(check.fault(), undefined)
})

t.test('a server that refuses what the files hold keeps the old pair', async (t) => {
  const { log, lines } = recordLog()
  const { files, write, second } = await world(t)
  const clock = createManualClock()
  const server = {
    setSecureContext() {
      throw new Error('ee key too small')
    },
  }
  const { check } = watchServingCertificate({ files, server: server as unknown as Server, clock, log })
  write('tls.crt', second.cert)
  write('tls.key', second.key)
  await clock.advance(1000)
  t.strictSame(lines, [{ level: 'error', err: 'ee key too small', msg: KEPT }])
  t.match(check.fault(), /still serving with the old/)
})

t.test('a server that has stopped looks no more', async (t) => {
  const { write, second, served, lines, stop, look } = await watched(t)
  stop()
  write('tls.crt', second.cert)
  write('tls.key', second.key)
  await look()
  t.strictSame([served, lines], [[], []])
})

t.test('an RSA pair is served as well', async (t) => {
  const { files, write } = await world(t)
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'rsa' }], { keySize: 2048 })
  write('tls.crt', cert)
  write('tls.key', key)
  t.strictSame(readServingTls(files), { cert, key })
})
