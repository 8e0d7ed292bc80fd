import { createPrivateKey, X509Certificate } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import t, { type Test } from 'tap'
import { ensureOwnCertificate } from '../../src/server/own-certificate.ts'
import { modeOf, withoutMask } from '../support/file-calls.ts'

const NOW = Date.parse('2026-06-01T00:00:00Z')
const DAY = 86_400_000
const FILES = ['ca.crt', 'ca.key', 'tls.crt', 'tls.key']

function world(t: Test) {
  const stateDir = join(t.testdir(), 'state')
  const path = (name: string) => join(stateDir, name)
  const text = (name: string) => readFileSync(path(name), 'utf8')
  return {
    stateDir,
    path,
    text,
    ensure: (names: readonly string[] = [], now = NOW) => ensureOwnCertificate({ stateDir, names, now }),
    certificate: (name: string) => new X509Certificate(text(name)),
    /** Which of the files are other ones than before. */
    changes: async (run: () => Promise<unknown>) => {
      const before = FILES.map(text)
      await run()
      return FILES.filter((name, at) => text(name) !== before[at])
    },
  }
}

t.test('a private key is for its owner alone, whatever the mask of the process', async (t) => {
  withoutMask(t)
  const { ensure, stateDir, path } = world(t)
  await ensure()
  t.equal(modeOf(stateDir), 0o700)
  t.strictSame(readdirSync(stateDir).sort(), FILES, 'nothing else is left')
  for (const name of FILES) t.equal(modeOf(path(name)), 0o600, name)
})

t.test('a folder that others may enter is closed to them', async (t) => {
  const { ensure, stateDir } = world(t)
  mkdirSync(stateDir)
  for (const mode of [0o755, 0o710, 0o702]) {
    chmodSync(stateDir, mode)
    await ensure()
    t.equal(modeOf(stateDir), 0o700, mode.toString(8))
  }
})

t.test('a folder below folders that are not there yet is made', async (t) => {
  const stateDir = join(t.testdir(), 'a/b/state')
  t.strictSame(await ensureOwnCertificate({ stateDir, names: [], now: NOW }), {
    caFile: join(stateDir, 'ca.crt'),
    certFile: join(stateDir, 'tls.crt'),
    keyFile: join(stateDir, 'tls.key'),
  })
})

t.test('the CA is one for ten years, the leaf serves for one year and signs nothing', async (t) => {
  const { ensure, certificate, text } = world(t)
  await ensure(['10.0.0.1'])
  const [ca, leaf] = [certificate('ca.crt'), certificate('tls.crt')]
  t.strictSame([ca.subject, ca.issuer, ca.ca], ['CN=portcullis-ca', 'CN=portcullis-ca', true])
  t.strictSame([leaf.subject, leaf.issuer, leaf.ca], ['CN=portcullis', 'CN=portcullis-ca', false])
  t.strictSame(
    [ca, leaf].map(({ validFromDate, validToDate }) => [validFromDate.getTime(), validToDate.getTime()]),
    [
      [NOW - DAY, NOW + 3650 * DAY],
      [NOW - DAY, NOW + 365 * DAY],
    ],
    'a clock that is a day slow accepts both',
  )
  t.ok(leaf.verify(ca.publicKey) && leaf.checkIssued(ca) && ca.verify(ca.publicKey))
  t.ok(ca.checkPrivateKey(createPrivateKey(text('ca.key'))))
  t.ok(leaf.checkPrivateKey(createPrivateKey(text('tls.key'))))
  t.strictSame(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'for servers alone')
  for (const pair of [ca, leaf]) t.equal(pair.publicKey.asymmetricKeyType, 'ec')
  // RFC 5280: id-ce-keyUsage and basicConstraints are critical; a bit string of digitalSignature, or of certificate and CRL signing
  const critical = (value: string) => Buffer.from(`0603551d0f0101ff0404${value}`, 'hex')
  t.ok(leaf.raw.includes(critical('03020780')))
  t.ok(ca.raw.includes(critical('03020106')))
  const constraints = (value: string) => Buffer.from(`0603551d130101ff04${value}`, 'hex')
  t.ok(ca.raw.includes(constraints('0530030101ff')))
  t.ok(leaf.raw.includes(constraints('023000')))
  const ecdsaWithSha256 = Buffer.from('06082a8648ce3d040302', 'hex')
  for (const { raw } of [ca, leaf]) t.ok(raw.includes(ecdsaWithSha256))
})

t.test('the leaf names the host, this machine and what was asked for, each once', async (t) => {
  const { ensure, certificate } = world(t)
  await ensure(['localhost', 'a.example', '10.0.0.1', 'fd00::1', 'a.example', '10.example', 'node1'])
  const rows = [
    'localhost',
    'a.example',
    '10.0.0.1',
    'FD00:0:0:0:0:0:0:1',
    '10.example',
    'node1',
    '127.0.0.1',
  ]
  const text = (name: string) => (/^[\d.]+$|:/.test(name) ? `IP Address:${name}` : `DNS:${name}`)
  t.equal(
    certificate('tls.crt').subjectAltName,
    [...rows, '0:0:0:0:0:0:0:1', hostname()].map(text).join(', '),
  )
})

t.test('what is there and still good is kept', async (t) => {
  const { ensure, changes } = world(t)
  await ensure(['a.example', '10.0.0.1', 'fd00::1'])
  const fine = [
    [],
    ['a.example'],
    ['10.0.0.1', 'fd00::1', 'localhost', '::1', '127.0.0.1', hostname()],
  ] as const
  for (const names of fine) t.strictSame(await changes(() => ensure(names)), [])
})

t.test('a leaf that lacks one of the names is made again, the CA stays', async (t) => {
  const { ensure, changes } = world(t)
  await ensure(['a.example'])
  for (const name of ['b.example', 'node1', '10.0.0.2', 'fd00::2', 'www.a.example'])
    t.strictSame(await changes(() => ensure(['localhost', name])), ['tls.crt', 'tls.key'], name)
})

t.test('a leaf is made again when 120 days are left, the CA that clients trust stays', async (t) => {
  const { ensure, changes, certificate } = world(t)
  await ensure()
  t.strictSame(await changes(() => ensure([], NOW + 100 * DAY)), [])
  t.strictSame(await changes(() => ensure([], NOW + 245 * DAY - 1)), [], 'a moment before')
  t.strictSame(await changes(() => ensure([], NOW + 245 * DAY)), ['tls.crt', 'tls.key'])
  const leaf = certificate('tls.crt')
  t.equal(leaf.validToDate.getTime(), NOW + (245 + 365) * DAY)
  t.ok(leaf.verify(certificate('ca.crt').publicKey))
  t.strictSame(await changes(() => ensure([], NOW + 3000 * DAY)), ['tls.crt', 'tls.key'], 'long expired')
})

t.test('a leaf of which a file is missing is made again, the CA stays', async (t) => {
  const { ensure, changes, path } = world(t)
  await ensure()
  for (const name of ['tls.crt', 'tls.key'])
    t.strictSame(
      await changes(async () => {
        rmSync(path(name))
        await ensure()
      }),
      ['tls.crt', 'tls.key'],
      name,
    )
})

t.test('a CA of which a file is missing is made again, and a leaf with it', async (t) => {
  const { ensure, changes, path, certificate } = world(t)
  await ensure()
  for (const name of ['ca.crt', 'ca.key']) {
    const remade = async () => {
      rmSync(path(name))
      await ensure()
    }
    t.strictSame(await changes(remade), FILES, name)
    t.ok(
      certificate('tls.crt').verify(certificate('ca.crt').publicKey),
      'clients that trust it accept the leaf',
    )
  }
})

t.test('a key of another certificate, as after a crash between two files, is not served with', async (t) => {
  const { ensure, changes, path, text, certificate } = world(t)
  await ensure()
  const swapped = (name: string, other: string) => async () => {
    writeFileSync(path(name), other)
    await ensure()
  }
  const { private: other } = await generate([], { keyType: 'ec' })
  t.strictSame(await changes(swapped('tls.key', other)), ['tls.crt', 'tls.key'])
  t.strictSame(await changes(swapped('ca.key', other)), FILES)
  t.ok(certificate('tls.crt').checkPrivateKey(createPrivateKey(text('tls.key'))))
  t.ok(certificate('ca.crt').checkPrivateKey(createPrivateKey(text('ca.key'))))
})

t.test('a folder that cannot be used is a fault that names it and what else to give', async (t) => {
  const file = join(t.testdir({ file: '' }), 'file')
  const rejects = (stateDir: string, message: RegExp) =>
    t.rejects(ensureOwnCertificate({ stateDir, names: [], now: NOW }), {
      code: 'CERTIFICATE_INVALID',
      message,
      cause: Error,
    })
  await rejects(join(file, 'state'), /file\/state: .*ENOTDIR.*--state-dir.*--tls-cert-file/)
  const { ensure, stateDir, path } = world(t)
  await ensure()
  writeFileSync(path('tls.crt'), 'what is not a certificate')
  await rejects(stateDir, /state: .*--state-dir/)
})
