import fc from 'fast-check'
import t from 'tap'
import { createTtlCache } from '../../src/cache/ttl-cache.ts'
import { createManualClock } from '../support/manual-clock.ts'

interface Named {
  readonly name: string
}
const [ALICE, BOB, CAROL]: [Named, Named, Named] = [{ name: 'alice' }, { name: 'bob' }, { name: 'carol' }]

function world(max = 10) {
  const clock = createManualClock()
  let evictions = 0
  const evicted = () => {
    evictions += 1
  }
  return { clock, cache: createTtlCache<Named>({ max, clock, evicted }), evictions: () => evictions }
}

t.test('each key gives its own value, and an unknown one gives none', async (t) => {
  const { cache } = world()
  cache.set('a', ALICE, 1000)
  cache.set('b', BOB, 1000)
  t.equal(cache.get('a'), ALICE)
  t.equal(cache.get('b'), BOB)
  t.equal(cache.get('c'), undefined)
  t.equal(cache.size, 2)
})

t.test('an entry lives as many milliseconds as it was given, whatever the others have', async (t) => {
  const { clock, cache, evictions } = world()
  cache.set('a', ALICE, 1000)
  cache.set('b', BOB, 2500)
  await clock.advance(999)
  t.equal(cache.get('a'), ALICE)
  await clock.advance(2)
  t.equal(cache.get('a'), undefined)
  t.equal(cache.get('b'), BOB)
  t.equal(cache.size, 1)
  await clock.advance(1498)
  t.equal(cache.get('b'), BOB)
  await clock.advance(2)
  t.equal(cache.get('b'), undefined)
  t.equal(cache.size, 0)
  t.equal(evictions(), 0, 'the end of a life is no eviction')
})

t.test('a wall clock that is set forward or back neither ends nor prolongs a life', async (t) => {
  for (const ms of [86_400_000, -86_400_000]) {
    const { clock, cache } = world()
    cache.set('a', ALICE, 1000)
    clock.setWallBy(ms)
    await clock.advance(999)
    t.equal(cache.get('a'), ALICE, `${ms}`)
    await clock.advance(2)
    t.equal(cache.get('a'), undefined, `${ms}`)
  }
})

t.test('reading an entry does not prolong its life, setting it again does', async (t) => {
  const { clock, cache, evictions } = world()
  cache.set('a', ALICE, 1000)
  cache.set('b', BOB, 1000)
  await clock.advance(600)
  t.equal(cache.get('a'), ALICE)
  cache.set('b', CAROL, 1000)
  await clock.advance(600)
  t.equal(cache.get('a'), undefined)
  t.equal(cache.get('b'), CAROL)
  t.equal(evictions(), 0, 'a value that is replaced is no eviction')
})

t.test('a lifetime of 0 or less keeps nothing', async (t) => {
  const { cache } = world()
  for (const ttl of [0, -1, -1000]) {
    cache.set('a', ALICE, ttl)
    t.equal(cache.get('a'), undefined, `${ttl}`)
    t.equal(cache.size, 0)
  }
  cache.set('a', ALICE, 0.5)
  t.equal(cache.get('a'), ALICE, 'half a millisecond is a lifetime')
})

t.test('the entry that was used least recently makes room, and each that does is told', async (t) => {
  const { cache, evictions } = world(2)
  cache.set('a', ALICE, 1000)
  cache.set('b', BOB, 1000)
  t.equal(evictions(), 0)
  cache.get('a')
  cache.set('c', CAROL, 1000)
  t.equal(evictions(), 1)
  t.same(['a', 'b', 'c'].map(cache.get), [ALICE, undefined, CAROL])
  t.equal(cache.size, 2)
  cache.set('d', BOB, 1000)
  t.equal(evictions(), 2)
  t.same(['a', 'c', 'd'].map(cache.get), [undefined, CAROL, BOB])
})

t.test('room is made without anyone who wants to be told', async (t) => {
  const cache = createTtlCache<Named>({ max: 1, clock: createManualClock() })
  cache.set('a', ALICE, 1000)
  cache.set('b', BOB, 1000)
  t.same(['a', 'b'].map(cache.get), [undefined, BOB])
})

t.test('deleting takes one entry away, clearing takes all, and neither is an eviction', async (t) => {
  const { cache, evictions } = world()
  cache.set('a', ALICE, 1000)
  cache.set('b', BOB, 1000)
  cache.set('c', CAROL, 1000)
  cache.delete('b')
  t.same(['a', 'b', 'c'].map(cache.get), [ALICE, undefined, CAROL])
  cache.clear()
  t.same(['a', 'b', 'c'].map(cache.get), [undefined, undefined, undefined])
  t.equal(cache.size, 0)
  t.equal(evictions(), 0)
})

const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('get' as const), key: keys }),
    fc.record({ do: fc.constant('set' as const), key: keys, ttl: fc.integer({ min: 100, max: 5000 }) }),
    fc.record({ do: fc.constant('delete' as const), key: keys }),
  ),
  { maxLength: 40 },
)

t.test('whatever comes, the latest value of the keys used last is kept, and no more than fit', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 4 }), (list, max) => {
        const { cache, evictions } = world(max)
        const model = new Map<string, Named>()
        let room = 0
        for (const step of list) {
          const known = model.get(step.key)
          model.delete(step.key)
          if (step.do === 'get') {
            if (cache.get(step.key) !== known) return false
            if (known !== undefined) model.set(step.key, known)
          } else if (step.do === 'set') {
            const value = { name: step.key }
            cache.set(step.key, value, step.ttl)
            model.set(step.key, value)
            const [oldest] = model.keys()
            if (model.size > max && oldest !== undefined && model.delete(oldest)) room += 1
          } else cache.delete(step.key)
          if (cache.size !== model.size || evictions() !== room) return false
        }
        return true
      }),
      { numRuns: 100 },
    ),
  )
})
