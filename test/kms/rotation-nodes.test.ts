import { randomBytes } from 'node:crypto'
import t from 'tap'
import type { EncryptResponse } from '../../src/kms/kms-service.ts'
import { rotate } from '../../src/kms/rotation.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { createNode, startBarbican } from './node.ts'

const MINUTE = 60_000
const REFRESH = 60_000
const uid = '5c1b7c04-7c5f-4a3c-9a36-3f3a4a4d1f00'
const byName = { ids: [], name: 'kek' }

t.test(
  'A -> B -> C on nodes out of phase, one restarted, one started late: all readable, ids agree, none goes back',
  async (t) => {
    const clock = createManualClock()
    const { barbican, simulated } = await startBarbican(t, clock)
    const start = () => createNode({ barbican, keySet: byName, clock })
    type Node = ReturnType<typeof start>
    const nodes: { node: Node; phase: number }[] = [0, 17_000, 41_000].map((phase) => ({
      node: start(),
      phase,
    }))
    const written: { seed: Buffer; envelope: EncryptResponse }[] = []
    const ids: string[] = []
    const activations: number[] = []

    /** One second in the life of the cluster: checks that are due, then what kube-apiservers do. */
    async function second() {
      await clock.advance(1000)
      const now = clock.now()
      for (const { node, phase } of nodes) if ((now - phase) % REFRESH === 0) await node.check.run()
      const named = nodes.map(({ node }) => {
        const status = node.service.status()
        const seed = randomBytes(32)
        const envelope = node.service.encrypt({ plaintext: seed, uid })
        if (status.outcome !== 'ok' || envelope.outcome !== 'ok') throw new Error('a node has no key')
        if (status.value.keyId !== envelope.value.keyId) t.fail('Status and Encrypt name different keys')
        written.push({ seed, envelope: envelope.value })
        return status.value.keyId
      })
      const current = new Set(named)
      if (current.size > 1) t.fail('two nodes name different keys in the same second')
      for (const id of current) if (ids.at(-1) !== id) ids.push(id)
      const { seed, envelope } = written.at(-1) as (typeof written)[0]
      for (const { node } of nodes) await readable(node, seed, envelope)
    }
    async function readable(node: Node, seed: Buffer, envelope: EncryptResponse) {
      const answer = await node.service.decrypt({ ...envelope, uid })
      if (answer.outcome !== 'ok' || !seed.equals(answer.value.plaintext))
        t.fail('a ciphertext is unreadable')
    }
    const seconds = async (count: number) => {
      for (let i = 0; i < count; i++) await second()
    }
    const rotateNow = async () => {
      const rotation = await rotate({
        barbican,
        name: 'kek',
        activateInMs: 5 * MINUTE,
        patienceMs: 10_000,
        clock,
      })
      activations.push(rotation.activatesAt)
      return rotation.id
    }

    const a = simulated.store({}).id
    for (const { node } of nodes) await node.check.run()
    await seconds(90)
    const b = await rotateNow()
    await seconds(120)
    nodes[1] = { node: start(), phase: 29_000 }
    await nodes[1].node.check.run()
    await seconds(150)
    t.same(ids, [a], 'nobody is early')
    await seconds(60)
    t.same(ids, [a, b])
    const c = await rotateNow()
    await seconds(200)
    nodes.push({ node: start(), phase: 3000 })
    await nodes[3]?.node.check.run()
    await seconds(160)
    t.same(ids, [a, b, c])
    for (const { node } of nodes)
      for (const { seed, envelope } of written) await readable(node, seed, envelope)
    t.equal(new Set(written.map(({ envelope }) => envelope.keyId)).size, 3)
  },
)

t.test('a node that has not refreshed yet decrypts what another one wrote with a newer key', async (t) => {
  const clock = createManualClock()
  const { barbican, simulated } = await startBarbican(t, clock)
  simulated.store({})
  const old = createNode({ barbican, keySet: byName, clock })
  await old.check.run()
  await clock.advance(MINUTE)
  await rotate({ barbican, name: 'kek', activateInMs: 0, patienceMs: 10_000, clock })
  const fresh = createNode({ barbican, keySet: byName, clock })
  await fresh.check.run()
  const envelope = fresh.service.encrypt({ plaintext: randomBytes(32), uid })
  if (envelope.outcome !== 'ok') return t.fail('no key')
  t.not(envelope.value.keyId, old.schedule.current()?.id)
  t.equal((await old.service.decrypt({ ...envelope.value, uid })).outcome, 'ok')
})

t.test('a deleted current key is not replaced by the older one', async (t) => {
  const clock = createManualClock()
  const { barbican, simulated } = await startBarbican(t, clock)
  simulated.store({})
  await clock.advance(MINUTE)
  const { id } = await rotate({ barbican, name: 'kek', activateInMs: 0, patienceMs: 10_000, clock })
  const { check, schedule, service } = createNode({ barbican, keySet: byName, clock })
  await check.run()
  simulated.secrets.delete(id)
  await check.run()
  t.equal(schedule.current()?.id, id)
  t.equal(service.status().outcome, 'unavailable')
})

t.test('a secret that appears without a mark becomes current five minutes after its creation', async (t) => {
  const clock = createManualClock()
  const { barbican, simulated } = await startBarbican(t, clock)
  const first = simulated.store({}).id
  const { check, schedule } = createNode({ barbican, keySet: byName, clock })
  await check.run()
  t.equal(schedule.current()?.id, first, 'the first of all has nobody to wait for')
  await clock.advance(MINUTE)
  const second = simulated.store({}).id
  await check.run()
  t.equal(schedule.next()?.id, second)
  await clock.advance(5 * MINUTE - 1)
  t.equal(schedule.current()?.id, first)
  await clock.advance(1)
  t.equal(schedule.current()?.id, second, 'at that very moment, without another check')
})

t.test(
  'a key that is planned and then deleted, or marked with nonsense, never becomes current',
  async (t) => {
    const clock = createManualClock()
    const { barbican, simulated } = await startBarbican(t, clock)
    const first = simulated.store({}).id
    const { check, schedule } = createNode({ barbican, keySet: byName, clock })
    await clock.advance(MINUTE)
    const planned = simulated.store({})
    simulated.store({ metadata: { activate_at: 'soon' } })
    await check.run()
    t.equal(schedule.next()?.id, planned.id)
    simulated.secrets.delete(planned.id)
    await check.run()
    await clock.advance(60 * MINUTE)
    t.equal(schedule.current()?.id, first)
  },
)

t.test('a key whose mark is nonsense is not current even when it is the only one', async (t) => {
  const clock = createManualClock()
  const { barbican, simulated } = await startBarbican(t, clock)
  simulated.store({ metadata: { activate_at: 'soon' } })
  const { check, service } = createNode({ barbican, keySet: byName, clock })
  await check.run()
  t.equal(service.status().outcome, 'unavailable')
})

t.test('a due key that cannot be loaded now is not overtaken by an older one', async (t) => {
  const clock = createManualClock()
  const { barbican, simulated } = await startBarbican(t, clock)
  simulated.store({})
  await clock.advance(10 * MINUTE)
  const due = simulated.store({ metadata: { activate_at: new Date(clock.now()).toISOString() } })
  const failing: typeof barbican = {
    ...barbican,
    async payload(id) {
      if (id === due.id) throw new Error('connection lost')
      return barbican.payload(id)
    },
  }
  const { check, service } = createNode({ barbican: failing, keySet: byName, clock })
  await check.run()
  t.equal(service.status().outcome, 'unavailable')
})

t.test('rotation waits for the order, and marks an AES-256 key of that name', async (t) => {
  const clock = createManualClock()
  const { barbican, simulated } = await startBarbican(t, clock)
  simulated.pendingLooks = 3
  const rotation = rotate({ barbican, name: 'kek', activateInMs: 5 * MINUTE, patienceMs: 10_000, clock })
  const { id, activatesAt } = await clock.skipPauses(500, rotation)
  const secret = simulated.secrets.get(id)
  t.equal(secret?.payload.length, 32)
  t.equal(secret?.name, 'kek')
  t.equal(Date.parse(secret?.metadata.activate_at ?? ''), activatesAt)
})

t.test('an order that stays pending or is refused ends with a clear error', async (t) => {
  const clock = createManualClock()
  const { barbican, simulated } = await startBarbican(t, clock)
  simulated.quotaReached = true
  const again = () => rotate({ barbican, name: 'kek', activateInMs: 0, patienceMs: 1000, clock })
  await t.rejects(again(), { code: 'BARBICAN_REFUSED_US' })
  simulated.quotaReached = false
  simulated.pendingLooks = 1_000_000
  await t.rejects(clock.skipPauses(500, again()), { code: 'KEK_UNAVAILABLE' })
})
