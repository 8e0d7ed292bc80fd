import type { Test } from 'tap'
import { counting } from './fixtures.ts'
import { checked, down, HOUR, MINUTE } from './key-check-world.ts'
import { held, settled, uuid } from './memory-store.ts'

/** The moments of the checks that `start` makes, in milliseconds after it. */
async function rounds({ check, clock, seen }: ReturnType<typeof checked>, ms: number) {
  const moments: number[] = []
  const from = clock.monotonic()
  const stop = check.start()
  await settled()
  while (seen.splice(0).length > 0) moments.push(clock.monotonic() - from)
  while (clock.monotonic() - from < ms) {
    await clock.advance(100)
    await settled()
    if (seen.splice(0).some((call) => call.startsWith('list'))) moments.push(clock.monotonic() - from)
  }
  return { moments, stop }
}

/** When a key check that was started asks Barbican. */
export function keyPauseCases(t: Test): void {
  t.test('it checks at once and then at each refresh, until it is ended', async (t) => {
    const world = checked()
    world.put(1)
    const { moments, stop } = await rounds(world, 4 * MINUTE)
    t.same(moments, [0, MINUTE, 2 * MINUTE, 3 * MINUTE, 4 * MINUTE])
    stop()
    await world.clock.advance(10 * MINUTE)
    t.same(world.seen, [])
  })

  t.test(
    'after a failure it waits half a second, then twice as long each time, at most a refresh',
    async (t) => {
      const world = checked(undefined, { refreshMs: 10_000 })
      world.answers.set('list kek', down)
      const { moments } = await rounds(world, 36_000)
      t.same(moments, [0, 500, 1500, 3500, 7500, 15_500, 25_500, 35_500])
    },
  )

  t.test('a check that leaves no standing key, or a key unloaded, counts as a failure', async (t) => {
    const empty = checked()
    t.same((await rounds(empty, 4000)).moments, [0, 500, 1500, 3500])
    const revoked = checked()
    revoked.put(1)
    revoked.answers.set(`describe ${uuid(1)}`, 'gone')
    t.same((await rounds(revoked, 4000)).moments, [0, 500, 1500, 3500])
    const missing = checked()
    missing.put(1, { created: missing.clock.now() - HOUR })
    missing.put(2)
    missing.answers.set(`payload ${uuid(2)}`, down)
    const { moments, stop } = await rounds(missing, 4000)
    t.same(moments, [0, 500, 1500, 3500])
    t.equal(missing.check.standing(), 'ok')
    stop()
    missing.answers.clear()
    await missing.clock.advance(2000)
    t.same((await rounds(missing, MINUTE)).moments, [0, MINUTE], 'a success ends the hurry')
  })

  t.test('ended during a check it makes no other, and the timer of the next one is gone', async (t) => {
    const world = checked()
    world.put(1)
    const slow = held<unknown>()
    world.answers.set('list kek', slow.promise)
    const stop = world.check.start()
    await settled()
    stop()
    slow.resolve([])
    await settled()
    world.seen.length = 0
    await world.clock.advance(10 * MINUTE)
    t.same(world.seen, [])
  })

  t.test('keys are loaded eight at a time, each once, and not again when they are in memory', async (t) => {
    const { check, put, clock, answers, seen, keyring } = checked({ ids: [uuid(1), uuid(1)], name: 'kek' })
    const slow = held<unknown>()
    for (let number = 1; number <= 20; number++) {
      const { id } = put(number, { created: clock.now() - HOUR + number })
      if (number <= 8) answers.set(`payload ${id}`, slow.promise)
    }
    const payloads = () => seen.filter((call) => call.startsWith('payload'))
    const run = check.run()
    await settled()
    t.same(
      payloads(),
      Array.from({ length: 8 }, (_, index) => `payload ${uuid(index + 1)}`),
    )
    slow.resolve(counting(3, 32))
    await run
    t.equal(keyring.size, 20)
    await check.run()
    t.equal(payloads().length, 20)
  })
}
