import fc from 'fast-check'
import t from 'tap'
import { byAge, createKeySchedule, type ScheduledKey } from '../../src/kms/key-schedule.ts'
import { createManualClock } from '../support/manual-clock.ts'

const key = (id: string, created: number, activatesAt: number): ScheduledKey => ({ id, created, activatesAt })

/** A schedule and a clock; times are milliseconds after its start. */
function scheduled() {
  const clock = createManualClock()
  const schedule = createKeySchedule(clock)
  const start = clock.now()
  const after = (id: string, created: number, activatesIn: number) =>
    key(id, start + created, start + activatesIn)
  const named = () => [schedule.current()?.id, schedule.next()?.id]
  return { clock, schedule, after, named }
}

t.test('nothing is current or next before there is a plan', async (t) => {
  const { schedule } = scheduled()
  t.equal(schedule.next(), undefined)
  t.equal(schedule.current(), undefined)
})

t.test('the newest key whose time has come is current, at that very moment', async (t) => {
  const { clock, schedule, after, named } = scheduled()
  const [a, b, c] = [after('a', -200, -100), after('b', -100, 1000), after('c', -50, 2000)]
  schedule.plan([c, a, b])
  t.same(named(), ['a', 'b'])
  await clock.advance(999)
  t.same(named(), ['a', 'b'])
  await clock.advance(1)
  t.same(named(), ['b', 'c'])
  await clock.advance(999)
  t.same(named(), ['b', 'c'])
  await clock.advance(1)
  t.same(named(), ['c', undefined])
  t.strictSame(schedule.current(), c, 'whole')
})

t.test('of several keys whose time has come the newest counts, not the one activated last', async (t) => {
  const { schedule, after, named } = scheduled()
  schedule.plan([after('old', -300, -1), after('new', -200, -100)])
  t.same(named(), ['new', undefined])
})

t.test('the oldest key is current when no time has come, and the others wait', async (t) => {
  const { clock, schedule, after, named } = scheduled()
  schedule.plan([after('b', 10, 2000), after('a', 0, 3000), after('c', 20, 1000)])
  t.same(named(), ['a', 'c'], 'the next is the one whose time comes first')
  await clock.advance(1000)
  t.same(named(), ['c', undefined])
  await clock.advance(5000)
  t.same(named(), ['c', undefined], 'never back to an older one')
})

t.test('a plan without the current key, or with older ones only, changes nothing', async (t) => {
  const { clock, schedule, after, named } = scheduled()
  schedule.plan([after('a', 0, -10), after('b', 1, -10)])
  t.same(named(), ['b', undefined])
  schedule.plan([after('a', 0, -10)])
  t.same(named(), ['b', undefined])
  schedule.plan([])
  t.same(named(), ['b', undefined])
  schedule.plan([after('a', 0, -10), after('c', 2, 500)])
  t.same(named(), ['b', 'c'])
  await clock.advance(500)
  t.same(named(), ['c', undefined])
})

t.test('the current key follows what the latest plan says of it', async (t) => {
  const { schedule, after } = scheduled()
  const a = after('a', 0, -10)
  schedule.plan([a])
  t.strictSame(schedule.current(), a)
  const expiring = { ...a, expires: a.created + 5000 }
  schedule.plan([expiring])
  t.strictSame(schedule.current(), expiring)
  schedule.plan([{ ...after('b', 0, -10), expires: 7 }, expiring])
  t.equal(schedule.current()?.id, 'b', 'of the same age the id decides')
})

t.test('activation is a time of day: the wall clock decides, also when it is set', async (t) => {
  const { clock, schedule, after, named } = scheduled()
  schedule.plan([after('a', -10, -5), after('b', 0, 60_000)])
  t.same(named(), ['a', 'b'])
  clock.setWallBy(60_000)
  t.same(named(), ['b', undefined])
  clock.setWallBy(-120_000)
  t.same(named(), ['b', undefined], 'set back, it does not go back to the older key')
})

t.test('next remembers the current key, though nobody asked for that one', async (t) => {
  const { clock, schedule, after, named } = scheduled()
  schedule.plan([after('a', -10, -5), after('b', 0, 100)])
  await clock.advance(100)
  t.equal(schedule.next(), undefined)
  clock.setWallBy(-100)
  t.same(named(), ['b', undefined])
})

t.test('byAge: oldest first, the id decides between keys of the same time', async (t) => {
  const [a, b, c, d] = [key('b', 1, 0), key('a', 2, 0), key('b', 2, 0), key('a', 3, 0)]
  const ordered = [a, b, c, d]
  for (const [i, one] of ordered.entries())
    for (const [j, other] of ordered.entries()) t.equal(byAge(one, other), Math.sign(i - j), `${i} ${j}`)
  t.same([d, b, c, a].toSorted(byAge), ordered)
  t.equal(byAge({ id: 'x', created: -Infinity }, { id: 'a', created: 0 }), -1)
})

t.test('whatever is planned and whenever it is asked, current never goes back to an older key', async (t) => {
  const plans = fc.array(
    fc.record({
      keys: fc.array(
        fc.record({
          id: fc.constantFrom('a', 'b', 'c', 'd'),
          created: fc.integer({ min: 0, max: 20 }),
          activatesIn: fc.integer({ min: -50, max: 50 }),
        }),
        { maxLength: 5 },
      ),
      set: fc.integer({ min: -30, max: 60 }),
    }),
    { maxLength: 8 },
  )
  fc.assert(
    fc.property(plans, (steps) => {
      const { clock, schedule, after } = scheduled()
      let before: ScheduledKey | undefined
      for (const { keys, set } of steps) {
        schedule.plan(keys.map(({ id, created, activatesIn }) => after(id, created, activatesIn)))
        clock.setWallBy(set)
        const now = schedule.current()
        if (before !== undefined && now?.id !== before.id)
          t.ok(now !== undefined && byAge(now, before) > 0, 'a change is to a newer key')
        before = now
      }
    }),
    { numRuns: 100 },
  )
})
