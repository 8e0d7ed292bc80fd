import { randomBytes } from 'node:crypto'
import { lstatSync, readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { counting } from './fixtures.ts'
import { startPlugin } from './node.ts'

const SEED = counting(0x80, 32)
const uid = '5c1b7c04-7c5f-4a3c-9a36-3f3a4a4d1f00'
t.test('a gRPC client encrypts and decrypts over a socket that nobody else can open', async (t) => {
  const { client, path, secret } = await startPlugin(t)
  t.equal(lstatSync(path).mode & 0o777, 0o600)
  t.same(await client.status(), { version: 'v2', healthz: 'ok', keyId: secret.id })
  const sealed = await client.encrypt({ plaintext: Buffer.from(SEED), uid })
  t.equal(sealed.keyId, secret.id)
  t.same(Object.keys(sealed.annotations), ['format.kms.portcullis.internal'])
  t.same((await client.decrypt({ ...sealed, uid })).plaintext, SEED)
  t.same(readdirSync(join(path, '..')), ['kms.sock'])
})

t.test('each outcome has its gRPC code, and none its secrets', async (t) => {
  const { client } = await startPlugin(t)
  const good = { ...(await client.encrypt({ plaintext: Buffer.from(SEED), uid })), uid }
  const rejects = (call: Promise<unknown>, code: string) =>
    t.rejects(call, { code: 'KMS_CALL_FAILED', message: new RegExp(`: ${code}: [A-Za-z0-9 ,:()]+$`) })
  await rejects(client.encrypt({ plaintext: Buffer.alloc(0), uid }), 'INVALID_ARGUMENT')
  await rejects(client.decrypt({ ...good, ciphertext: Buffer.alloc(1025) }), 'INVALID_ARGUMENT')
  await rejects(client.decrypt({ ...good, ciphertext: randomBytes(61) }), 'DATA_LOSS')
  await rejects(client.decrypt({ ...good, keyId: 'k'.repeat(1024) }), 'NOT_FOUND')
  await rejects(client.decrypt({ ...good, keyId: 'k'.repeat(1025) }), 'INVALID_ARGUMENT')
  await rejects(client.encrypt({ plaintext: Buffer.alloc(100_000), uid }), 'RESOURCE_EXHAUSTED')
})

t.test('it listens before Barbican has answered anything', async (t) => {
  const { client, check } = await startPlugin(t, { check: false })
  await t.rejects(client.status(), { message: /UNAVAILABLE: no key has been loaded/ })
  await check.run()
  t.equal((await client.status()).healthz, 'ok')
})

t.test('the report tells keys, ages and legacy decrypts', async (t) => {
  const { client, secret } = await startPlugin(t)
  const report = await client.report()
  t.match(report, { standing: 'ok', currentKeyId: secret.id, nextKeyId: '', legacyDecrypts: 0 })
  t.match(report.keys, [{ id: secret.id, loaded: true, expiresInSeconds: -1 }])
})

t.test('a path where somebody answers is left to him; a dead one is taken over', async (t) => {
  const first = await startPlugin(t)
  await t.rejects(startPlugin(t, { path: first.path }), { code: 'KMS_SOCKET_IN_USE' })
  t.equal((await first.client.status()).healthz, 'ok')
  await first.stop()
  t.ok(lstatSync(first.path).isSocket(), 'a stopped process leaves the path alone')
  const second = await startPlugin(t, { path: first.path })
  t.equal((await second.client.status()).healthz, 'ok')
})

t.test('a restart that overlaps never leaves the path without a listener, nor breaks a call', async (t) => {
  const old = await startPlugin(t)
  const refusals: (string | undefined)[] = []
  let connects = 0
  const knock = () =>
    new Promise<void>((resolve) => {
      const probe = connect(old.path)
      probe.once('connect', () => {
        connects++
        probe.destroy()
        resolve()
      })
      probe.once('error', (error: NodeJS.ErrnoException) => {
        refusals.push(error.code)
        resolve()
      })
    })
  let knocking = true
  const knocks = (async () => {
    while (knocking) await knock()
  })()
  const failures: unknown[] = []
  const calls = (async () => {
    while (knocking) await old.client.status().catch((error: unknown) => failures.push(error))
  })()
  const successor = await startPlugin(t, { path: old.path, replaceRunning: true })
  t.notOk(old.socket.leadsHere())
  t.ok(successor.socket.leadsHere())
  const aWhile = () => new Promise((resolve) => setTimeout(resolve, 50))
  await aWhile()
  await old.stop()
  await aWhile()
  knocking = false
  await Promise.all([knocks, calls])
  t.same(refusals, [])
  t.same(failures, [])
  t.ok(connects > 10, `${connects} connects`)
  t.ok(successor.socket.leadsHere(), 'the old one took nothing away when it closed')
})

t.test('bytes that are no gRPC on the socket harm nobody', async (t) => {
  const { path, client, errors } = await startPlugin(t)
  for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), randomBytes(5000), Buffer.alloc(20_000)])
    await new Promise<void>((resolve) => {
      const raw = connect(path, () => raw.end(bytes))
      raw.once('close', () => resolve())
      raw.once('error', () => resolve())
      raw.resume()
    })
  t.equal((await client.status()).healthz, 'ok')
  t.same(errors, [])
})
