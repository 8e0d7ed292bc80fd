import { createHash } from 'node:crypto'
import t from 'tap'
import { compilePolicy, type RuleList } from '../../src/authz/policy.ts'
import type { AccessRequest, Rule } from '../../src/authz/rule.ts'
import { drained } from './support/drained.ts'
import { pathRequest, resourceRequest, ruleFits, rulesOf } from './support/requests.ts'

/** Says what each candidate says, one after the other. */
const engine = {
  decide: (request: AccessRequest, candidates: readonly Rule[]) =>
    candidates.find((rule) => ruleFits(rule, request)),
}

const compile = (...lists: RuleList[]) => drained(compilePolicy(lists, engine))
const from = (source: string, rules: readonly Rule[]) => rules.map((rule) => ({ ...rule, source }))
const portcullis = (text: string, source = 'test'): RuleList => ({
  format: 'portcullis',
  rules: from(source, rulesOf(text)),
})
const place = (rule: Rule | undefined) => rule && `${rule.source}:${rule.line}`

/** A policy of k8s-keystone-auth: `stop` is written as deny. */
const cpo = (text: string, source = 'cpo'): RuleList => ({
  format: 'cpo',
  rules: from(source, rulesOf(text)).map((rule) =>
    rule.effect === 'deny' ? { ...rule, effect: 'stop' } : rule,
  ),
})

const ALLOW = 'p, *, red, *, pods, *, *, *, allow'
const DENY = 'p, user:ann, *, *, pods|secrets, *, get, *, deny'

t.test('a deny rule decides before an allow rule, in whatever order and source they come', async (t) => {
  const a = (text: string) => portcullis(text, 'a.csv')
  const b = (text: string) => portcullis(text, 'b.csv')
  for (const [lists, denying] of [
    [[a(`${ALLOW}\n${DENY}`)], 'a.csv:2'],
    [[a(`${DENY}\n${ALLOW}`)], 'a.csv:1'],
    [[a(ALLOW), b(DENY)], 'b.csv:1'],
    [[a(DENY), b(ALLOW)], 'a.csv:1'],
    [[cpo(ALLOW), b(`${ALLOW}\n${DENY}`)], 'b.csv:2'],
    [[b(DENY), cpo(ALLOW), a(ALLOW)], 'b.csv:1'],
    [[cpo(DENY), cpo(ALLOW), a(DENY), b(DENY)], 'a.csv:1'],
  ] as const) {
    const policy = compile(...lists)
    const denied = policy.decide(resourceRequest())
    t.equal(denied.kind, 'deny')
    t.equal(place(denied.rule), denying)
    t.equal(
      policy.decide(resourceRequest({ keys: ['user:bob'] })).kind,
      'allow',
      'somebody whom the deny rule does not name',
    )
  }
})

t.test('rules count in this order: all deny rules, all allow rules, entries of CPO policies', async (t) => {
  const policy = compile(
    cpo(
      'p, *, x, *, *, *, *, *, allow\np, *, x, *, *, *, *, *, deny\np, *, x, *, *, *, *, *, allow',
      'one.json',
    ),
    portcullis('p, *, x, *, *, *, *, *, allow\np, *, x, *, *, *, *, *, deny\np2, *, /x, *, deny', 'a.csv'),
    cpo('p, *, x, *, *, *, *, *, deny', 'two.json'),
    portcullis('p, *, x, *, *, *, *, *, deny\np, *, x, *, *, *, *, *, allow', 'b.csv'),
  )
  const order = [
    'a.csv:2',
    'a.csv:3',
    'b.csv:1',
    'a.csv:1',
    'b.csv:2',
    'one.json:1',
    'one.json:2',
    'one.json:3',
    'two.json:1',
  ]
  t.same(policy.rules.map(place), order)
  t.same(
    policy.rules.map((rule) => rule.effect),
    ['deny', 'deny', 'deny', 'allow', 'allow', 'allow', 'stop', 'allow', 'stop'],
  )
  t.same(
    policy.candidates(resourceRequest({ namespace: 'x' })).map(place),
    order.filter((one) => one !== 'a.csv:3'),
  )
  t.same(policy.candidates(pathRequest('/x')).map(place), ['a.csv:3'])
  t.same(policy.candidates(resourceRequest({ namespace: 'y' })), [])
})

t.test('an entry at which CPO stops keeps what follows it from allowing, and names itself', async (t) => {
  const stop = 'p, *, red, *, pods, *, *, *, deny'
  for (const [lists, kind, rule] of [
    [[cpo(`${stop}\n${ALLOW}`)], 'none', 'cpo:1'],
    [[cpo(`${ALLOW}\n${stop}`)], 'allow', 'cpo:1'],
    [[cpo(stop, 'one'), cpo(ALLOW, 'two')], 'none', 'one:1'],
    [[cpo(ALLOW, 'one'), cpo(stop, 'two')], 'allow', 'one:1'],
    [[cpo(stop), portcullis(ALLOW)], 'allow', 'test:1'],
    [[cpo(stop), portcullis(DENY)], 'deny', 'test:1'],
    [[cpo(ALLOW.replace('red', 'blue'))], 'none', undefined],
    [[], 'none', undefined],
  ] as const) {
    const decision = compile(...lists).decide(resourceRequest())
    t.same({ kind: decision.kind, rule: place(decision.rule) }, { kind, rule })
  }
})

t.test('a deny over 600 namespaces, users, resources or paths decides for each of them', async (t) => {
  const names = Array.from({ length: 600 }, (_, at) => `n${at}`)
  const list = names.join('|')
  const policy = compile(
    portcullis(`p, *, *, *, *, *, *, *, allow\np2, *, *, *, allow`, 'open.csv'),
    portcullis(
      `p, user:ann, ${list}, *, *, *, *, *, deny
      p, ${names.map((name) => `user:${name}`).join('|')}, *, *, *, *, *, *, deny
      p, role:x, red, *, ${list}, *, *, *, deny
      p2, role:x, ${names.map((name) => `/${name}`).join('|')}, *, deny`,
      'many.csv',
    ),
  )
  const denied = (request: AccessRequest) => {
    const { kind, rule } = policy.decide(request)
    return `${kind} ${place(rule)}`
  }
  for (const name of names) {
    t.equal(denied(resourceRequest({ namespace: name })), 'deny many.csv:1', name)
    t.equal(denied(resourceRequest({ keys: [`user:${name}`] })), 'deny many.csv:2', name)
    t.equal(denied(resourceRequest({ keys: ['role:x'], resource: name })), 'deny many.csv:3', name)
    t.equal(denied(pathRequest(`/${name}`, { keys: ['role:x'] })), 'deny many.csv:4', name)
  }
  t.equal(denied(resourceRequest()), 'allow open.csv:1')
  t.equal(denied(pathRequest('/n600', { keys: ['role:x'] })), 'allow open.csv:2')
})

t.test('a policy with a deny rule says so, wherever the rule is', async (t) => {
  for (const [lists, hasDeny] of [
    [[], false],
    [[portcullis(ALLOW)], false],
    [[cpo(`${DENY}\n${ALLOW}`)], false],
    [[portcullis(DENY)], true],
    [[portcullis(`${ALLOW}\n${DENY}`)], true],
    [[portcullis(DENY), portcullis(ALLOW)], true],
    [[portcullis(ALLOW), cpo(ALLOW), portcullis('p2, *, /metrics, *, deny')], true],
  ] as const)
    t.equal(compile(...lists).hasDeny, hasDeny)
})

t.test('the hash is that of the rules in their order, wherever they stand', async (t) => {
  const policy = compile(portcullis(`${ALLOW}\n\n${DENY}`, 'a.csv'))
  t.equal(policy.hash, createHash('sha256').update(`${DENY}\n${ALLOW}\n`).digest('hex'))
  t.equal(compile(portcullis(DENY, 'b.csv'), portcullis(ALLOW, 'c.csv')).hash, policy.hash)
  t.equal(compile().hash, createHash('sha256').digest('hex'))
  const other = ['p', 'role:z', 'blue', 'apps', 'services', 'web', 'list', 'label:a']
  const changed = [ALLOW, DENY].flatMap((line) =>
    other.map((cell, column) => line.split(', ').with(column, cell).join(', ')),
  )
  const texts = new Set([
    ...changed,
    `${ALLOW}\n${ALLOW}`,
    `${ALLOW}\n${DENY}`,
    ALLOW.replace('allow', 'deny'),
  ])
  const hashes = new Set([...texts].map((text) => compile(portcullis(text)).hash))
  t.equal(hashes.size, texts.size)
  t.not(compile(cpo(DENY)).hash, compile(portcullis(DENY)).hash)
})

t.test('an error of the engine is an error of the decision', async (t) => {
  const broken = {
    decide: () => {
      throw new RangeError('broken')
    },
  }
  const policy = drained(compilePolicy([portcullis(ALLOW)], broken))
  t.throws(() => policy.decide(resourceRequest()), RangeError)
})
