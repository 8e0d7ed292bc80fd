import t from 'tap'
import { misfits, nearMisses } from '../../src/authz/near-miss.ts'
import type { Rule } from '../../src/authz/rule.ts'
import { policyOf, requestOf } from './support/authz-tools.ts'

const ruleOf = (line: string) => policyOf(line, 'csv').rules[0] as Rule
const rulesOf = (...lines: string[]) => policyOf(lines.join('\n'), 'csv').rules

const resource = requestOf({
  user: 'alice',
  groups: ['g1', 'g2'],
  extra: {},
  resourceAttributes: {
    verb: 'list',
    namespace: 'a',
    group: 'apps',
    resource: 'deployments',
    subresource: 'scale',
    name: 'web',
    labelSelector: { requirements: [{ key: 'team', operator: 'In', values: ['x'] }] },
  },
})
const path = requestOf({
  user: 'alice',
  groups: [],
  extra: {},
  nonResourceAttributes: { verb: 'get', path: '/logs' },
})

t.test('each column of a resource rule is named if it alone does not fit', async (t) => {
  const fitting = ['user:alice', 'a', 'apps', 'deployments/scale', 'web', 'list', 'label:team=x|y']
  const other = ['user:bob', 'b', 'batch', 'deployments', 'api', 'get', 'label:team=z']
  const line = (cells: readonly string[]) => `p, ${cells.join(', ')}, allow`
  const columns = ['subject', 'namespace', 'group', 'resource', 'name', 'verb', 'selector']
  t.strictSame(misfits(ruleOf(line(fitting)), resource), [])
  for (const [at, column] of columns.entries())
    t.strictSame(misfits(ruleOf(line(fitting.with(at, other[at] as string))), resource), [column], column)
  t.strictSame(misfits(ruleOf(line(other)), resource), columns, 'in the order of the columns')
})

t.test('each column of a path rule is named if it does not fit', async (t) => {
  const table: [line: string, misfits: string[]][] = [
    ['p2, user:alice, /logs, get, allow', []],
    ['p2, user:bob, /logs, get, allow', ['subject']],
    ['p2, user:alice, /metrics, get, allow', ['path']],
    ['p2, user:alice, /logs, post, deny', ['verb']],
    ['p2, user:bob, /metrics, post, allow', ['subject', 'path', 'verb']],
  ]
  for (const [line, expected] of table) t.strictSame(misfits(ruleOf(line), path), expected, line)
})

t.test('a rule about the other kind of request is none that misses', async (t) => {
  t.equal(misfits(ruleOf('p2, user:alice, *, *, allow'), resource), undefined)
  t.equal(misfits(ruleOf('p, user:alice, *, *, *, *, *, *, allow'), path), undefined)
})

t.test(
  'the rules that miss by one column come before those that miss by two, each in their order',
  async (t) => {
    const rules = rulesOf(
      'p2, user:bob, /metrics, get, allow',
      'p2, user:bob, /logs, get, allow',
      'p2, user:bob, /metrics, post, allow',
      'p2, user:alice, /logs, get, allow',
      'p, user:alice, a, -, pods, *, get, *, allow',
      'p2, user:alice, /metrics, get, allow',
      'p2, user:alice, /metrics, post, allow',
    )
    const found = (most: number) =>
      nearMisses(rules, path, most).map(({ rule, misfits }) => [rule.line, ...misfits])
    t.strictSame(found(9), [
      [2, 'subject'],
      [6, 'path'],
      [1, 'subject', 'path'],
      [7, 'path', 'verb'],
    ])
    t.strictSame(found(3), [
      [2, 'subject'],
      [6, 'path'],
      [1, 'subject', 'path'],
    ])
    t.strictSame(found(0), [])
  },
)
