import t from 'tap'
import { counting } from './fixtures.ts'
import { checked, down, HOUR, MINUTE } from './key-check-world.ts'
import { keyChoiceCases } from './key-choice-cases.ts'
import { keyPauseCases } from './key-pause-cases.ts'
import { held, settled, uuid } from './memory-store.ts'

keyChoiceCases(t)
keyPauseCases(t)

t.test('before the first check it is starting and knows nothing', async (t) => {
  const { check, put } = checked()
  put(1)
  t.equal(check.standing(), 'starting')
  t.equal(check.sinceVerified(), undefined)
  t.strictSame(check.secrets(), [])
})

/** A world whose current key, one of two, was verified just now. */
async function verified(...parameters: Parameters<typeof checked>) {
  const world = checked(...parameters)
  world.put(1, { created: world.clock.now() - 2 * HOUR })
  world.put(2, { created: world.clock.now() - HOUR })
  await world.check.run()
  const fail = () => {
    for (const call of ['list kek', `describe ${uuid(2)}`]) world.answers.set(call, down)
  }
  return { ...world, fail, key: uuid(2) }
}

t.test('while Barbican is away the key stands for exactly the offline grace, then it is stale', async (t) => {
  for (const offlineGraceMs of [0, 1, 90_000, 4 * HOUR]) {
    const { check, clock, fail } = await verified(undefined, { offlineGraceMs })
    fail()
    await clock.advance(offlineGraceMs)
    await check.run()
    t.same([check.standing(), check.sinceVerified()], ['ok', offlineGraceMs])
    await clock.advance(1)
    t.same([check.standing(), check.sinceVerified()], ['stale', offlineGraceMs + 1])
  }
})

t.test('the grace is counted on the monotonic clock: setting the wall clock changes nothing', async (t) => {
  const { check, clock, fail } = await verified()
  fail()
  await clock.advance(HOUR)
  clock.setWallBy(10 * HOUR)
  t.same([check.standing(), check.sinceVerified()], ['ok', HOUR])
  clock.setWallBy(-30 * HOUR)
  await clock.advance(3 * HOUR + 1)
  t.same([check.standing(), check.sinceVerified()], ['stale', 4 * HOUR + 1])
})

t.test('after an outage one check that succeeds makes the key stand again', async (t) => {
  const { check, clock, fail, answers } = await verified()
  fail()
  await clock.advance(5 * HOUR)
  await check.run()
  t.equal(check.standing(), 'stale')
  answers.clear()
  await check.run()
  t.same([check.standing(), check.sinceVerified()], ['ok', 0])
})

t.test('a key expires by the wall clock, at that very moment', async (t) => {
  const { check, clock, put, current } = checked()
  put(1, { created: clock.now() - HOUR, expires: clock.now() + HOUR })
  await check.run()
  await clock.advance(HOUR - 1)
  t.equal(check.standing(), 'ok')
  await clock.advance(1)
  t.equal(check.standing(), 'expired')
  clock.setWallBy(-1)
  t.equal(check.standing(), 'ok')
  clock.setWallBy(HOUR)
  await clock.advance(5 * HOUR)
  t.equal(check.standing(), 'expired', 'expired rather than stale')
  t.equal(current(), uuid(1))
})

t.test('a current key that is gone or inactive is revoked at the next check', async (t) => {
  for (const fate of ['gone', 'inactive'] as const) {
    const { check, clock, key, secrets, answers, complaints, current, keyring } = await verified()
    const secret = secrets.get(key)
    if (fate === 'gone') secrets.delete(key)
    else if (secret !== undefined) secret.active = false
    await clock.advance(MINUTE)
    t.equal(check.standing(), 'ok')
    await check.run()
    t.same([check.standing(), current()], ['revoked', key], 'the older key does not take its place')
    t.equal(check.sinceVerified(), MINUTE)
    t.equal(keyring.get(key)?.id, key, 'Decrypt goes on')
    t.match(complaints(), [{ level: 'error', keyId: key, msg: /revoked the current key/ }])
    answers.set('list kek', down)
    await clock.advance(5 * HOUR)
    await check.run()
    t.equal(check.standing(), 'revoked', 'revoked rather than stale')
  }
})

t.test('a key that was revoked and is given out again stands again', async (t) => {
  const { check, key, secrets, put } = await verified()
  const secret = secrets.get(key)
  secrets.delete(key)
  await check.run()
  t.equal(check.standing(), 'revoked')
  put(2, { created: secret?.created ?? 0 })
  await check.run()
  t.equal(check.standing(), 'ok')
})

t.test('a newer key is not revoked with the one before it', async (t) => {
  const { check, clock, key, put, secrets, current } = await verified()
  put(3, { activateAt: clock.now() + MINUTE })
  secrets.delete(key)
  await check.run()
  t.same([check.standing(), current()], ['revoked', key])
  await clock.advance(MINUTE)
  t.same([check.standing(), current()], ['ok', uuid(3)])
  await check.run()
  t.same([check.standing(), check.sinceVerified()], ['ok', 0])
})

t.test('an error while the current key is verified is an outage, not a revocation', async (t) => {
  const { check, clock, key, answers, complaints } = await verified()
  answers.set(`describe ${key}`, down)
  await clock.advance(MINUTE)
  await check.run()
  t.same([check.standing(), check.sinceVerified()], ['ok', MINUTE])
  t.strictSame(complaints(), [
    {
      level: 'warn',
      code: 'BARBICAN_SERVER_ERROR',
      err: 'Barbican answered 503',
      failures: 1,
      msg: 'Could not check the keys',
    },
  ])
})

t.test('while a check asks, and after one that failed, the secrets are those of the last one', async (t) => {
  const { check, answers, put, current } = await verified()
  const ids = () => check.secrets().map(({ id }) => id)
  put(3)
  const slow = held<unknown>()
  answers.set('list kek', slow.promise)
  const run = check.run()
  await settled()
  t.same([ids(), check.standing(), current()], [[uuid(1), uuid(2)], 'ok', uuid(2)])
  slow.resolve(down)
  await run
  t.same([ids(), check.standing(), current()], [[uuid(1), uuid(2)], 'ok', uuid(2)])
  answers.clear()
  await check.run()
  t.same([ids(), check.standing(), current()], [[uuid(1), uuid(2), uuid(3)], 'ok', uuid(2)])
})

t.test('a key that is loaded but was never verified is starting', async (t) => {
  const { check, put, clock, answers, current } = checked()
  put(1, { created: clock.now() - HOUR })
  const slow = held<unknown>()
  answers.set(`payload ${uuid(1)}`, slow.promise)
  const run = check.run()
  await settled()
  answers.set(`describe ${uuid(1)}`, down)
  slow.resolve(counting(1, 32))
  await run
  t.same([check.standing(), current()], ['starting', uuid(1)])
  t.equal(check.sinceVerified(), undefined)
})

t.test('an error that is none of ours is reported without a code', async (t) => {
  const { check, answers, complaints } = await verified()
  answers.set('list kek', new Error('broken'))
  await check.run()
  await check.run()
  t.strictSame(
    complaints(),
    [1, 2].map((failures) => ({ level: 'warn', err: 'broken', failures, msg: 'Could not check the keys' })),
  )
})

t.test('a key that may not be described stands while its payload is given out', async (t) => {
  const { check, clock, key, answers, complaints } = await verified({ ids: [uuid(2)] })
  answers.set(`describe ${key}`, 'forbidden')
  const payload = counting(2, 32)
  answers.set(`payload ${key}`, payload)
  await clock.advance(MINUTE)
  await check.run()
  t.same([check.standing(), check.sinceVerified()], ['ok', 0])
  t.same(payload, Buffer.alloc(32), 'which is zeroed')
  answers.set(`payload ${key}`, down)
  await clock.advance(MINUTE)
  await check.run()
  t.same([check.standing(), check.sinceVerified()], ['ok', MINUTE], 'an outage')
  for (const refusal of ['forbidden', 'gone']) {
    answers.set(`payload ${key}`, refusal)
    await check.run()
    t.same([check.standing(), check.sinceVerified()], ['revoked', MINUTE], refusal)
  }
  t.equal(complaints().filter(({ level }) => level === 'error').length, 2)
})

t.test('a key that may be described is not read again', async (t) => {
  const { check, seen } = await verified()
  seen.length = 0
  await check.run()
  t.same(
    seen.filter((call) => call.startsWith('payload')),
    [],
  )
})

t.test('no key that can be current is said in the log, with how many are seen', async (t) => {
  const { check, put, clock, complaints } = checked()
  put(1, { created: clock.now() - HOUR, payload: counting(0, 5) })
  put(2, { created: clock.now() - HOUR, payload: counting(0, 6) })
  await check.run()
  t.equal(check.standing(), 'starting')
  t.match(complaints().at(-1), { level: 'warn', seen: 2, msg: /None of the secrets/ })
})

t.test('a first key that is never given out is revoked, not starting', async (t) => {
  const { check, put, answers, key } = { ...checked({ ids: [uuid(2)] }), key: uuid(2) }
  put(2)
  answers.set(`describe ${key}`, 'gone')
  await check.run()
  t.equal(check.standing(), 'revoked')
  t.equal(check.sinceVerified(), undefined)
})
