import t from 'tap'
import type { Verdict } from '../../src/authz/authorizer.ts'
import type { AccessRequest } from '../../src/authz/rule.ts'
import { createSubjectAccessReviewHandler } from '../../src/authz/subject-access-review.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { ruleOf } from './support/requests.ts'

const RULE = { ...ruleOf('p, *, *, *, *, *, *, *, allow'), source: 'rules.csv', line: 12 }
const SPEC = {
  user: 'ann',
  groups: ['ops'],
  resourceAttributes: { namespace: 'red', resource: 'pods', verb: 'get' },
}

/** A handler whose decisions take 7 ms, in which the wall clock is set back, and what it told others. */
function handlerOf(verdict: Verdict) {
  const clock = createManualClock()
  const asked: AccessRequest[] = []
  const reviewed: unknown[][] = []
  const observed: unknown[][] = []
  const handler = createSubjectAccessReviewHandler({
    authorizer: {
      authorize(request) {
        asked.push(request)
        void clock.advance(7)
        clock.setWallBy(-60_000)
        return verdict
      },
    },
    namespaceOf: () => {
      void clock.advance(2)
      return 'own'
    },
    metrics: {
      reviewed: (...entry) => reviewed.push(entry),
      compared: () => t.fail('compared'),
      reloaded: () => t.fail('reloaded'),
      watch: () => t.fail('watch'),
    },
    clock,
    observers: [
      (...entry) => observed.push(['first', ...entry]),
      (...entry) => observed.push(['second', ...entry]),
    ],
  })
  return { handler, asked, reviewed, observed }
}

const CASES: [Verdict, string, string][] = [
  [
    { kind: 'allow', rule: RULE, failed: false },
    '{"allowed":true,"reason":"allowed by rules.csv:12"}',
    'allow',
  ],
  [
    { kind: 'deny', rule: RULE, failed: false },
    '{"allowed":false,"denied":true,"reason":"denied by rules.csv:12"}',
    'deny',
  ],
  [
    { kind: 'none', rule: undefined, failed: false },
    '{"allowed":false,"reason":"no rule for user ann allows get on pods in namespace red"}',
    'none',
  ],
]

t.test('a verdict is answered with its reason, counted and timed on the monotonic clock', async (t) => {
  for (const [verdict, status, outcome] of CASES) {
    const { handler, asked, reviewed } = handlerOf(verdict)
    t.strictSame(await handler.answer('v1', SPEC), { status })
    t.strictSame(reviewed, [[outcome, 9]])
    t.equal(asked.length, 1)
    t.match(asked[0], {
      subject: { user: 'ann' },
      target: { namespace: { name: 'red', own: 'own' }, verb: 'get' },
    })
  }
})

t.test('a decision that failed is told from one that was made', async (t) => {
  for (const [kind, denied] of [
    ['deny', true],
    ['none', undefined],
  ] as const) {
    const { handler, reviewed } = handlerOf({ kind, rule: undefined, failed: true })
    const answer = await handler.answer('v1', SPEC)
    const { reason, ...status } = JSON.parse('status' in answer ? answer.status : '{}')
    t.strictSame(status, { allowed: false, ...(denied && { denied }) })
    t.match(reason, /could not be evaluated/)
    t.strictSame(reviewed, [['failed', 9]])
  }
})

t.test('a request that cannot be read is invalid: counted, never decided, never observed', async (t) => {
  const { handler, asked, reviewed, observed } = handlerOf(CASES[0]?.[0] as Verdict)
  t.match(await handler.answer('v1', { ...SPEC, user: 7 }), { invalid: /^spec\.user: / })
  t.strictSame(reviewed, [['invalid_request', 0]])
  t.match(await handler.answer('v1', { ...SPEC, resourceAttributes: 7 }), {
    invalid: /^spec\.resourceAttributes: /,
  })
  t.strictSame(reviewed[1], ['invalid_request', 2])
  t.same(asked, [])
  t.same(observed, [])
})

t.test('each observer sees what was asked and answered', async (t) => {
  const [verdict] = CASES[1] as (typeof CASES)[number]
  const { handler, asked, observed } = handlerOf(verdict)
  await handler.answer('v1', SPEC)
  t.strictSame(observed, [
    ['first', SPEC, asked[0], verdict],
    ['second', SPEC, asked[0], verdict],
  ])
  t.equal(observed[0]?.[1], SPEC)
})

t.test('the version says how groups are spelled', async (t) => {
  const { handler, asked } = handlerOf(CASES[0]?.[0] as Verdict)
  const both = { ...SPEC, groups: ['of v1'], group: ['of v1beta1'] }
  await handler.answer('v1', both)
  await handler.answer('v1beta1', both)
  t.same(
    asked.map(({ subject }) => [...subject.keys]),
    [
      ['user:ann', 'group:of v1'],
      ['user:ann', 'group:of v1beta1'],
    ],
  )
  t.match(handler, { group: 'authorization.k8s.io', kind: 'SubjectAccessReview' })
})

t.test('a name with quotes cannot change the answer', async (t) => {
  const { handler } = handlerOf({ kind: 'none', rule: undefined, failed: false })
  const user = 'a","allowed":true,"x":"\\'
  const answer = await handler.answer('v1', { ...SPEC, user })
  t.strictSame(JSON.parse('status' in answer ? answer.status : ''), {
    allowed: false,
    reason: `no rule for user ${user} allows get on pods in namespace red`,
  })
})
