import t from 'tap'
import { createAuthorizer } from '../../src/authz/authorizer.ts'
import type { Decision, Policy } from '../../src/authz/policy.ts'
import type { AccessRequest, Rule } from '../../src/authz/rule.ts'
import type { Log } from '../../src/log.ts'
import { resourceRequest, ruleOf } from './support/requests.ts'

const RULE = ruleOf('p, *, *, *, *, *, *, *, allow')

function policyOf(hasDeny: boolean, decide: (request: AccessRequest) => Decision): Policy {
  return { rules: [RULE], hash: '', hasDeny, candidates: () => [RULE], decide }
}
const answering = (kind: Decision['kind'], rule?: Rule) => policyOf(true, () => ({ kind, rule }))
const failing = (hasDeny: boolean, error: unknown = new RangeError('of the request: secret')) =>
  policyOf(hasDeny, () => {
    throw error
  })

/** An authorizer whose policy is the next of these at each look, and what it logged. */
function authorizerOf(...policies: Policy[]) {
  const logged: unknown[][] = []
  const log = new Proxy({} as Log, {
    get:
      (_, level) =>
      (...entry: unknown[]) =>
        logged.push([level, ...entry]),
  })
  const authorizer = createAuthorizer({ policy: () => policies.shift() as Policy, log })
  return { authorizer, logged }
}

t.test('a decision is handed on as it is, with its rule', async (t) => {
  for (const [kind, rule] of [
    ['allow', RULE],
    ['deny', RULE],
    ['none', undefined],
    ['none', RULE],
  ] as const) {
    const { authorizer, logged } = authorizerOf(answering(kind, rule))
    t.strictSame(authorizer.authorize(resourceRequest()), { kind, rule, failed: false })
    t.same(logged, [])
  }
})

t.test('the request is handed to the policy of the moment', async (t) => {
  const asked: AccessRequest[] = []
  const noting = (kind: Decision['kind']) =>
    policyOf(false, (request) => {
      asked.push(request)
      return { kind, rule: RULE }
    })
  const { authorizer } = authorizerOf(noting('allow'), noting('deny'))
  const [first, second] = [resourceRequest(), resourceRequest({ verb: 'delete' })]
  t.equal(authorizer.authorize(first).kind, 'allow')
  t.equal(authorizer.authorize(second).kind, 'deny')
  t.equal(asked[0], first)
  t.equal(asked[1], second)
})

t.test(
  'a decision that fails is a deny where deny rules exist, otherwise no opinion, never an allow',
  async (t) => {
    for (const [hasDeny, kind] of [
      [true, 'deny'],
      [false, 'none'],
    ] as const) {
      const { authorizer } = authorizerOf(failing(hasDeny))
      t.strictSame(authorizer.authorize(resourceRequest()), { kind, rule: undefined, failed: true })
    }
  },
)

t.test('a policy that is loaded while a decision fails does not say how it ends', async (t) => {
  t.equal(
    authorizerOf(failing(true), answering('allow'), failing(false)).authorizer.authorize(resourceRequest())
      .kind,
    'deny',
  )
  const loaded = authorizerOf(failing(true), { ...answering('allow', RULE), hasDeny: false })
  t.same(
    [loaded.authorizer.authorize(resourceRequest()), loaded.authorizer.authorize(resourceRequest())],
    [
      { kind: 'deny', rule: undefined, failed: true },
      { kind: 'allow', rule: RULE, failed: false },
    ],
  )
})

t.test('a failure is logged as an error by its name alone', async (t) => {
  for (const [error, name] of [
    [new RangeError('of the request: secret'), 'RangeError'],
    ['secret', 'unknown'],
    [undefined, 'unknown'],
  ] as const) {
    const { authorizer, logged } = authorizerOf(
      policyOf(true, () => {
        throw error
      }),
    )
    authorizer.authorize(resourceRequest())
    t.match(logged, [['error', { err: name }, /decision/i]])
    t.equal(logged.length, 1)
    t.same(logged[0]?.[1], { err: name })
    t.notMatch(JSON.stringify(logged), /secret/)
  }
})
