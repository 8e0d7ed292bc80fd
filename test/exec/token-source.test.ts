import t from 'tap'
import type { KeptToken } from '../../src/exec/token-cache.ts'
import { keptToken } from '../../src/exec/token-source.ts'
import {
  inTurn,
  MINUTE,
  PASSWORD,
  REFUSED,
  receipt,
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

t.test('a forced login takes no kept token, and is tried although Keystone has just refused', async (t) => {
  const world = sourceWorld({ forceRefresh: true })
  world.keep('kept')
  world.refusals.set('alice ', world.clock.now())
  t.equal((await world.obtain()).token, 'new-1')
  t.equal(world.tokens.get('alice')?.token, 'new-1')
  t.notOk(world.calls.includes('refusedAt alice '))
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

t.test('a refusal names who was refused and where the name came from, and is remembered', async (t) => {
  for (const [values, who] of [
    [SOMEBODY, /log in alice \(environment user_id\).*\(401\)/],
    [{ auth_url: 'https://a/v3', username: 'al', password: 'x' }, /log in al \(environment username\)/],
    [
      { auth_url: 'https://a/v3', application_credential_id: 'c1', application_credential_secret: 'x' },
      /log in c1 \(environment application_credential_id\)/,
    ],
    [
      {
        ...{ auth_url: 'https://a/v3', application_credential_name: 'robot' },
        ...{ application_credential_secret: 'x', user_id: 'bob' },
      },
      /log in bob \(environment user_id\)/,
    ],
    [{ auth_url: 'https://a/v3', token: 'x', project_id: 'p' }, /log in \(401\)/],
  ] as const) {
    const world = sourceWorld({ settings: settingsOf(values) })
    world.answer(inTurn(REFUSED))
    await t.rejects(world.obtain(), { code: 'LOGIN_REFUSED', message: who })
    t.same([...world.refusals.keys()], ['alice '])
    t.equal(world.tokens.size, 0)
  }
})

t.test('what has just been refused is refused again without a call to Keystone or a question', async (t) => {
  const { password: _, ...rest } = SOMEBODY
  for (const values of [SOMEBODY, rest]) {
    const world = sourceWorld({ settings: settingsOf(values), terminal: ['typed'] })
    world.refusals.set('alice ', world.clock.now())
    await t.rejects(world.obtain(), {
      code: 'LOGIN_REFUSED',
      message: /alice \(environment user_id\).*a moment ago.*--force-refresh/,
    })
    t.same([world.attempts, world.questions], [[], []])
  }
})

t.test(
  'where Keystone wants a passcode besides the password, it is asked for and sent with the receipt',
  async (t) => {
    const world = sourceWorld({ terminal: ['123456'] })
    world.answer(
      inTurn(receipt(['password', 'external'], ['password', 'totp']), tokenSaying('new', 60 * MINUTE, 0)),
    )
    t.equal((await world.obtain()).token, 'new')
    t.same([world.questions, world.hidden, world.optional], [['passcode'], ['passcode'], []])
    t.equal(world.tokens.get('alice')?.token, 'new')
    const [first, second] = world.attempts
    t.equal(first?.receipt, undefined)
    t.strictSame(second, {
      ...first,
      method: { kind: 'user', user: { id: 'alice' }, scope: { project: { id: 'p' } }, passcode: '123456' },
      receipt: 'receipt-1',
    })
  },
)

t.test('a wrong passcode at the terminal is refused and not remembered', async (t) => {
  const world = sourceWorld({ terminal: ['000000', '123456'] })
  world.answer(
    inTurn(receipt(['totp', 'password']), REFUSED, receipt(['totp', 'password']), tokenSaying('new', 1, 0)),
  )
  await t.rejects(world.obtain(), { code: 'LOGIN_REFUSED', message: /alice/ })
  t.same(world.refusals.size, 0)
  t.equal((await world.obtain()).token, 'new', 'the next try is made at once')
})

t.test(
  'a passcode that nobody can give is named with the methods that are known, and nothing is remembered',
  async (t) => {
    const asking = 'use --auth-type v3multifactor and a passcode'
    for (const [settings, needs, terminal, sets, opened] of [
      [SOMEBODY, [['totp', 'password']], undefined, 'password with totp', true],
      [
        { ...SOMEBODY, passcode: '1', auth_type: 'v3multifactor' },
        [['totp', 'password']],
        ['2'],
        'password with totp',
        false,
      ],
      [
        SOMEBODY,
        [
          ['<b>', 'password'],
          ['application_credential', 'token'],
        ],
        ['2'],
        'password or token with application_credential',
        false,
      ],
      [
        { auth_url: 'https://a/v3', token: 'x', project_id: 'p' },
        [['totp', 'token']],
        ['2'],
        'totp with token',
        false,
      ],
    ] as const) {
      const world = sourceWorld({ settings: settingsOf(settings), ...(terminal && { terminal }) })
      world.answer(inTurn(receipt(...needs)))
      const fault = await world.obtain().then(
        () => t.fail('a token was given'),
        (error) => error,
      )
      t.equal(fault.code, 'LOGIN_REFUSED')
      t.ok(fault.message.includes(`${sets}: ${asking}`), fault.message)
      t.equal(world.attempts.length, 1)
      t.equal(world.calls.includes('terminal'), opened)
      t.same([world.questions, world.refusals.size, world.tokens.size], [[], 0, 0])
    }
  },
)
