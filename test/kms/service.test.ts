import { randomBytes } from 'node:crypto'
import t from 'tap'
import { FORMAT_ANNOTATION } from '../../src/kms/envelope.ts'
import type { KmsAnswer } from '../../src/kms/kms-service.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { counting, flippedBits, legacyCiphertext, spoiled } from './fixtures.ts'
import { createNode, startBarbican } from './node.ts'

const SEED = counting(0x80, 32)
const uid = '5c1b7c04-7c5f-4a3c-9a36-3f3a4a4d1f00'
const HOUR = 3_600_000

function answered<T>(answer: KmsAnswer<T>): T {
  if (answer.outcome === 'ok') return answer.value
  throw new Error(`${answer.outcome}: ${answer.reason}`)
}

/** A node that has loaded one key, found by name. */
async function ready(t: Parameters<typeof startBarbican>[0]) {
  const clock = createManualClock()
  const world = await startBarbican(t, clock)
  const secret = world.simulated.store({})
  const node = createNode({ barbican: world.barbican, keySet: { ids: [], name: 'kek' }, clock })
  await node.check.run()
  const sealed = () => answered(node.service.encrypt({ plaintext: SEED, uid }))
  return { clock, ...world, secret, ...node, sealed }
}

t.test('Status, Encrypt and Decrypt keep the contract', async (t) => {
  const { service, secret, sealed } = await ready(t)
  t.same(answered(service.status()), { version: 'v2', healthz: 'ok', keyId: secret.id })
  const { ciphertext, keyId, annotations } = sealed()
  t.equal(keyId, secret.id)
  t.equal(ciphertext.length, 61)
  t.same(annotations, { [FORMAT_ANNOTATION]: Buffer.from('1') })
  t.same(answered(await service.decrypt({ ciphertext, keyId, annotations, uid })).plaintext, SEED)
})

t.test('a plaintext of 1 to 995 bytes is wrapped into at most 1024, any other refused', async (t) => {
  const { service } = await ready(t)
  for (const length of [1, 32, 995]) {
    const { ciphertext } = answered(service.encrypt({ plaintext: randomBytes(length), uid }))
    t.equal(ciphertext.length, length + 29)
  }
  for (const length of [0, 996, 5000])
    t.equal(service.encrypt({ plaintext: randomBytes(length), uid }).outcome, 'invalid')
})

t.test('one flipped bit in ciphertext, key id or annotation: an error, nothing decrypted', async (t) => {
  const { service, sealed } = await ready(t)
  const good = { ...sealed(), uid }
  const outcomes = new Set<string>()
  for (const ciphertext of spoiled(good.ciphertext))
    outcomes.add((await service.decrypt({ ...good, ciphertext })).outcome)
  for (const keyId of spoiled(Buffer.from(good.keyId)))
    outcomes.add((await service.decrypt({ ...good, keyId: keyId.toString('latin1') })).outcome)
  for (const name of spoiled(Buffer.from(FORMAT_ANNOTATION)))
    outcomes.add(
      (await service.decrypt({ ...good, annotations: { [name.toString('latin1')]: Buffer.from('1') } }))
        .outcome,
    )
  for (const value of spoiled(Buffer.from('1')))
    outcomes.add((await service.decrypt({ ...good, annotations: { [FORMAT_ANNOTATION]: value } })).outcome)
  const more = { ...good.annotations, 'another.example.com': Buffer.from('1') }
  outcomes.add((await service.decrypt({ ...good, annotations: more })).outcome)
  outcomes.add((await service.decrypt({ ...good, annotations: {} })).outcome)
  t.same([...outcomes].sort(), ['invalid', 'refused', 'unknown_key'])
})

t.test('ciphertexts of barbican-kms-plugin are read and counted, never written', async (t) => {
  const { service, simulated, registry } = await ready(t)
  const secret = simulated.store({ payload: counting(0, 16) })
  const legacy = legacyCiphertext(counting(0, 16), SEED)
  const request = { ciphertext: legacy, keyId: secret.id, annotations: {}, uid }
  t.same(answered(await service.decrypt(request)).plaintext, SEED)
  for (const ciphertext of flippedBits(legacy, 32))
    if ((await service.decrypt({ ...request, ciphertext })).outcome !== 'refused')
      t.fail('a tampered one was opened')
  t.match(await registry.text(), /^portcullis_kms_legacy_decrypts_total 1$/m)
})

t.test('an unknown key is fetched once for any number of calls, and its refusal is remembered', async (t) => {
  const { service, simulated, clock } = await ready(t)
  const other = simulated.store({ name: 'kek' })
  const foreign = simulated.store({ name: 'somebody-else' })
  const call = (keyId: string) =>
    service.decrypt({ ciphertext: randomBytes(61), keyId, annotations: {}, uid })
  const asked = (id: string) => simulated.seen.filter((line) => line.includes(id)).length
  await Promise.all(Array.from({ length: 50 }, () => call(other.id)))
  t.equal(asked(other.id), 2, 'described and read')
  for (let i = 0; i < 5; i++) t.equal((await call(foreign.id)).outcome, 'unknown_key')
  t.equal(asked(foreign.id), 1, 'its payload is never asked for')
  await clock.advance(11_000)
  await call(foreign.id)
  t.equal(asked(foreign.id), 2)
  t.equal((await call('../../v1/orders')).outcome, 'unknown_key')
  t.equal(simulated.seen.filter((line) => line.includes('orders')).length, 0)
})

t.test('with explicit ids no other secret is ever asked for, and the first one is current', async (t) => {
  const clock = createManualClock()
  const { simulated, barbican } = await startBarbican(t, clock)
  const [first, second, other] = [simulated.store({}), simulated.store({}), simulated.store({})]
  const { service, check } = createNode({ barbican, keySet: { ids: [first.id, second.id] }, clock })
  await check.run()
  t.equal(answered(service.status()).keyId, first.id)
  t.equal(
    (await service.decrypt({ ciphertext: randomBytes(64), keyId: other.id, annotations: {}, uid })).outcome,
    'unknown_key',
  )
  t.notOk(simulated.seen.some((line) => line.includes(other.id)))
})

t.test('Barbican answering with anything but a key: refused, never used', async (t) => {
  const octets = 'application/octet-stream'
  for (const [type, body] of [
    ['text/html', '<html>'.padEnd(32)],
    ['application/json', '{"a":1}'.padEnd(32)],
    [octets, randomBytes(31)],
    [octets, randomBytes(33)],
    [octets, ''],
    [octets, '<html><body>down</body></html>'],
  ] as const) {
    const clock = createManualClock()
    const { simulated, barbican } = await startBarbican(t, clock)
    simulated.store({})
    simulated.fault = { kind: 'payload', type, body }
    const { service, check } = createNode({ barbican, keySet: { ids: [], name: 'kek' }, clock })
    await check.run()
    t.equal(service.status().outcome, 'unavailable')
    t.equal(service.encrypt({ plaintext: SEED, uid }).outcome, 'unavailable')
  }
})

t.test('Barbican down at the start: serves, fails Status, heals without a restart', async (t) => {
  const clock = createManualClock()
  const { simulated, barbican } = await startBarbican(t, clock)
  simulated.store({})
  simulated.fault = { kind: 'status', status: 503 }
  const { service, check } = createNode({ barbican, keySet: { ids: [], name: 'kek' }, clock })
  t.equal(service.status().outcome, 'unavailable')
  await check.run()
  t.equal(service.status().outcome, 'unavailable')
  simulated.fault = undefined
  await clock.advance(1000)
  await check.run()
  t.equal(service.status().outcome, 'ok')
})

t.test('Barbican hangs: known keys are unaffected, an unknown one ends at a deadline', async (t) => {
  const { service, simulated, clock, sealed } = await ready(t)
  const good = { ...sealed(), uid }
  simulated.fault = { kind: 'hang' }
  const unknown = service.decrypt({ ...good, keyId: '11111111-2222-4333-8444-555555555555' })
  t.equal(answered(await service.decrypt(good)).plaintext.length, 32)
  t.equal(service.encrypt({ plaintext: SEED, uid }).outcome, 'ok')
  await clock.advance(2500)
  t.equal((await unknown).outcome, 'unavailable')
})

t.test('an outage within the grace changes nothing; after it Status fails; then it heals', async (t) => {
  const { service, simulated, clock, check, sealed } = await ready(t)
  const good = { ...sealed(), uid }
  simulated.fault = { kind: 'status', status: 502 }
  for (let hours = 0; hours < 4; hours++) {
    await clock.advance(HOUR - 1)
    await check.run()
    t.equal(service.status().outcome, 'ok')
    t.equal(service.encrypt({ plaintext: SEED, uid }).outcome, 'ok')
  }
  await clock.advance(10)
  t.equal(service.status().outcome, 'unavailable')
  t.equal(service.encrypt({ plaintext: SEED, uid }).outcome, 'unavailable')
  t.equal((await service.decrypt(good)).outcome, 'ok')
  simulated.fault = undefined
  await clock.advance(2000)
  await check.run()
  t.equal(service.status().outcome, 'ok')
})

t.test(
  'a deleted, forbidden or expired key fails Status and Encrypt at the next check, Decrypt goes on',
  async (t) => {
    for (const fate of ['deleted', 'forbidden', 'expired'] as const) {
      const clock = createManualClock()
      const { simulated, barbican } = await startBarbican(t, clock)
      const expires = fate === 'expired' ? clock.now() + HOUR : undefined
      const secret = simulated.store({ expires })
      const { service, check } = createNode({ barbican, keySet: { ids: [], name: 'kek' }, clock })
      await check.run()
      const good = { ...answered(service.encrypt({ plaintext: SEED, uid })), uid }
      if (fate === 'deleted') simulated.secrets.delete(secret.id)
      if (fate === 'forbidden') secret.readable = false
      if (fate === 'expired') await clock.advance(HOUR)
      else await check.run()
      t.equal(service.status().outcome, 'unavailable', fate)
      t.equal(service.encrypt({ plaintext: SEED, uid }).outcome, 'unavailable', fate)
      t.equal((await service.decrypt(good)).outcome, 'ok', fate)
    }
  },
)

t.test('a credential that may read nothing but the payload is enough with an explicit id', async (t) => {
  const clock = createManualClock()
  const { simulated, barbican } = await startBarbican(t, clock)
  const secret = simulated.store({})
  const payloadOnly: typeof barbican = { ...barbican, describe: async () => 'forbidden' }
  const { service, check } = createNode({ barbican: payloadOnly, keySet: { ids: [secret.id] }, clock })
  await check.run()
  t.equal(service.status().outcome, 'ok')
  secret.readable = false
  await check.run()
  t.equal(service.status().outcome, 'unavailable')
})

t.test('a token that was revoked is replaced once', async (t) => {
  const { service, check, clock, revoke } = await ready(t)
  revoke()
  await clock.advance(1000)
  await check.run()
  t.equal(check.sinceVerified(), 0)
  t.equal(service.status().outcome, 'ok')
})

t.test('every log line of a call has its uid, and none has a key, a seed or a ciphertext', async (t) => {
  const { service, secret, lines, sealed } = await ready(t)
  const { ciphertext, keyId, annotations } = sealed()
  await service.decrypt({ ciphertext, keyId, annotations, uid })
  await service.decrypt({ ciphertext: randomBytes(61), keyId, annotations, uid })
  await service.decrypt({ ciphertext, keyId, annotations, uid: 'a\n{"level":"fatal"}' })
  const calls = lines.filter((line) => /crypt/.test(line))
  t.equal(calls.length, 4)
  t.same(
    calls.map((line) => JSON.parse(line).uid),
    [uid, uid, uid, 'malformed'],
  )
  for (const bytes of [secret.payload, SEED, Buffer.from(ciphertext)])
    for (const form of ['hex', 'base64', 'latin1'] as const)
      t.notOk(lines.join('').includes(bytes.toString(form)))
})
