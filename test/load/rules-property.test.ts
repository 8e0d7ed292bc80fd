import fc from 'fast-check'
import t from 'tap'
import { decide, policyOf } from '../authz/support/authz-tools.ts'
import {
  type Item,
  type NaiveReview,
  type NaiveRule,
  naiveDecision,
  naiveSpec,
  type ResourceItem,
  writeNaiveRule,
} from '../authz/support/naive-rules.ts'

/** Few and similar words, so that rules and reviews meet often. */
const WORDS = ['', 'a', 'ab', 'abc', 'b', 'pods', 'pod', 'logs']
const word = fc.constantFrom(...WORDS)
const some = fc.constantFrom(...WORDS.slice(1))
const flag = (weight: number) => fc.nat(weight).map((n) => n === 0)

const item: fc.Arbitrary<Item> = fc.record({ text: word, star: flag(3), not: flag(5) })
const everything: Item = { text: '', star: true }
const list = fc.oneof(fc.constant([everything]), fc.array(item, { minLength: 1, maxLength: 3 }))
const resourceItem: fc.Arbitrary<ResourceItem> = fc.record({
  text: some,
  star: flag(3),
  not: flag(5),
  sub: fc.option(fc.record({ text: some, star: flag(2) }), { nil: undefined }),
})
const term = fc.oneof(
  fc.record({
    kind: fc.constantFrom('user', 'group', 'role', 'project', 'project-name'),
    text: some,
    star: flag(6),
  }),
  fc.record({
    kind: fc.constant('project'),
    text: fc.tuple(some, some).map((both) => both.join('/')),
    star: flag(6),
  }),
)
const rule: fc.Arbitrary<NaiveRule> = fc.record({
  effect: fc.constantFrom('allow', 'allow', 'deny'),
  subject: fc.array(fc.array(term, { minLength: 1, maxLength: 2 }), { maxLength: 2 }),
  namespace: fc.oneof(list, fc.constant([{ text: '$own' }]), fc.constant([{ text: '$own' }, { text: 'a' }])),
  group: list,
  resource: fc.oneof(fc.constant([everything]), fc.array(resourceItem, { minLength: 1, maxLength: 3 })),
  name: list,
  verb: list,
})
const review: fc.Arbitrary<NaiveReview> = fc.record({
  user: word,
  groups: fc.array(word, { maxLength: 2 }),
  roles: fc.array(word, { maxLength: 2 }),
  projectId: some,
  projectName: some,
  projectDomain: some,
  namespace: word,
  group: word,
  resource: word,
  subresource: word,
  name: word,
  verb: word,
})

t.test('100,000 random reviews are decided as a naive reading of the rules decides them', async (t) => {
  const counts = { allow: 0, deny: 0, none: 0 }
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 1, maxLength: 12 }),
      fc.array(review, { minLength: 100, maxLength: 100 }),
      (rules, reviews) => {
        const policy = policyOf(rules.map(writeNaiveRule).join('\n'), 'csv')
        for (const one of reviews) {
          const expected = naiveDecision(rules, one)
          counts[expected] += 1
          if (decide(policy, naiveSpec(one)) !== expected) return false
        }
        return true
      },
    ),
    { numRuns: 1000 },
  )
  t.comment(JSON.stringify(counts))
  t.ok(Math.min(counts.allow, counts.deny, counts.none) > 5000, 'each answer was given often')
})
