import fc from 'fast-check'
import t, { type Test } from 'tap'
import { createLog } from '../../src/log.ts'
import { createLeaderElection } from '../../src/sync/leader-election.ts'
import { LEASE, leaseWorld } from '../support/lease-api.ts'
import { DOWN, LEADS, leaseCases, noLonger, OTHER } from '../support/lease-cases.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { createMemoryCluster } from '../support/memory-cluster.ts'

/** Candidates on one Lease of 10 s, each with its own way to the API server, which can break. */
function world() {
  const manual = createManualClock()
  // what follows from one moment is done before the next one comes
  const clock = {
    ...manual,
    async advance(ms: number) {
      for (let left = ms; left > 0; left -= 100) {
        await new Promise((resolve) => setImmediate(resolve))
        await manual.advance(Math.min(left, 100))
      }
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
  const cluster = createMemoryCluster()
  const leads: AbortSignal[][] = []
  const down = new Set<number>()
  const hang = new Set<number>()
  const candidate = (index: number) => {
    leads[index] = []
    const reach = <T>(call: () => Promise<T>): Promise<T> => {
      if (hang.has(index)) return new Promise(() => {})
      return down.has(index) ? Promise.reject(DOWN) : call()
    }
    const { client } = cluster
    return createLeaderElection({
      client: {
        ...client,
        get: (...args) => reach(() => client.get(...args)),
        create: (...args) => reach(() => client.create(...args)),
        patch: (...args) => reach(() => client.patch(...args)),
      },
      lease: LEASE,
      identity: `candidate-${index}`,
      leaseMs: 10_000,
      elected: (lead) => leads[index]?.push(lead),
      clock,
      log: createLog({ level: 'fatal', destination: { write() {} } }),
    })
  }
  return { clock, cluster, leads, down, hang, candidate }
}

const end = (t: Test, ...elections: { stop(): Promise<void> }[]) =>
  t.teardown(() => Promise.all(elections.map((election) => election.stop())))

t.test('one of two leads, and goes on leading while it renews', async (t) => {
  const { clock, cluster, leads, candidate } = world()
  const [one, two] = [candidate(0), candidate(1)]
  end(t, one, two)
  await clock.advance(60_000)
  t.same([one.leading(), two.leading()], [true, false])
  t.same([leads[0]?.length, leads[1]?.length], [1, 0])
  const spec = cluster.get('leases', 'kube-system/reconciler')?.spec as Record<string, unknown>
  t.match(spec, { holderIdentity: 'candidate-0', leaseDurationSeconds: 10, leaseTransitions: 0 })
  t.match(spec.renewTime, /^2026-06-01T00:0\d:\d\d\.\d{6}Z$/, 'microseconds, as Go reads them')
  t.match(one.fault() ?? 'well', 'well')
})

t.test('who cannot renew stops before another leads', async (t) => {
  const { clock, leads, down, candidate } = world()
  const [one, two] = [candidate(0), candidate(1)]
  end(t, one, two)
  await clock.advance(5000)
  down.add(0)
  await clock.advance(7000)
  t.same([one.leading(), two.leading()], [false, false], 'in between nobody leads')
  t.ok(leads[0]?.[0]?.aborted)
  t.match(one.fault(), 'down')
  await clock.advance(9000)
  t.same([one.leading(), two.leading()], [false, true])
  down.delete(0)
  await clock.advance(20_000)
  t.same([one.leading(), two.leading(), one.fault()], [false, true, undefined])
})

t.test('who stops gives the Lease back: another leads at its next look', async (t) => {
  const { clock, cluster, leads, candidate } = world()
  const [one, two] = [candidate(0), candidate(1)]
  end(t, two)
  await clock.advance(3000)
  await one.stop()
  t.ok(leads[0]?.[0]?.aborted)
  const spec = cluster.get('leases', 'kube-system/reconciler')?.spec as Record<string, unknown>
  t.equal(spec.holderIdentity, '')
  await clock.advance(2500)
  t.ok(two.leading())
})

t.test('a stop ends the lead at once, also while the API server hangs', async (t) => {
  const { clock, leads, hang, candidate } = world()
  const one = candidate(0)
  await clock.advance(1000)
  t.ok(one.leading())
  hang.add(0)
  await clock.advance(3000)
  const stopped = one.stop()
  t.ok(leads[0]?.[0]?.aborted)
  await clock.advance(2500)
  await stopped
  t.notOk(one.leading())
})

t.test('a refused Lease is a fault, not a lead', async (t) => {
  const { clock, cluster, candidate } = world()
  cluster.fault = (call) => (call === 'create leases' ? 'forbidden' : undefined)
  const one = candidate(0)
  end(t, one)
  await clock.advance(5000)
  t.notOk(one.leading())
  t.match(one.fault(), /refuses the Lease \(forbidden\)/)
})

t.test('whatever breaks, no two lead at a time', async (t) => {
  const step = fc.record({ who: fc.nat(2), down: fc.boolean(), ms: fc.integer({ min: 100, max: 9000 }) })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { clock, down, candidate } = world()
      const all = [candidate(0), candidate(1), candidate(2)]
      let most = 0
      for (const { who, down: broken, ms } of steps) {
        down[broken ? 'add' : 'delete'](who)
        for (let left = ms; left > 0; left -= 100) {
          await clock.advance(Math.min(left, 100))
          const count = all.filter((one) => one.leading()).length
          most = Math.max(most, count)
        }
      }
      down.clear()
      await clock.advance(25_000)
      const last = all.filter((one) => one.leading()).length
      await Promise.all(all.map((one) => one.stop()))
      return most <= 1 && last === 1
    }),
    { numRuns: 10 },
  )
  t.pass()
})

t.test('a stop gives the Lease back in its version, and nothing is asked afterwards', async (t) => {
  const { advance, sent, leads, lines, election } = await leaseWorld(t)
  await advance(2000)
  sent()
  await election.stop()
  t.strictSame(sent(), [
    [
      'patch',
      LEASE,
      {
        metadata: { resourceVersion: 'w2' },
        spec: { holderIdentity: '', renewTime: '2026-06-01T00:00:02.000000Z' },
      },
    ],
  ])
  t.strictSame([election.leading(), leads[0]?.aborted], [false, true])
  t.strictSame(lines, [LEADS, noLonger('shutting down')])
  await advance(60_000)
  t.strictSame(sent(), [])
})

t.test(
  'a stop during a renewal waits for it, and gives the Lease back in the version that it made',
  async (t) => {
    const { advance, sent, state, election } = await leaseWorld(t)
    const renewal = Promise.withResolvers<void>()
    state.fault = () => renewal.promise
    await advance(2000)
    sent()
    const stopped = election.stop()
    await advance(0)
    t.strictSame(sent(), [])
    renewal.resolve()
    await stopped
    t.match(sent(), [['patch', LEASE, { metadata: { resourceVersion: 'w2' }, spec: { holderIdentity: '' } }]])
    t.match(state.lease, { spec: { holderIdentity: '' } })
  },
)

t.test('a stop without the lead leaves the Lease alone; one during a try takes no lead', async (t) => {
  const { advance, sent, election } = await leaseWorld(t, { spec: OTHER })
  sent()
  await election.stop()
  await advance(60_000)
  t.strictSame(sent(), [])
  const late = await leaseWorld(t, { spec: OTHER })
  const held = Promise.withResolvers<void>()
  late.state.fault = (verb) => (verb === 'patch' ? held.promise : undefined)
  await late.advance(10_000)
  await late.election.stop()
  held.resolve()
  await late.advance(2000)
  t.strictSame([late.election.leading(), late.leads], [false, []])
})

t.test('a stop waits two seconds at most for an API server that hangs or refuses', async (t) => {
  const { advance, state, election } = await leaseWorld(t)
  state.fault = () => new Promise<void>(() => {})
  let over = false
  const stopped = election.stop().then(() => {
    over = true
  })
  await advance(1999)
  t.notOk(over)
  await advance(1)
  await stopped
  const refused = await leaseWorld(t)
  refused.state.fault = () => DOWN
  await t.resolves(refused.election.stop())
})

leaseCases(t)
