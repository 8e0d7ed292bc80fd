import t from 'tap'
import { createTokenCache } from '../../src/authn/token-cache.ts'
import type { Verdict } from '../../src/authn/verdict.ts'
import { createManualClock } from '../support/manual-clock.ts'

const TTL = 120_000
const NEGATIVE_TTL = 10_000

function world(more: { maxEntries?: number; ttlMs?: number; negativeTtlMs?: number } = {}) {
  const clock = createManualClock()
  const evictions = { count: 0 }
  const evicted = () => {
    evictions.count += 1
  }
  const sizes = { maxEntries: 10, ttlMs: TTL, negativeTtlMs: NEGATIVE_TTL, ...more }
  const cache = createTokenCache({ clock, evicted, ...sizes })
  const accepted = (user: string, livesMs = 3_600_000): Verdict & { kind: 'authenticated' } => ({
    kind: 'authenticated',
    user,
    expiresAt: clock.now() + livesMs,
  })
  return { clock, cache, evictions, accepted }
}
const no = (refusal: 'expired' | 'not_allowed'): Verdict => ({ kind: 'refused', refusal })

t.test('each token has its own key, the same each time, and no cache has those of another', async (t) => {
  const [{ cache }, other] = [world(), world()]
  t.equal(cache.key('gAAAA-one'), cache.key('gAAAA-one'))
  t.not(cache.key('gAAAA-one'), cache.key('gAAAA-two'))
  t.not(cache.key('gAAAA-one'), other.cache.key('gAAAA-one'))
  t.match(cache.key('gAAAA-one'), /^[A-Za-z0-9+/]{43}=$/)
})

t.test('valid and invalid tokens are kept by key, failures are not kept', async (t) => {
  const { cache, accepted } = world()
  const [alice, bob] = [accepted('alice'), accepted('bob')]
  cache.set('a', alice)
  cache.set('b', bob)
  cache.set('x', no('not_allowed'))
  cache.set('y', no('expired'))
  cache.set('z', { kind: 'failed', failure: 'timeout' })
  t.same(['a', 'b', 'x', 'y', 'z', 'c'].map(cache.get), [
    alice,
    bob,
    no('not_allowed'),
    no('expired'),
    undefined,
    undefined,
  ])
  t.same([cache.entries, cache.negativeEntries], [2, 2])
})

t.test(
  'valid tokens end between nine tenths of the lifetime and all of it, each at its own time',
  async (t) => {
    const { random } = Math
    t.teardown(() => {
      Math.random = random
    })
    for (const [chance, life] of [
      [0, 120_000],
      [0.25, 117_000],
      [0.5, 114_000],
      [1, 108_000],
    ] as const) {
      Math.random = () => chance
      const { clock, cache, accepted } = world()
      cache.set('a', accepted('alice'))
      await clock.advance(life - 1)
      t.match(cache.get('a'), { user: 'alice' }, `${chance}`)
      await clock.advance(2)
      t.equal(cache.get('a'), undefined, `${chance}`)
    }
  },
)

t.test('a valid token is kept no longer than it lives', async (t) => {
  const { clock, cache, accepted } = world()
  cache.set('a', accepted('alice', 5000))
  cache.set('b', accepted('bob'))
  await clock.advance(4999)
  t.match(cache.get('a'), { user: 'alice' })
  await clock.advance(2)
  t.equal(cache.get('a'), undefined)
  t.equal(cache.entries, 1)
  cache.set('c', { ...accepted('carol'), expiresAt: clock.now() })
  t.equal(cache.entries, 1, 'one that has ended is not kept')
})

t.test('a valid token ends when the wall clock passes its end, not when it is merely set', async (t) => {
  const { clock, cache, accepted } = world()
  cache.set('a', accepted('alice'))
  clock.setWallBy(3_599_999)
  t.match(cache.get('a'), { user: 'alice' })
  clock.setWallBy(1)
  t.equal(cache.get('a'), undefined)
  clock.setWallBy(-7_200_000)
  await clock.advance(TTL + 1)
  t.equal(cache.get('a'), undefined, 'a clock set back prolongs nothing')
})

t.test('an invalid token is kept for its own time, whatever the wall clock says', async (t) => {
  const { clock, cache } = world()
  cache.set('x', no('not_allowed'))
  clock.setWallBy(86_400_000)
  await clock.advance(NEGATIVE_TTL - 1)
  t.same(cache.get('x'), no('not_allowed'))
  await clock.advance(2)
  t.equal(cache.get('x'), undefined)
})

t.test('a lifetime of 0 keeps nothing, of valid and of invalid tokens each for itself', async (t) => {
  for (const [ttlMs, negativeTtlMs, entries, negativeEntries] of [
    [0, NEGATIVE_TTL, 0, 1],
    [TTL, 0, 1, 0],
  ] as const) {
    const { cache, accepted } = world({ ttlMs, negativeTtlMs })
    cache.set('a', accepted('alice'))
    cache.set('x', no('expired'))
    t.same([cache.entries, cache.negativeEntries], [entries, negativeEntries])
  }
})

t.test('a flood of invalid tokens drives out no valid one and counts as no eviction', async (t) => {
  const { cache, accepted, evictions } = world({ maxEntries: 2 })
  cache.set('a', accepted('alice'))
  for (let count = 0; count < 50; count += 1) cache.set(`x${count}`, no('not_allowed'))
  t.match(cache.get('a'), { user: 'alice' })
  t.same([cache.entries, cache.negativeEntries, evictions.count], [1, 2, 0])
  cache.set('b', accepted('bob'))
  cache.set('c', accepted('carol'))
  t.same(
    ['a', 'b', 'c'].map((key) => cache.get(key)?.kind),
    [undefined, 'authenticated', 'authenticated'],
  )
  t.equal(evictions.count, 1)
})

t.test('evictions need nobody to be told', async (t) => {
  const { clock, accepted } = world()
  const cache = createTokenCache({ clock, maxEntries: 1, ttlMs: TTL, negativeTtlMs: NEGATIVE_TTL })
  cache.set('a', accepted('alice'))
  cache.set('b', accepted('bob'))
  t.same(
    ['a', 'b'].map((key) => cache.get(key)?.kind),
    [undefined, 'authenticated'],
  )
})

t.test('tokens of one user have one text and each its own expiry', async (t) => {
  const { clock, cache, accepted } = world()
  const [one, two] = [accepted('alice', 1000), accepted('alice', 50_000)]
  cache.set('a', one)
  cache.set('b', two)
  cache.set('c', accepted('bob', 50_000))
  t.same([cache.get('a'), cache.get('b')], [one, two])
  t.match(cache.get('c'), { user: 'bob' })
  await clock.advance(1001)
  t.same(
    ['a', 'b', 'c'].map((key) => cache.get(key)?.kind),
    [undefined, 'authenticated', 'authenticated'],
  )
})

t.test(
  'what is said of two tokens of one user is kept apart where it differs, in whatever part',
  async (t) => {
    const { cache, accepted } = world()
    const text = (groups: string[], scope: string) =>
      JSON.stringify({ username: 'alice', uid: 'u-alice', groups, extra: { scope: [scope] } })
    const users = [text(['dev', 'ops'], 'a'), text(['dev'], 'a'), text([], 'a'), text(['dev'], 'b')]
    for (const [index, user] of users.entries()) cache.set(`${index}`, accepted(user))
    t.same(
      users.map((_, index) => (cache.get(`${index}`) as { user?: string }).user),
      users,
    )
  },
)

t.test('clearing forgets valid and invalid tokens alike', async (t) => {
  const { cache, accepted } = world()
  cache.set('a', accepted('alice'))
  cache.set('x', no('expired'))
  cache.clear()
  t.same([cache.get('a'), cache.get('x'), cache.entries, cache.negativeEntries], [undefined, undefined, 0, 0])
})
