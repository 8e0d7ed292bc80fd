import t from 'tap'
import type { LoginSettings } from '../../src/exec/login-settings.ts'
import type { KeptToken } from '../../src/exec/token-cache.ts'
import { keptToken } from '../../src/exec/token-source.ts'
import {
  MINUTE,
  PASSWORD,
  SOMEBODY,
  settingsOf,
  sourceWorld,
  tokenSaying,
} from '../support/token-source-world.ts'

const HOUR = 60 * MINUTE

t.test('a kept token is given without a look at clouds.yaml, at Keystone or at the terminal', async (t) => {
  const world = sourceWorld()
  const kept = world.keep('kept')
  t.strictSame(await world.obtain(), kept)
  t.same(world.calls, ['get alice'])
})

t.test('a token of another identity is not given', async (t) => {
  const world = sourceWorld()
  world.keep('of bob', 'bob')
  t.equal((await world.obtain()).token, 'new-1')
  t.equal(world.tokens.get('bob')?.token, 'of bob')
})

t.test(
  'a new token is kept with its URL, from before the attempt until a minute before it expires',
  async (t) => {
    const world = sourceWorld()
    const began = world.clock.now()
    world.answer(async () => {
      await world.clock.advance(700)
      return tokenSaying('new', HOUR, 5 * HOUR)
    })
    const expected = {
      token: 'new',
      since: began,
      until: began + HOUR - MINUTE,
      keystoneUrl: 'https://a/found/v3',
    }
    t.strictSame(await world.obtain(), expected)
    t.strictSame([...world.tokens], [['alice', expected]])
    t.same(world.calls, [
      'get alice',
      'settings',
      `alone alice ${10_000 + 5000}`,
      'get alice',
      'refusedAt alice ',
      'attempt',
      'put alice',
      'end alone',
    ])
    t.strictSame(world.attempts, [
      {
        url: 'https://a/v3',
        tls: { ca: undefined, cert: undefined, key: undefined },
        method: { kind: 'user', user: { id: 'alice' }, scope: { project: { id: 'p' } }, password: 'secret' },
      },
    ])
  },
)

t.test(
  'the end of a token is its life from here, less a minute, or less a fifth of a short life',
  async (t) => {
    const since = 1000 * HOUR
    for (const [life, until] of [
      [HOUR, HOUR - MINUTE],
      [301_000, 241_000],
      [300_000, 240_000],
      [200_000, 160_000],
      [10_000, 8_000],
      [0, 0],
      [-HOUR, 0],
    ] as const) {
      // Keystone's clock may be far from this one
      for (const issuedAt of [0, since - HOUR, since + 9 * HOUR])
        t.strictSame(
          keptToken(tokenSaying('t', life, issuedAt), { since, keystoneUrl: 'https://a/v3' }),
          { token: 't', since, keystoneUrl: 'https://a/v3', until: since + until } satisfies KeptToken,
          `${life} ms`,
        )
    }
  },
)

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

t.test('a forced login takes no kept token, and is tried although Keystone has just refused', async (t) => {
  const world = sourceWorld({ forceRefresh: true })
  world.keep('kept')
  world.refusals.set('alice ', world.clock.now())
  t.equal((await world.obtain()).token, 'new-1')
  t.equal(world.tokens.get('alice')?.token, 'new-1')
  t.notOk(world.calls.includes('refusedAt alice '))
})

t.test('without a cache each call logs in, and once', async (t) => {
  const world = sourceWorld({ cached: false })
  world.keep('kept')
  t.equal((await world.obtain()).token, 'new-1')
  t.equal((await world.obtain()).token, 'new-2')
  t.equal(world.attempts.length, 2)
  t.equal(world.tokens.get('alice')?.token, 'kept', 'and keeps nothing')
})

t.test('a token that is given without a scope is passed on, and not kept', async (t) => {
  const world = sourceWorld({ settings: settingsOf({ token: 'given', auth_url: 'https://a/v3' }) })
  t.strictSame(await world.obtain(), { token: 'given' })
  t.same(world.calls, ['get alice', 'settings'])
  const forced = sourceWorld({ settings: settingsOf({ token: 'given' }), forceRefresh: true })
  t.strictSame(await forced.obtain(), { token: 'given' })
})

t.test('a given token with any scope is changed for one of that scope', async (t) => {
  for (const [name, value, scope] of [
    ['project_id', 'p', { project: { id: 'p' } }],
    ['project_name', 'p', { project: { name: 'p', domain: { id: 'default' } } }],
    ['domain_id', 'd', { domain: { id: 'd' } }],
    ['domain_name', 'd', { domain: { name: 'd' } }],
    ['system_scope', 'all', { system: { all: true } }],
    ['trust_id', 't', { 'OS-TRUST:trust': { id: 't' } }],
  ] as const) {
    const world = sourceWorld({
      settings: settingsOf({ token: 'given', auth_url: 'https://a/v3', [name]: value }),
    })
    t.equal((await world.obtain()).token, 'new-1', name)
    t.strictSame(world.attempts[0]?.method, { kind: 'token', token: 'given', scope })
  }
})

t.test('a token below a user name is not passed on', async (t) => {
  const world = sourceWorld({ settings: settingsOf({ ...SOMEBODY, auth_type: 'password', token: 'given' }) })
  const { token } = await world.obtain()
  t.equal(token, 'new-1')
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

t.test(
  'a process waits for another as long as that can take: 5 s more, 3 minutes more to type',
  async (t) => {
    const { password: _, ...nameless } = SOMEBODY
    for (const [settings, deadlineMs, expected] of [
      [PASSWORD, 10_000, 15_000],
      [PASSWORD, 300, 5300],
      [settingsOf(nameless), 10_000, 195_000],
    ] as const) {
      const world = sourceWorld({ settings, deadlineMs, terminal: ['typed'] })
      await world.obtain()
      t.ok(world.calls.includes(`alone alice ${expected}`), `${world.calls}`)
    }
  },
)

t.test('only one of two processes with the same inputs logs in', async (t) => {
  const world = sourceWorld()
  const [first, second] = await Promise.all([world.obtain(), world.obtain()])
  t.strictSame(second, first)
  t.equal(world.attempts.length, 1)
})

t.test(
  'what is missing is asked for, and without a terminal it is named before Keystone is called',
  async (t) => {
    const { password: _, ...rest } = SOMEBODY
    const asked = sourceWorld({ settings: settingsOf(rest), terminal: ['typed'] })
    t.equal((await asked.obtain()).token, 'new-1')
    t.match(asked.attempts[0]?.method, { password: 'typed' })
    t.same(asked.questions, ['password'])
    const silent = sourceWorld({ settings: settingsOf(rest) as LoginSettings })
    await t.rejects(silent.obtain(), { code: 'LOGIN_INCOMPLETE', message: /password.*OS_PASSWORD/ })
    t.same(silent.attempts, [])
  },
)
