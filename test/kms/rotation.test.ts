import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { rotate } from '../../src/kms/rotation.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { counting } from './fixtures.ts'
import { createMemoryStore, settled, uuid } from './memory-store.ts'

const NEW = uuid(7)

/** Barbican in which the order of a key of this name becomes the secret NEW after so many looks. */
function ordering(pendingLooks: number, payload: unknown = counting(1, 32)) {
  const clock = createManualClock()
  const { store, seen, answers } = createMemoryStore()
  let looks = 0
  answers.set(`payload ${NEW}`, payload)
  const barbican: typeof store = {
    ...store,
    async ordered(orderId) {
      await store.ordered(orderId)
      return looks++ < pendingLooks ? undefined : NEW
    },
  }
  const rotation = (more: { activateInMs?: number; patienceMs?: number } = {}) =>
    rotate({ barbican, name: 'kek', activateInMs: 300_000, patienceMs: 10_000, clock, ...more })
  return { clock, seen, answers, rotation, looks: () => looks }
}

t.test('a key is ordered, read once to see that it is one, and marked, in this order', async (t) => {
  for (const activateInMs of [0, 2000, 300_000]) {
    const payload = counting(1, 32)
    const { clock, seen, rotation } = ordering(0, payload)
    const activatesAt = clock.now() + activateInMs
    t.strictSame(await rotation({ activateInMs }), { id: NEW, activatesAt })
    t.same(seen, ['order kek', 'ordered order', `payload ${NEW}`, `activate ${NEW} ${activatesAt}`])
    t.same(payload, Buffer.alloc(32), 'its bytes are zeroed')
  }
})

t.test(
  'an order that is pending is looked at each half second, and the mark counts from its end',
  async (t) => {
    const { clock, rotation, looks } = ordering(3)
    const start = clock.now()
    const done = rotation()
    await settled()
    for (const count of [1, 2, 3]) {
      t.equal(looks(), count)
      await clock.advance(499)
      await settled()
      t.equal(looks(), count)
      await clock.advance(1)
      await settled()
    }
    t.equal(looks(), 4)
    t.strictSame(await done, { id: NEW, activatesAt: start + 1500 + 300_000 })
  },
)

t.test('patience is counted on the monotonic clock; after it the order is given up by its id', async (t) => {
  for (const [patienceMs, expected] of [
    [0, 2],
    [1000, 4],
    [1200, 4],
    [10_000, 22],
  ] as const) {
    const { clock, seen, rotation, looks } = ordering(Number.POSITIVE_INFINITY)
    let error: unknown
    const done = rotation({ patienceMs }).catch((thrown: unknown) => {
      error = thrown
    })
    clock.setWallBy(86_400_000)
    for (let count = 0; count < 30 && error === undefined; count++) {
      await settled()
      await clock.advance(500)
    }
    await done
    t.match(error, { code: 'KEK_UNAVAILABLE', message: /the order order .*in time/ })
    t.equal(looks(), expected)
    t.same(seen.at(-1), 'ordered order', 'nothing is read or marked')
  }
})

t.test('a key that is not given out, or is none, is never marked', async (t) => {
  for (const [payload, error] of [
    ['gone', { code: 'BARBICAN_REFUSED_US', message: new RegExp(NEW) }],
    ['forbidden', { code: 'BARBICAN_REFUSED_US', message: new RegExp(NEW) }],
    [counting(1, 31), { code: 'KEK_UNUSABLE', message: new RegExp(NEW) }],
    [Buffer.alloc(0), { code: 'KEK_UNUSABLE' }],
    [new PortcullisError('HTTP_TIMEOUT', 'slow'), { code: 'HTTP_TIMEOUT' }],
  ] as const) {
    const { seen, rotation } = ordering(0, payload)
    await t.rejects(rotation(), error)
    t.equal(seen.at(-1), `payload ${NEW}`)
  }
})

t.test('what Barbican refuses ends the rotation there', async (t) => {
  const refused = new PortcullisError('BARBICAN_REFUSED_US', 'quota')
  for (const [call, after] of [
    ['order kek', 1],
    ['ordered order', 2],
    ['activate', 4],
  ] as const) {
    const { clock, seen, answers, rotation } = ordering(0)
    answers.set(call === 'activate' ? `activate ${NEW} ${clock.now() + 300_000}` : call, refused)
    await t.rejects(rotation(), refused)
    t.equal(seen.length, after)
  }
})
