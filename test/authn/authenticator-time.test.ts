import t from 'tap'
import type { Group, KeystoneToken } from '../../src/keystone/token-body.ts'
import { authenticatorWorld, DEADLINE_MS, userOf } from '../support/authenticator-world.ts'
import { tokenOf } from '../support/keystone-tokens.ts'
import { settled } from '../support/scripted-keystone.ts'

const TIMEOUT = { kind: 'failed', failure: 'timeout' }

/** A Keystone that answers nothing until the test says so, and reviews whose answers are written down. */
function slowWorld() {
  const world = authenticatorWorld()
  const validation = Promise.withResolvers<KeystoneToken | undefined>()
  const groups = Promise.withResolvers<readonly Group[] | undefined>()
  world.answers.validate = () => validation.promise
  world.answers.groups = () => groups.promise
  const answers: unknown[] = []
  const review = (token: string) => {
    const index = answers.push('waits') - 1
    void Promise.resolve(world.authenticator.authenticate(token)).then((verdict) => {
      answers[index] = verdict
    })
  }
  const advance = async (ms: number) => {
    await world.clock.advance(ms)
    await settled()
  }
  return { world, validation, groups, answers, review, advance }
}

t.test(
  'each review waits as long as the deadline; the flight goes on when Keystone works for it',
  async (t) => {
    const { world, validation, answers, review, advance } = slowWorld()
    const token = world.fernet()
    review(token)
    await advance(2000)
    review(token)
    await advance(1500)
    world.leaves(0)
    await advance(500)
    t.same(answers, [TIMEOUT, 'waits'])
    await advance(2000)
    t.same(answers, [TIMEOUT, TIMEOUT])
    review(token)
    await advance(1499)
    t.same(world.looked, ['miss', 'joined', 'joined'])
    validation.resolve(undefined)
    await settled()
    t.same(answers[2], { kind: 'refused', refusal: 'unknown_to_keystone' })
    t.same(world.authenticator.authenticate(token), answers[2])
    t.equal(world.looked.at(-1), 'negative_hit')
    t.equal(world.clock.pendingTimers, 0)
  },
)

t.test('a question that does not get its turn within the deadline is given up', async (t) => {
  const { world, answers, review, advance } = slowWorld()
  const token = world.fernet()
  review(token)
  await advance(DEADLINE_MS - 1)
  t.same(answers, ['waits'])
  await advance(1)
  t.same(answers, [TIMEOUT])
  t.same(world.sizes(), { entries: 0, negativeEntries: 0, inFlight: 0 })
  t.equal(world.clock.pendingTimers, 0)
  t.match(world.lines, [{ level: 'warn', failure: 'timeout' }])
  review(token)
  t.same(world.looked, ['miss', 'miss'], 'the next review asks again')
})

t.test('a question that has left is given up a whole deadline later', async (t) => {
  const { world, answers, review, advance } = slowWorld()
  review(world.fernet())
  await advance(3000)
  world.leaves(0)
  await advance(DEADLINE_MS - 1)
  t.equal(world.sizes().inFlight, 1)
  await advance(1)
  t.equal(world.sizes().inFlight, 0)
  t.same(answers, [TIMEOUT])
  t.equal(world.clock.pendingTimers, 0)
})

t.test('the groups have a deadline of their own, which begins with their question', async (t) => {
  const { world, validation, groups, answers, review, advance } = slowWorld()
  const token = world.fernet()
  review(token)
  await advance(3900)
  validation.resolve(tokenOf())
  await settled()
  await advance(100)
  t.same(answers, [TIMEOUT])
  await advance(3000)
  world.leaves(1)
  await advance(3999)
  t.equal(world.sizes().inFlight, 1)
  groups.resolve([])
  await settled()
  t.equal(userOf(world.authenticator.authenticate(token)).username, 'keystone:user:d-acme/alice')
  t.match(world.lines, [{ level: 'warn', seconds: 10.999 }])
  t.equal(world.lines.length, 1)
})

t.test('groups that do not come fail the review, though the token is valid', async (t) => {
  const { world, validation, answers, review, advance } = slowWorld()
  validation.resolve(tokenOf())
  review(world.fernet())
  await advance(DEADLINE_MS)
  t.same(answers, [TIMEOUT])
  t.same(world.sizes(), { entries: 0, negativeEntries: 0, inFlight: 0 })
})

t.test('the groups of a JWS token are given up with its validation', async (t) => {
  const { world, answers, review, advance } = slowWorld()
  review(world.jws('u-1'))
  await settled()
  await advance(DEADLINE_MS)
  t.same(answers, [TIMEOUT])
  t.equal(world.clock.pendingTimers, 0)
})

t.test(
  'a valid token is asked about again when its entry ends, or when the wall clock passes its end',
  async (t) => {
    const world = authenticatorWorld()
    const token = world.fernet(tokenOf())
    await world.authenticator.authenticate(token)
    await world.clock.advance(100_000)
    t.equal(world.asked.length, 2)
    await world.clock.advance(20_001)
    t.match(await world.authenticator.authenticate(token), { kind: 'authenticated' })
    t.equal(world.asked.length, 4)
    world.clock.setWallBy(3_600_000)
    t.same(await world.authenticator.authenticate(token), { kind: 'refused', refusal: 'expired' })
    t.equal(world.asked.length, 6)
  },
)
