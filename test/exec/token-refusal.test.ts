import t from 'tap'
import type { LoginOutcome } from '../../src/keystone/log-in.ts'
import { MINUTE, SOMEBODY, settingsOf, sourceWorld, tokenSaying } from '../support/token-source-world.ts'

const REFUSED: LoginOutcome = { status: 401 }
const receipt = (...needs: readonly (readonly string[])[]): LoginOutcome => ({
  status: 401,
  receipt: { id: 'receipt-1', needs },
})

/** Answers to one attempt after the other. */
const inTurn = (...outcomes: readonly LoginOutcome[]) => {
  const left = [...outcomes]
  return async () => left.shift() as LoginOutcome
}

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

t.test(
  'where Keystone wants a passcode besides the password, it is asked for and sent with the receipt',
  async (t) => {
    const world = sourceWorld({ terminal: ['123456'] })
    world.answer(
      inTurn(receipt(['password', 'external'], ['password', 'totp']), tokenSaying('new', 60 * MINUTE, 0)),
    )
    t.equal((await world.obtain()).token, 'new')
    t.same(world.questions, ['passcode'])
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

t.test('a second set of needs after the passcode is refused, not asked for again', async (t) => {
  const world = sourceWorld({ terminal: ['1', '2'] })
  world.answer(inTurn(receipt(['totp', 'password']), receipt(['token', 'totp'])))
  await t.rejects(world.obtain(), { code: 'LOGIN_REFUSED', message: /totp with token/ })
  t.equal(world.attempts.length, 2)
  t.equal(world.refusals.size, 0)
})
