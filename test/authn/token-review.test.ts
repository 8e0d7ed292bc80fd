import t from 'tap'
import { createTokenReviewHandler } from '../../src/authn/token-review.ts'
import { FAILURE_TEXTS, FAILURES, REFUSALS, type Verdict } from '../../src/authn/verdict.ts'
import { createManualClock } from '../support/manual-clock.ts'

const ALICE: Verdict = { kind: 'authenticated', user: '{"username":"alice","uid":"u-1"}', expiresAt: 1 }
const BOB: Verdict = { kind: 'authenticated', user: '{"username":"bob","uid":"u-2"}', expiresAt: 1 }

function world(audiences: readonly string[] = []) {
  const clock = createManualClock()
  const asked: string[] = []
  const reviewed: [string, number][] = []
  const verdicts: Record<string, Verdict | Promise<Verdict>> = { alice: ALICE, bob: BOB }
  const handler = createTokenReviewHandler({
    authenticator: {
      authenticate(token) {
        asked.push(token)
        return verdicts[token] ?? { kind: 'refused', refusal: 'misshapen' }
      },
      useRoleMappings: () => {},
    },
    audiences,
    clock,
    metrics: {
      reviewed: (outcome, milliseconds) => void reviewed.push([outcome, milliseconds]),
      looked: () => {},
      evicted: () => {},
      groupDropped: () => {},
      watch: () => {},
    },
  })
  const answer = (spec: unknown) => handler.answer('v1', spec)
  /** The status of an answer that comes at once. */
  const status = (spec: unknown) => JSON.parse((answer(spec) as { status: string }).status)
  return { clock, asked, reviewed, verdicts, handler, answer, status }
}

t.test('the handler answers TokenReviews, of both versions alike', async (t) => {
  const { handler } = world()
  t.same([handler.group, handler.kind], ['authentication.k8s.io', 'TokenReview'])
  t.same(handler.answer('v1beta1', { token: 'alice' }), handler.answer('v1', { token: 'alice' }))
})

t.test('each token is answered with its own user', async (t) => {
  const { status, asked } = world()
  t.same(status({ token: 'alice' }), { authenticated: true, user: { username: 'alice', uid: 'u-1' } })
  t.same(status({ token: 'bob' }), { authenticated: true, user: { username: 'bob', uid: 'u-2' } })
  t.same(asked, ['alice', 'bob'])
})

t.test('a refusal is a plain no without its reason, a failure is a no with its text', async (t) => {
  const { answer, status, verdicts, reviewed } = world()
  for (const refusal of REFUSALS) {
    verdicts.x = { kind: 'refused', refusal }
    t.same(answer({ token: 'x' }), { status: '{"authenticated":false}' }, refusal)
  }
  for (const failure of FAILURES) {
    verdicts.x = { kind: 'failed', failure }
    t.same(status({ token: 'x' }), { authenticated: false, error: FAILURE_TEXTS[failure] }, failure)
  }
  t.same(
    reviewed.map(([outcome]) => outcome),
    [...REFUSALS, ...FAILURES],
  )
})

t.test('without audiences of its own the answer names none, whatever was asked for', async (t) => {
  const { status } = world()
  for (const audiences of [undefined, null, [], ['https://kubernetes.default.svc'], ['a', 'b']])
    t.strictSame(Object.keys(status({ token: 'alice', audiences })), ['authenticated', 'user'])
})

t.test(
  'with audiences of its own the answer names those in common, and none in common is a no',
  async (t) => {
    const rows: [unknown, readonly string[] | undefined][] = [
      [['cluster-a'], ['cluster-a']],
      [
        ['x', 'cluster-b', 'cluster-a', 'y'],
        ['cluster-b', 'cluster-a'],
      ],
      [['cluster-a', 'x'], ['cluster-a']],
      [undefined, undefined],
      [null, undefined],
      [[], undefined],
    ]
    for (const [audiences, named] of rows) {
      const { status } = world(['cluster-a', 'cluster-b'])
      const user = { username: 'alice', uid: 'u-1' }
      const expected = { authenticated: true, user, ...(named && { audiences: named }) }
      t.strictSame(status({ token: 'alice', audiences }), expected, JSON.stringify(audiences))
    }
    for (const audiences of [['x'], ['x', 'cluster'], ['cluster-a,cluster-b'], ['']]) {
      const { status, asked, reviewed } = world(['cluster-a', 'cluster-b'])
      t.strictSame(status({ token: 'alice', audiences }), { authenticated: false }, JSON.stringify(audiences))
      t.same(asked, [], 'the token is not asked about')
      t.same(reviewed, [['audience', 0]])
    }
  },
)

t.test('a refusal names no audiences', async (t) => {
  const { status } = world(['cluster-a'])
  t.strictSame(status({ token: 'x', audiences: ['cluster-a'] }), { authenticated: false })
})

t.test(
  'an answer that is known comes at once, one that is not comes as a promise with the same audiences',
  async (t) => {
    const { clock, answer, verdicts, reviewed } = world(['cluster-a', 'cluster-b'])
    t.notOk(answer({ token: 'alice' }) instanceof Promise)
    const late = Promise.withResolvers<Verdict>()
    verdicts.bob = late.promise
    const answered = answer({ token: 'bob', audiences: ['cluster-b', 'x'] })
    t.ok(answered instanceof Promise)
    t.equal(reviewed.length, 1)
    await clock.advance(250)
    clock.setWallBy(86_400_000)
    late.resolve(BOB)
    t.same(JSON.parse(((await answered) as { status: string }).status), {
      authenticated: true,
      user: { username: 'bob', uid: 'u-2' },
      audiences: ['cluster-b'],
    })
    t.same(reviewed, [
      ['authenticated', 0],
      ['authenticated', 250],
    ])
  },
)

t.test('a spec that cannot be read is invalid, by the place that is wrong', async (t) => {
  for (const [spec, place] of [
    [undefined, /^spec: .*object/],
    [null, /^spec: .*object/],
    ['alice', /^spec: .*object/],
    [['alice'], /^spec: .*object/],
    [{ token: 1 }, /^spec\.token: .*string/],
    [{ token: ['alice'] }, /^spec\.token: .*string/],
    [{ token: 'alice', audiences: 'cluster-a' }, /^spec\.audiences: .*list/],
    [{ token: 'alice', audiences: ['cluster-a', 1] }, /^spec\.audiences: .*list/],
    [{ token: 'alice', audiences: {} }, /^spec\.audiences: .*list/],
  ] as const) {
    const { answer, asked, reviewed } = world(['cluster-a'])
    t.match(answer(spec), { invalid: place }, JSON.stringify(spec))
    t.same(asked, [])
    t.same(reviewed, [['invalid_request', 0]])
  }
})

t.test('a spec without a token asks about the empty one', async (t) => {
  for (const spec of [{}, { token: null }, { token: '' }]) {
    const { status, asked } = world()
    t.same(status(spec), { authenticated: false })
    t.same(asked, [''])
  }
})
