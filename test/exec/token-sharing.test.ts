import t from 'tap'
import {
  inTurn,
  MINUTE,
  REFUSED,
  receipt,
  SOMEBODY,
  settingsOf,
  sourceWorld,
} from '../support/token-source-world.ts'

t.test('a token of another identity is not given', async (t) => {
  const world = sourceWorld()
  world.keep('of bob', 'bob')
  t.equal((await world.obtain()).token, 'new-1')
  t.equal(world.tokens.get('bob')?.token, 'of bob')
})

t.test('a token that another process has got meanwhile is used', async (t) => {
  const world = sourceWorld()
  const theirs = world.whileWaiting('theirs', 0)
  t.strictSame(await world.obtain(), theirs)
  t.same(world.attempts, [])
})

t.test('a forced login uses a token that another process got since it began, but no older one', async (t) => {
  for (const [age, expected] of [
    [-50, 'theirs'],
    [0, 'theirs'],
    [1, 'new-1'],
    [MINUTE, 'new-1'],
  ] as const) {
    const world = sourceWorld({ forceRefresh: true })
    world.whileWaiting('theirs', age)
    t.equal((await world.obtain()).token, expected, `${age} ms before`)
    t.equal(world.tokens.get('alice')?.token, expected, 'that one is kept')
  }
})

t.test('without a cache each call logs in, and once', async (t) => {
  const world = sourceWorld({ cached: false })
  world.keep('kept')
  t.equal((await world.obtain()).token, 'new-1')
  t.equal((await world.obtain()).token, 'new-2')
  t.equal(world.attempts.length, 2)
  t.equal(world.tokens.get('alice')?.token, 'kept', 'and keeps nothing')
})

t.test('a token of somebody who logs in by password is not passed on', async (t) => {
  const { project_id: _, ...unscoped } = SOMEBODY
  const world = sourceWorld({ settings: settingsOf({ ...unscoped, auth_type: 'password', token: 'given' }) })
  t.equal((await world.obtain()).token, 'new-1')
})

t.test('an error of the attempt passes, and nothing is kept or remembered as refused', async (t) => {
  const world = sourceWorld()
  const fault = new Error('Keystone is away')
  world.answer(async () => {
    throw fault
  })
  await t.rejects(world.obtain(), fault)
  t.equal(world.tokens.size, 0)
  t.equal(world.refusals.size, 0)
  t.equal(world.calls.at(-1), 'end alone', 'and the others may try')
})

t.test('only one of two processes with the same inputs logs in', async (t) => {
  const world = sourceWorld()
  const [first, second] = await Promise.all([world.obtain(), world.obtain()])
  t.strictSame(second, first)
  t.equal(world.attempts.length, 1)
})

t.test('another passcode is another attempt', async (t) => {
  const world = (passcode: string) => sourceWorld({ settings: settingsOf({ ...SOMEBODY, passcode }) })
  const first = world('111111')
  first.answer(inTurn(REFUSED))
  await t.rejects(first.obtain(), { code: 'LOGIN_REFUSED' })
  t.same([...first.refusals.keys()], ['alice 111111'])
  const second = world('222222')
  second.refusals.set('alice 111111', second.clock.now())
  t.equal((await second.obtain()).token, 'new-1')
  const third = world('111111')
  third.refusals.set('alice 111111', third.clock.now())
  await t.rejects(third.obtain(), { code: 'LOGIN_REFUSED' })
  t.same(third.attempts, [])
})

t.test('a slip of somebody at the terminal is not remembered', async (t) => {
  const { password: _, ...rest } = SOMEBODY
  const world = sourceWorld({ settings: settingsOf(rest), terminal: ['a slip'] })
  world.answer(inTurn(REFUSED))
  await t.rejects(world.obtain(), { code: 'LOGIN_REFUSED' })
  t.same(world.refusals.size, 0)
})

t.test('a second set of needs after the passcode is refused, not asked for again', async (t) => {
  const world = sourceWorld({ terminal: ['1', '2'] })
  world.answer(inTurn(receipt(['totp', 'password']), receipt(['token', 'totp'])))
  await t.rejects(world.obtain(), { code: 'LOGIN_REFUSED', message: /totp with token/ })
  t.equal(world.attempts.length, 2)
  t.equal(world.refusals.size, 0)
})

t.test(
  'what is missing is asked for, and without a terminal it is named before Keystone is called',
  async (t) => {
    const { password: _, ...rest } = SOMEBODY
    const asked = sourceWorld({ settings: settingsOf(rest), terminal: ['typed'] })
    t.equal((await asked.obtain()).token, 'new-1')
    t.match(asked.attempts[0]?.method, { password: 'typed' })
    t.same(asked.questions, ['password'])
    const silent = sourceWorld({ settings: settingsOf(rest) })
    await t.rejects(silent.obtain(), { code: 'LOGIN_INCOMPLETE', message: /password.*OS_PASSWORD/ })
    t.same(silent.attempts, [])
  },
)
