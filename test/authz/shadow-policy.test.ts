import t from 'tap'
import type { Decision, Policy } from '../../src/authz/policy.ts'
import { createShadowPolicy } from '../../src/authz/shadow-policy.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { recordLog } from '../support/recorded-log.ts'
import { policyOf, requestOf } from './support/authz-tools.ts'

type Kind = Decision['kind']

const request = requestOf({
  user: 'alice',
  groups: [],
  extra: {},
  nonResourceAttributes: { verb: 'get', path: '/metrics' },
})

/** A shadow policy that decides as `decides` says, and all that it reports. */
function shadowWorld() {
  const clock = createManualClock()
  const { log, lines } = recordLog()
  const compared: string[] = []
  const world = {
    clock,
    lines,
    compared,
    policy: (): Pick<Policy, 'decide'> => ({ decide: () => ({ kind: 'none', rule: undefined }) }),
    decides(kind: Kind) {
      world.policy = () => ({ decide: () => ({ kind, rule: undefined }) })
    },
    answer: (kind: Kind) => observe({}, request, { kind, rule: undefined, failed: false }),
  }
  const metrics = {
    reviewed: () => undefined,
    reloaded: () => undefined,
    watch: () => undefined,
    compared: (result: string) => void compared.push(result),
  }
  const observe = createShadowPolicy({ policy: () => world.policy() as Policy, metrics, clock, log })
  return world
}

t.test('every pair of decisions is counted as what it would mean, and a difference is logged', async (t) => {
  const table: [answered: Kind, shadow: Kind, counted: string][] = [
    ['allow', 'allow', 'same'],
    ['deny', 'deny', 'same'],
    ['none', 'none', 'same'],
    ['deny', 'allow', 'would_allow'],
    ['none', 'allow', 'would_allow'],
    ['allow', 'deny', 'would_refuse'],
    ['allow', 'none', 'would_refuse'],
    ['none', 'deny', 'would_refuse'],
    ['deny', 'none', 'would_refuse'],
  ]
  for (const [answered, shadow, counted] of table) {
    const { lines, compared, decides, answer } = shadowWorld()
    decides(shadow)
    t.equal(answer(answered), undefined)
    t.strictSame(compared, [counted], `${answered}, shadow ${shadow}`)
    t.strictSame(
      lines.map(({ level, answered: was, shadow: is }) => [level, was, is]),
      counted === 'same' ? [] : [['info', answered, shadow]],
    )
  }
})

t.test('the policy of the moment decides, and its rule is the reason', async (t) => {
  const world = shadowWorld()
  world.policy = () => policyOf('p2, user:alice, /metrics, get, deny', 'csv')
  world.answer('allow')
  t.equal(world.lines[0]?.reason, 'denied by test:1')
  world.policy = () => policyOf('\np2, *, *, get, allow', 'csv')
  world.answer('none')
  t.equal(world.lines[1]?.reason, 'allowed by test:2')
  t.strictSame(world.compared, ['would_refuse', 'would_allow'])
})

t.test('ten differences a minute are logged and all are counted', async (t) => {
  const { clock, lines, compared, decides, answer } = shadowWorld()
  const differ = (count: number) => {
    for (let number = 0; number < count; number++) answer('allow')
    return lines.length
  }
  decides('deny')
  t.equal(differ(9), 9)
  t.equal(differ(4), 10)
  t.equal(compared.length, 13)
  await clock.advance(59_999)
  t.equal(differ(5), 10, 'the minute is not over')
  await clock.advance(1)
  t.equal(differ(12), 20)
  await clock.advance(60_000)
  t.equal(differ(3), 23)
  t.equal(compared.filter((result) => result === 'would_refuse').length, 33)
})

t.test('equal decisions use up nothing of what may be logged', async (t) => {
  const { lines, decides, answer } = shadowWorld()
  decides('allow')
  for (let number = 0; number < 20; number++) answer('allow')
  decides('none')
  for (let number = 0; number < 11; number++) answer('allow')
  t.equal(lines.length, 10)
})

t.test('a shadow policy that fails is logged by the kind of its error and disturbs nobody', async (t) => {
  const world = shadowWorld()
  const faults: [thrown: unknown, err: string][] = [
    [new RangeError('holds a secret'), 'RangeError'],
    ['a bare string', 'unknown'],
  ]
  for (const [thrown, err] of faults) {
    world.policy = () => ({
      decide() {
        throw thrown
      },
    })
    t.doesNotThrow(() => world.answer('allow'))
    const { level, err: logged, msg, ...more } = world.lines.at(-1) ?? {}
    t.strictSame([level, logged, more], ['error', err, {}])
    t.match(msg, /shadow/)
  }
  world.policy = () => {
    throw new TypeError('no policy')
  }
  t.doesNotThrow(() => world.answer('allow'))
  t.equal(world.lines.at(-1)?.err, 'TypeError')
  t.strictSame(world.compared, [])
})
