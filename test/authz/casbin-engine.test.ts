import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { createCasbinEngine } from '../../src/authz/casbin-engine.ts'
import type { Rule } from '../../src/authz/rule.ts'
import { ROOT } from '../support/source-files.ts'
import { pathRequest, resourceRequest, ruleFits, rulesOf } from './support/requests.ts'

const MODEL = readFileSync(join(ROOT, 'policies/model.conf'), 'utf8')
const stop = (rule: Rule): Rule => ({ ...rule, effect: 'stop' })

t.test('the first candidate that fits is the answer, whatever its effect', async (t) => {
  const engine = await createCasbinEngine(MODEL)
  const [allow, deny, other, secrets] = rulesOf(`
    p, *, red, *, pods, *, *, *, allow
    p, *, red, *, pods, *, *, *, deny
    p, *, blue, *, pods, *, *, *, deny
    p, *, *, *, secrets, *, *, *, allow`) as [Rule, Rule, Rule, Rule]
  const stopped = stop(allow)
  const cases: [Rule[], Rule | undefined][] = [
    [[], undefined],
    [[allow], allow],
    [[deny], deny],
    [[stopped], stopped],
    [[deny, allow], deny],
    [[allow, deny], allow],
    [[stopped, allow], stopped],
    [[allow, stopped], allow],
    [[stopped, deny], stopped],
    [[other, secrets], undefined],
    [[other, secrets, allow], allow],
    [[other, deny, secrets, allow], deny],
    [[secrets], undefined],
  ]
  for (const [candidates, rule] of [...cases, ...cases])
    t.equal(engine.decide(resourceRequest(), candidates), rule, candidates.map((one) => one.effect).join(' '))
})

t.test('paths are decided by rules for paths', async (t) => {
  const engine = await createCasbinEngine(MODEL)
  const [get, all, deny] = rulesOf(`
    p2, role:a, /healthz, get, allow
    p2, user:ann, /livez*, *, allow
    p2, *, /metrics, *, deny`) as [Rule, Rule, Rule]
  const candidates = [get, all, deny]
  t.equal(engine.decide(pathRequest('/healthz', { keys: ['role:a'] }), candidates), get)
  t.equal(engine.decide(pathRequest('/healthz', { keys: ['role:b'] }), candidates), undefined)
  t.equal(engine.decide(pathRequest('/healthz', { keys: ['role:a'], verb: 'post' }), candidates), undefined)
  t.equal(engine.decide(pathRequest('/livez/etcd', { verb: 'post' }), candidates), all)
  t.equal(engine.decide(pathRequest('/metrics'), candidates), deny)
  t.equal(engine.decide(pathRequest('/metrics'), [stop(deny), deny])?.effect, 'stop')
})

t.test('each cell of a rule is compared with its field of the request', async (t) => {
  const engine = await createCasbinEngine(MODEL)
  const rules = rulesOf('p, role:a, red, apps, deployments/scale, web, patch, label:team=x, allow')
  const selector = [{ on: 'label', key: 'team', operator: 'In', values: ['x'] }] as const
  const asked = {
    keys: ['role:a'],
    namespace: 'red',
    group: 'apps',
    resource: 'deployments',
    sub: 'scale',
    name: 'web',
    verb: 'patch',
    selector,
  }
  t.equal(engine.decide(resourceRequest(asked), rules), rules[0])
  for (const other of [
    { keys: ['role:b'] },
    { namespace: 'blue' },
    { group: '' },
    { resource: 'pods' },
    { sub: '' },
    { name: 'db' },
    { verb: 'get' },
    { selector: [] },
  ])
    t.equal(engine.decide(resourceRequest({ ...asked, ...other }), rules), undefined, JSON.stringify(other))
})

t.test(
  'an error inside a comparison is an error of the decision, and the next decision is not touched',
  async (t) => {
    const engine = await createCasbinEngine(MODEL)
    const [rule] = rulesOf('p, *, *, *, *, *, *, *, allow') as [Rule]
    const torn = Object.assign(Object.create(Object.getPrototypeOf(rule.subject)), { clauses: undefined })
    t.throws(() => engine.decide(resourceRequest(), [{ ...rule, subject: torn }, rule]))
    t.equal(engine.decide(resourceRequest(), []), undefined)
    t.equal(engine.decide(resourceRequest(), [rule]), rule)
    t.equal(engine.decide(resourceRequest(), [rule, { ...rule, subject: torn }]), rule, 'not compared')
  },
)

t.test('an answer of casbin that the rule does not bear out is an error', async (t) => {
  const lenient = await createCasbinEngine(
    MODEL.replace('priority(p.eft) || deny', '!some(where (p.eft == deny))'),
  )
  const rules = rulesOf('p, *, blue, *, *, *, *, *, allow')
  t.throws(() => lenient.decide(resourceRequest(), rules), /disagree/)
})

t.test('a model without rules for paths is an error', async (t) => {
  await t.rejects(createCasbinEngine(MODEL.replaceAll('p2', 'p3')), /p and p2/)
})

t.test('two engines, and two kinds of requests by turns, do not disturb each other', async (t) => {
  const [first, second] = await Promise.all([createCasbinEngine(MODEL), createCasbinEngine(MODEL)])
  const resources = rulesOf('p, *, red, *, *, *, *, *, allow\np, *, *, *, *, *, *, *, deny')
  const paths = rulesOf('p2, *, /a, *, deny\np2, *, *, *, allow')
  for (const engine of [first, second, first]) {
    t.equal(engine.decide(resourceRequest(), resources), resources[0])
    t.equal(engine.decide(pathRequest('/b'), paths), paths[1])
    t.equal(engine.decide(resourceRequest({ namespace: 'blue' }), resources), resources[1])
    t.equal(engine.decide(pathRequest('/a'), paths), paths[0])
  }
})

t.test('casbin finds the rule that a plain search finds', async (t) => {
  const engine = await createCasbinEngine(MODEL)
  const pick = (...values: string[]) => fc.constantFrom(...values)
  const cells = fc.tuple(
    pick('*', 'role:a', 'role:b', 'role:a & user:ann'),
    pick('*', 'red', '!red', '$own', '-'),
    pick('*', 'pods', 'pods/log', 'pods/*'),
    pick('*', 'get', 'list|watch'),
    pick('*', 'label:x=1'),
    pick('allow', 'deny'),
  )
  const request = fc.record({
    keys: fc.subarray(['role:a', 'role:b', 'user:ann']),
    namespace: pick('', 'red', 'blue'),
    own: pick('red', 'blue'),
    resource: pick('pods', 'secrets'),
    sub: pick('', 'log'),
    verb: pick('get', 'list', 'delete'),
    selector: fc.subarray([{ on: 'label', key: 'x', operator: 'In', values: ['1'] } as const]),
  })
  fc.assert(
    fc.property(fc.array(cells, { minLength: 1, maxLength: 6 }), request, (lines, asked) => {
      const rules = rulesOf(
        lines
          .map(
            ([who, where, what, verb, only, effect]) =>
              `p, ${who}, ${where}, *, ${what}, *, ${verb}, ${only}, ${effect}`,
          )
          .join('\n'),
      )
      const one = resourceRequest(asked)
      t.equal(
        engine.decide(one, rules),
        rules.find((rule) => ruleFits(rule, one)),
      )
    }),
    { numRuns: 60 },
  )
})
