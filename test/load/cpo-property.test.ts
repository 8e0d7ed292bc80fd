import fc from 'fast-check'
import t from 'tap'
import { compilePolicy } from '../../src/authz/policy.ts'
import { writeRule } from '../../src/authz/rule.ts'
import { runAtOnce } from '../../src/steps.ts'
import { decide, engine, policyOf, reading } from '../authz/support/authz-tools.ts'
import { type CpoEntry, type CpoReview, cpoSpec, naiveCpoDecision } from '../authz/support/naive-cpo.ts'

const NAMES = ['a', 'b', 'dev', 'pods', 'pods/log', 'pods/*', '*', '!a', 'A,b', '']
const name = fc.constantFrom(...NAMES)
const plain = fc.constantFrom('a', 'b', 'dev', 'pods', '')
const verb = fc.constantFrom('get', 'list', 'GET', '*', '')
const verbs = fc.array(verb, { maxLength: 3 })
const part = fc.constantFrom(
  ...[
    '*',
    'a',
    'dev',
    ' pods ',
    'Pods',
    '!a',
    '!',
    '!*',
    "['a','dev']",
    "['*']",
    '[]',
    '![]',
    "!['a', 'pods']",
  ],
  ...["['a',]", 'a*', "!['*']", '! a'],
)
const key = fc.oneof(
  fc.tuple(part, part).map((parts) => parts.join('/')),
  fc.constantFrom('pods', 'a/pods/log', '*/*'),
)
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 3 })
const lists = (keys: fc.Arbitrary<string>) => fc.dictionary(keys, verbs, { maxKeys: 2 })
const path = fc.constantFrom('/a', '/a/', '/a/b', '/api', '/a*', '/a/**', '*', '')
const entry: fc.Arbitrary<CpoEntry> = fc.record({
  users: optional(
    fc.record({ roles: fc.array(plain, { maxLength: 2 }), projects: fc.array(plain, { maxLength: 2 }) }),
  ),
  resource_permissions: optional(lists(key)),
  nonresource_permissions: optional(lists(path)),
  resource: optional(
    fc.record(
      { verbs, resources: fc.array(name, { maxLength: 3 }), version: name, namespace: name },
      { requiredKeys: ['verbs'] },
    ),
  ),
  nonresource: optional(fc.record({ verbs, path })),
  match: optional(
    fc.array(
      fc.record({
        type: fc.constantFrom('user', 'group', 'role', 'project', 'Role'),
        values: fc.array(name, { maxLength: 2 }),
      }),
      { maxLength: 2 },
    ),
  ),
})
const who = {
  user: plain,
  groups: fc.array(plain, { maxLength: 2 }),
  roles: fc.array(plain, { maxLength: 2 }),
  projects: fc.array(plain, { maxLength: 2 }),
}
const attributes = fc.record({
  verb,
  namespace: plain,
  group: plain,
  resource: fc.constantFrom('pods', 'a', 'Pods', '', '!a'),
  subresource: fc.constantFrom('', 'log', '*'),
})
const review: fc.Arbitrary<CpoReview> = fc.oneof(
  fc.record({ ...who, resource: attributes }),
  fc.record({ ...who, path: fc.record({ verb, path }) }),
)

t.test(
  '100,000 random reviews of JSON policies are decided as k8s-keystone-auth would, converted or not',
  async (t) => {
    const counts = { allowed: 0, none: 0, brokenOff: 0 }
    fc.assert(
      fc.property(
        fc.array(fc.option(entry, { freq: 30 }), { minLength: 1, maxLength: 6 }),
        fc.array(review, { minLength: 100, maxLength: 100 }),
        (entries, reviews) => {
          const policy = policyOf(JSON.stringify(entries), 'cpo')
          const converted = policy.rules.some((rule) => rule.effect === 'stop')
            ? undefined
            : policyOf(policy.rules.map(writeRule).join('\n'), 'csv')
          for (const one of reviews) {
            const expected = naiveCpoDecision(entries, one)
            counts[expected === undefined ? 'brokenOff' : expected ? 'allowed' : 'none'] += 1
            const decision = decide(policy, cpoSpec(one))
            if (decision !== (expected === true ? 'allow' : 'none')) return false
            if (converted !== undefined && decide(converted, cpoSpec(one)) !== decision) return false
          }
          return true
        },
      ),
      { numRuns: 1000 },
    )
    t.comment(JSON.stringify(counts))
    t.ok(Math.min(counts.allowed, counts.none, counts.brokenOff) > 1000, 'each answer was given often')
  },
)

t.test('strict never allows what the same policy does not allow without it', async (t) => {
  let closed = 0
  fc.assert(
    fc.property(
      fc.array(entry, { minLength: 1, maxLength: 4 }),
      fc.array(review, { minLength: 50, maxLength: 50 }),
      (entries, reviews) => {
        const text = JSON.stringify(entries)
        const [loose, strict] = [policyOf(text, 'cpo'), policyOf(text, 'cpo', true)]
        return reviews.every((one) => {
          const [before, after] = [decide(loose, cpoSpec(one)), decide(strict, cpoSpec(one))]
          if (before !== after) closed += 1
          return after !== 'allow' || before === 'allow'
        })
      },
    ),
    { numRuns: 300 },
  )
  t.ok(closed > 50)
})

t.test(
  'what no readable policy says is no crash: random texts are read or refused with line and column',
  async (t) => {
    const noise = fc.oneof(
      fc.string(),
      fc.json(),
      fc.string({ unit: fc.constantFrom(...'[]{}",:*!p2 \n\\&|-') }),
    )
    fc.assert(
      fc.property(noise, fc.constantFrom('cpo', 'csv', 'yaml'), (text, format) => {
        const outcome = reading(text, format)
        if ('fault' in outcome) return outcome.fault.line >= 1 && outcome.fault.column >= 1
        return runAtOnce(compilePolicy([outcome], engine)).hash.length === 64
      }),
      { numRuns: 3000 },
    )
    for (const format of ['cpo', 'csv', 'yaml'] as const) {
      const deep = reading(`${'['.repeat(100_000)}${']'.repeat(100_000)}`, format)
      t.ok('fault' in deep, `${format}: 100,000 brackets`)
    }
  },
)
