import { once } from 'node:events'
import http2 from 'node:http2'
import { join } from 'node:path'
import t from 'tap'
import { connectKms } from '../../src/kms/grpc.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { counting } from './fixtures.ts'
import { internal, REPORT, shell } from './grpc-world.ts'
import { held, settled, uuid } from './memory-store.ts'
import { connected, directory } from './socket-world.ts'

const UID = '5c1b7c04-7c5f-4a3c-9a36-3f3a4a4d1f00'
const ANNOTATIONS = { 'format.kms.portcullis.internal': Buffer.from('1') }
const SEED = counting(0x80, 32)
const DECRYPT = { ciphertext: SEED, uid: UID, keyId: 'k', annotations: {} }

t.test('the three calls reach the service and their answers the client, byte by byte', async (t) => {
  const { client, requests } = await shell(t, {
    status: () => ({ outcome: 'ok', value: { version: 'v2', healthz: 'ok', keyId: uuid(1) } }),
    encrypt: () => ({
      outcome: 'ok',
      value: { ciphertext: counting(0, 61), keyId: uuid(1), annotations: ANNOTATIONS },
    }),
    decrypt: async () => ({ outcome: 'ok', value: { plaintext: Buffer.from(SEED) } }),
  })
  t.strictSame(await client.status(), { version: 'v2', healthz: 'ok', keyId: uuid(1) })
  const sealed = await client.encrypt({ plaintext: Buffer.from(SEED), uid: UID })
  t.strictSame(sealed, {
    ciphertext: counting(0, 61),
    keyId: uuid(1),
    annotations: ANNOTATIONS,
  })
  t.strictSame(await client.decrypt({ ...sealed, uid: UID }), { plaintext: SEED })
  t.strictSame(requests, [
    { plaintext: SEED, uid: UID },
    { ...sealed, uid: UID },
  ])
})

t.test('fields that are not on the wire are empty, not absent', async (t) => {
  const { client, requests } = await shell(t, {
    status: () => ({ outcome: 'ok', value: {} as never }),
    encrypt: () => ({ outcome: 'ok', value: {} as never }),
    decrypt: async () => ({ outcome: 'invalid', reason: 'empty' }),
  })
  t.strictSame(await client.status(), { version: '', healthz: '', keyId: '' })
  t.strictSame(await client.encrypt({ plaintext: Buffer.alloc(0) } as never), {
    ciphertext: Buffer.alloc(0),
    keyId: '',
    annotations: {},
  })
  await t.rejects(client.decrypt({} as never), { message: /INVALID_ARGUMENT/ })
  t.strictSame(requests, [
    { plaintext: Buffer.alloc(0), uid: '' },
    { ciphertext: Buffer.alloc(0), uid: '', keyId: '', annotations: {} },
  ])
})

t.test('the report comes over the same socket, whole', async (t) => {
  const { client } = await shell(t, {})
  t.strictSame(await client.report(), REPORT)
})

t.test('each outcome has its gRPC code, and its reason is shown', async (t) => {
  for (const [outcome, code] of [
    ['invalid', 'INVALID_ARGUMENT'],
    ['refused', 'DATA_LOSS'],
    ['unknown_key', 'NOT_FOUND'],
    ['unavailable', 'UNAVAILABLE'],
  ] as const) {
    const answer = { outcome, reason: `because of ${outcome}` }
    const { client, failures } = await shell(t, {
      status: () => answer,
      encrypt: () => answer,
      decrypt: async () => answer,
    })
    const shown = (method: string) => ({
      code: 'KMS_CALL_FAILED',
      message: `${method}: ${code}: because of ${outcome}`,
    })
    await t.rejects(client.status(), shown('Status'))
    await t.rejects(client.encrypt({ plaintext: SEED, uid: UID }), shown('Encrypt'))
    await t.rejects(client.decrypt(DECRYPT), shown('Decrypt'))
    t.same(failures, [])
  }
})

t.test('what is thrown is INTERNAL without its text, and reported', async (t) => {
  const thrown = new Error('a secret text')
  const { client, failures } = await shell(t, {
    encrypt: () => {
      throw thrown
    },
    decrypt: () => Promise.reject(thrown),
  })
  const hidden = { code: 'KMS_CALL_FAILED', message: /: INTERNAL: internal error$/ }
  await t.rejects(client.encrypt({ plaintext: SEED, uid: UID }), hidden)
  await t.rejects(client.decrypt(DECRYPT), hidden)
  t.same(failures, [thrown, thrown])
})

t.test('a seed is overwritten once it is encrypted, or in the message', async (t) => {
  const given: Uint8Array[] = []
  const plaintext = Buffer.from(SEED)
  const { client } = await shell(t, {
    encrypt(request) {
      given.push(request.plaintext)
      return { outcome: 'invalid', reason: 'no' }
    },
    decrypt: async () => ({ outcome: 'ok', value: { plaintext } }),
  })
  await client.encrypt({ plaintext: SEED, uid: UID }).catch(() => {})
  const answer = await client.decrypt(DECRYPT)
  t.same(answer.plaintext, SEED)
  t.same([plaintext, ...given], [Buffer.alloc(32), Buffer.alloc(32)])
})

t.test('a message of 64 KiB is read, one of a byte more is refused', async (t) => {
  const { client, requests } = await shell(t, { encrypt: () => ({ outcome: 'invalid', reason: 'too long' }) })
  // a tag and three bytes of length before the plaintext, two bytes of an empty uid after it
  const ofMessage = (bytes: number) => ({ plaintext: Buffer.alloc(bytes - 6), uid: '' })
  await t.rejects(client.encrypt(ofMessage(65_536)), { message: /too long/ })
  await t.rejects(client.encrypt(ofMessage(65_537)), { message: /RESOURCE_EXHAUSTED/ })
  t.equal(requests.length, 1)
})

t.test('a client may have 256 calls at once', async (t) => {
  const { path } = await shell(t, {})
  const socket = await connected(path)
  const session = http2.connect('http://localhost', { createConnection: () => socket })
  const [settings] = (await once(session, 'remoteSettings')) as [http2.Settings]
  t.equal(settings.maxConcurrentStreams, 256)
  session.destroy()
})

t.test('stop waits for a call in flight, whose answer arrives', async (t) => {
  const answer = held<{ outcome: 'ok'; value: { plaintext: Buffer } }>()
  const arrived = held<void>()
  const { client, server } = await shell(t, {
    decrypt() {
      arrived.resolve()
      return answer.promise
    },
  })
  const call = client.decrypt(DECRYPT)
  await arrived.promise
  let stopped = false
  const delays: unknown[] = []
  const { setTimeout } = globalThis
  globalThis.setTimeout = ((run: () => void, ms: number) => {
    delays.push(ms)
    return setTimeout(run, ms)
  }) as typeof setTimeout
  const stopping = server.stop(60_000).then(() => {
    stopped = true
  })
  globalThis.setTimeout = setTimeout
  t.same(delays, [60_000, 60_000], 'the grace for calls and for connections')
  await settled()
  t.equal(stopped, false)
  answer.resolve({ outcome: 'ok', value: { plaintext: Buffer.from(SEED) } })
  t.same((await call).plaintext, SEED)
  await stopping
})

t.test('stop cuts what is left after the grace', async (t) => {
  const arrived = held<void>()
  const { client, server } = await shell(t, {
    decrypt() {
      arrived.resolve()
      return new Promise(() => {})
    },
  })
  const call = client.decrypt(DECRYPT)
  const cut = t.rejects(call, {
    code: 'KMS_CALL_FAILED',
    message: /^Decrypt: (UNAVAILABLE|CANCELLED|INTERNAL)/,
  })
  await arrived.promise
  await server.stop(5)
  await cut
})

t.test('a client that has stalled does not hold up a stop', async (t) => {
  const { path, server, client } = await shell(t, {})
  const stalled = await connected(path) // reads nothing, so it does not see that the server ends the connection
  t.teardown(() => stalled.destroy())
  await client.report() // and so the connection before it is served
  await server.stop(5)
  t.equal(stalled.destroyed, false)
})

t.test('a call ends at the deadline', async (t) => {
  const { client } = await shell(t, { decrypt: () => new Promise(() => {}) }, 30)
  await t.rejects(client.decrypt(DECRYPT), {
    code: 'KMS_CALL_FAILED',
    message: /^Decrypt: DEADLINE_EXCEEDED/,
  })
})

t.test('the deadline is a time of day: it is counted on the wall clock', async (t) => {
  const { path } = await shell(t, {
    status: () => ({ outcome: 'ok', value: { version: 'v2', healthz: 'ok', keyId: 'k' } }),
  })
  const clock = createManualClock(Date.now())
  const client = connectKms({ path, deadlineMs: 60_000, clock })
  t.teardown(() => client.close())
  t.equal((await client.status()).healthz, 'ok')
  clock.setWallBy(-120_000)
  await t.rejects(client.status(), { message: /^Status: DEADLINE_EXCEEDED/ })
})

t.test('a client where nobody listens says so', async (t) => {
  const path = join(directory(t), 'nothing.sock')
  const client = connectKms({ path, deadlineMs: 3000, clock: createManualClock(Date.now()) })
  t.teardown(() => client.close())
  await t.rejects(client.report(), { code: 'KMS_CALL_FAILED', message: /^Get: UNAVAILABLE: / })
})

t.test('the client calls as kube-apiserver does: its paths, and localhost as authority', async (t) => {
  const path = join(directory(t), 'kms.sock')
  const seen: unknown[] = []
  const server = http2.createServer()
  server.on('stream', (stream, headers) => {
    seen.push([headers[':scheme'], headers[':authority'], headers[':path']])
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' },
      { endStream: true },
    )
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  const client = connectKms({ path, deadlineMs: 5000, clock: createManualClock(Date.now()) })
  t.teardown(() => {
    client.close()
    server.close()
  })
  const calls = [
    () => client.status(),
    () => client.encrypt({ plaintext: SEED, uid: UID }),
    () => client.decrypt(DECRYPT),
    () => client.report(),
  ]
  for (const call of calls) await t.rejects(call() as Promise<unknown>, { message: /UNIMPLEMENTED/ })
  t.strictSame(
    seen,
    [
      'v2.KeyManagementService/Status',
      'v2.KeyManagementService/Encrypt',
      'v2.KeyManagementService/Decrypt',
      'portcullis.kms.Report/Get',
    ].map((method) => ['http', 'localhost', `/${method}`]),
  )
})

t.test('a client that is closed calls no more', async (t) => {
  const { client } = await shell(t, { status: internal })
  client.close()
  await t.rejects(async () => client.status(), { message: /shut down/ })
})
