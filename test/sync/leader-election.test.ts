import fc from 'fast-check'
import t, { type Test } from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { LEASES } from '../../src/kubernetes/object.ts'
import { createLog } from '../../src/log.ts'
import { createLeaderElection } from '../../src/sync/leader-election.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { createMemoryCluster } from '../support/memory-cluster.ts'

const LEASE = { name: 'l', namespace: 'kube-system' }
const DOWN = new PortcullisError('HTTP_UNREACHABLE', 'down')

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
  const spec = cluster.get('leases', 'kube-system/l')?.spec as Record<string, unknown>
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
  const spec = cluster.get('leases', 'kube-system/l')?.spec as Record<string, unknown>
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

t.test('the Lease of another that says nothing of its time is left alone for an hour', async (t) => {
  const { clock, cluster, candidate } = world()
  cluster.put(LEASES, { metadata: LEASE, spec: { holderIdentity: 'other' } })
  const one = candidate(0)
  end(t, one)
  await clock.advance(600_000)
  t.notOk(one.leading())
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
    { numRuns: 25 },
  )
  t.pass()
})
