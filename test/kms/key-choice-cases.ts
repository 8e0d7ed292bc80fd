import type { Test } from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { NEVER } from '../../src/kms/kek-store.ts'
import { ACTIVATION_DELAY_MS } from '../../src/kms/key-check.ts'
import { counting } from './fixtures.ts'
import { checked, down, HOUR, MINUTE } from './key-check-world.ts'
import { uuid } from './memory-store.ts'

/** Which secrets a key check loads, and which of them it plans as current and next. */
export function keyChoiceCases(t: Test): void {
  t.test('a check loads the keys of the name, plans them and verifies the current one', async (t) => {
    const { check, put, clock, keyring, current, next, schedule, complaints, seen } = checked()
    const [old, young] = [put(2, { created: clock.now() - HOUR }), put(1)]
    put(3, { name: 'other' })
    await check.run()
    t.equal(check.standing(), 'ok')
    t.equal(check.sinceVerified(), 0)
    t.same([current(), next()], [old.id, young.id])
    t.equal(schedule.next()?.activatesAt, clock.now() + 5 * MINUTE)
    t.same(
      check.secrets().map(({ id }) => id),
      [old.id, young.id],
      'oldest first',
    )
    t.equal(keyring.size, 2)
    t.same(complaints(), [])
    t.equal(seen.at(-1), `describe ${old.id}`, 'the current key itself is asked for')
    t.equal(seen.filter((call) => call.includes(uuid(3))).length, 0)
  })

  t.test(
    'a mark decides when a key becomes current; without one it is five minutes after creation',
    async (t) => {
      t.equal(ACTIVATION_DELAY_MS, 300_000)
      const { check, put, clock, current, next } = checked()
      put(1, { created: clock.now() - HOUR })
      put(2, { activateAt: clock.now() + 2 * MINUTE })
      await check.run()
      t.same([current(), next()], [uuid(1), uuid(2)])
      await clock.advance(2 * MINUTE - 1)
      t.equal(current(), uuid(1))
      await clock.advance(1)
      t.equal(current(), uuid(2))
      put(3)
      await check.run()
      await clock.advance(5 * MINUTE - 1)
      t.equal(current(), uuid(2))
      await clock.advance(1)
      t.equal(current(), uuid(3))
    },
  )

  t.test('explicit ids come first, in their order; the first is current without a name', async (t) => {
    const { check, put, clock, current, next, seen } = checked({ ids: [uuid(3), uuid(1)] })
    put(1, { created: clock.now() - 2 * HOUR })
    put(2, { created: clock.now() - HOUR })
    put(3, { created: clock.now(), name: 'anything' })
    await check.run()
    t.equal(check.standing(), 'ok')
    t.same([current(), next()], [uuid(3), undefined])
    t.same(
      check.secrets().map(({ id }) => id),
      [uuid(3), uuid(1)],
    )
    t.equal(seen.filter((call) => call.startsWith('list') || call.includes(uuid(2))).length, 0)
  })

  t.test('with ids and a name both are loaded, and a due key of the name is current', async (t) => {
    const { check, put, clock, keyring, current } = checked({ ids: [uuid(5), uuid(2)], name: 'kek' })
    put(5, { created: clock.now(), name: 'explicit' })
    put(1, { created: clock.now() - 2 * HOUR })
    put(2, { created: clock.now() - HOUR })
    await check.run()
    t.equal(current(), uuid(2))
    t.same(
      check.secrets().map(({ id }) => id),
      [uuid(5), uuid(2), uuid(1)],
      'each secret once',
    )
    t.equal(keyring.size, 3)
  })

  t.test('the first explicit id is current until a key of the name is due', async (t) => {
    const { check, put, clock, current, next, schedule } = checked({ ids: [uuid(5), uuid(6)], name: 'kek' })
    const expires = clock.now() + HOUR
    put(5, { created: clock.now(), name: 'explicit', expires })
    put(6, { created: clock.now(), name: 'explicit', expires: expires + 1 })
    put(1)
    await check.run()
    t.same([current(), next()], [uuid(5), uuid(1)])
    t.strictSame(schedule.current(), { id: uuid(5), created: -Infinity, activatesAt: -Infinity, expires })
    await clock.advance(5 * MINUTE)
    t.equal(current(), uuid(1))
  })

  t.test('a secret that is inactive or refused is not seen and never current', async (t) => {
    const { check, put, clock, answers, current, next } = checked({ ids: [uuid(7), uuid(8)], name: 'kek' })
    answers.set(`describe ${uuid(7)}`, 'forbidden')
    put(7, { name: 'explicit' })
    put(1, { created: clock.now() - 3 * HOUR })
    put(2, { created: clock.now() - 2 * HOUR, active: false })
    await check.run()
    t.same(
      check.secrets().map(({ id }) => id),
      [uuid(1)],
    )
    t.same([current(), next()], [uuid(1), undefined])
  })

  t.test('a list out of order is put in order by age, of the same moment by id', async (t) => {
    const { check, put, clock, answers, store, current } = checked()
    const [a, b, c] = [put(1), put(2), put(3, { created: clock.now() - HOUR })]
    const list = (await store.list('kek')) as readonly object[]
    answers.set('list kek', list.toReversed())
    await check.run()
    t.same(
      check.secrets().map(({ id }) => id),
      [c.id, a.id, b.id],
    )
    await clock.advance(5 * MINUTE)
    t.equal(current(), b.id)
  })

  t.test('a refused list leaves the explicit ids', async (t) => {
    for (const refusal of ['forbidden', 'gone']) {
      const { check, put, answers, current } = checked({ ids: [uuid(7)], name: 'kek' })
      put(1)
      put(7, { name: 'explicit' })
      answers.set('list kek', refusal)
      await check.run()
      t.same([check.standing(), current()], ['ok', uuid(7)])
      t.same(
        check.secrets().map(({ id }) => id),
        [uuid(7)],
      )
    }
  })

  t.test('a key whose mark is no time only decrypts; the older one stays current', async (t) => {
    const { check, put, clock, keyring, current, next } = checked()
    put(1, { created: clock.now() - 3 * HOUR })
    put(2, { created: clock.now() - 2 * HOUR, activateAt: NEVER })
    put(3, { activateAt: NEVER })
    await check.run()
    await clock.advance(48 * HOUR)
    t.same([current(), next()], [uuid(1), undefined])
    t.equal(keyring.size, 3)
  })

  t.test('marks are read from the newest back to the first key that is due and loaded', async (t) => {
    const { check, put, clock, seen, current, next } = checked()
    put(1, { created: clock.now() - 3 * HOUR })
    put(2, { created: clock.now() - 2 * HOUR })
    put(3, { created: clock.now() - HOUR, activateAt: clock.now() + HOUR })
    put(4, { created: clock.now() })
    await check.run()
    t.same(
      seen.filter((call) => call.startsWith('activateAt')),
      [4, 3, 2].map((number) => `activateAt ${uuid(number)}`),
    )
    t.same([current(), next()], [uuid(2), uuid(4)])
  })

  t.test('a due key that cannot be loaded now is an error, not a reason to take the older one', async (t) => {
    const { check, put, clock, answers, current, complaints } = checked()
    put(1, { created: clock.now() - 2 * HOUR })
    const due = put(2, { created: clock.now() - HOUR, expires: clock.now() + HOUR })
    answers.set(`payload ${due.id}`, new PortcullisError('HTTP_TIMEOUT', 'too slow'))
    await check.run()
    t.equal(current(), undefined)
    t.equal(check.standing(), 'starting')
    t.strictSame(complaints().at(-1), {
      level: 'warn',
      code: 'KEK_UNAVAILABLE',
      err: `the key ${due.id} is due but not loaded`,
      failures: 1,
      msg: 'Could not check the keys',
    })
    answers.clear()
    await clock.advance(1001)
    await check.run()
    t.same([check.standing(), current()], ['ok', due.id])
  })

  t.test('a key that is due at this very moment is waited for as well', async (t) => {
    const { check, put, clock, answers, current, complaints } = checked()
    put(1, { created: clock.now() - 2 * HOUR })
    const due = put(2, { created: clock.now() - HOUR, activateAt: clock.now() })
    answers.set(`payload ${due.id}`, down)
    await check.run()
    t.equal(current(), undefined)
    t.equal(complaints().at(-1)?.code, 'KEK_UNAVAILABLE')
  })

  t.test(
    'an explicit key that may not be described has no expiry, least of all that of another',
    async (t) => {
      const { check, put, clock, answers, schedule, current } = checked({ ids: [uuid(7)], name: 'kek' })
      put(7, { name: 'explicit' })
      answers.set(`describe ${uuid(7)}`, 'forbidden')
      put(1, { expires: clock.now() + MINUTE })
      await check.run()
      t.strictSame(schedule.current(), { id: uuid(7), created: -Infinity, activatesAt: -Infinity })
      await clock.advance(2 * MINUTE)
      t.same([check.standing(), current()], ['ok', uuid(7)])
    },
  )

  t.test('a planned key has the times that Barbican gives, and an expiry only if it has one', async (t) => {
    const { check, put, clock, schedule } = checked()
    const [old, young] = [clock.now() - HOUR, clock.now() - MINUTE]
    put(1, { created: old })
    put(2, { created: young, expires: clock.now() + HOUR })
    await check.run()
    t.strictSame(schedule.current(), { id: uuid(1), created: old, activatesAt: old + 5 * MINUTE })
    t.strictSame(schedule.next(), {
      id: uuid(2),
      created: young,
      activatesAt: young + 5 * MINUTE,
      expires: clock.now() + HOUR,
    })
  })

  t.test('a due key that will never load is passed over', async (t) => {
    const { check, put, clock, current } = checked()
    put(1, { created: clock.now() - 2 * HOUR })
    put(2, { created: clock.now() - HOUR, payload: counting(0, 31) })
    put(3, { payload: counting(0, 33) })
    await check.run()
    t.same([check.standing(), current()], ['ok', uuid(1)])
    await clock.advance(6 * MINUTE)
    t.equal(current(), uuid(1), 'a planned key that is not in memory does not become current')
  })

  t.test('the last hundred keys of the name are loaded ahead, with every explicit id', async (t) => {
    const ids = [uuid(900), uuid(901)]
    const { check, put, clock, keyring } = checked({ ids, name: 'kek' })
    for (const id of [900, 901]) put(id, { name: 'explicit' })
    for (let number = 1; number <= 103; number++) put(number, { created: clock.now() - HOUR + number })
    await check.run()
    t.equal(keyring.size, 102)
    t.same(
      [1, 2, 3].map((number) => keyring.get(uuid(number))),
      [undefined, undefined, undefined],
    )
    for (const number of [4, 50, 103, 900, 901]) t.equal(keyring.get(uuid(number))?.id, uuid(number))
    t.equal(check.secrets().length, 105)
  })
}
