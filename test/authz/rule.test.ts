import t from 'tap'
import { NamespacePattern, Pattern } from '../../src/authz/pattern.ts'
import { ResourcePattern } from '../../src/authz/resource-pattern.ts'
import { createCellSharer, createRuleWriter, type Rule, writeRule } from '../../src/authz/rule.ts'
import { SubjectRequirement } from '../../src/authz/subject.ts'
import { resourceRequest, ruleFits, ruleOf, rulesOf } from './support/requests.ts'

const LINES = [
  'p, role:member & project:red/web, $own|blue, -|apps, pods|pods/log, web-*, get|list, label:team=a & field:metadata.name=web, allow',
  'p, *, *, *, *, *, *, *, deny',
  'p, role:a|role:b, !kube-system, *, !secrets, -, !delete, label:!old, deny',
  'p2, user:ann, /version|/healthz*, get, allow',
  'p2, *, *, *, deny',
]

t.test('a rule is written as the line of CSV that it is read from', async (t) => {
  const write = createRuleWriter()
  for (const line of [...LINES, ...LINES]) {
    t.equal(writeRule(ruleOf(line)), line)
    t.equal(write(ruleOf(line)), line)
  }
})

t.test('an entry at which CPO breaks off is written as stop', async (t) => {
  t.equal(writeRule({ ...ruleOf(LINES[4] as string), effect: 'stop' }), 'p2, *, *, *, stop')
  t.equal(writeRule({ ...ruleOf(LINES[1] as string), effect: 'stop' }), 'p, *, *, *, *, *, *, *, stop')
})

t.test('a cell that rules share is written once', async (t) => {
  let calls = 0
  class Counted extends SubjectRequirement {
    override toCell() {
      calls += 1
      return super.toCell()
    }
  }
  const subject = new Counted([])
  const rules = rulesOf(LINES.join('\n')).map((rule) => ({ ...rule, subject }))
  const write = createRuleWriter()
  for (const rule of rules) t.match(write(rule), /^p2?, \*, /)
  t.equal(calls, 1)
})

t.test('equal cells become one object, and the rule says the same', async (t) => {
  const share = createCellSharer()
  for (const line of LINES) {
    const [first, second] = [share(ruleOf(line)), share({ ...ruleOf(line), source: 'other', line: 7 })]
    t.equal(writeRule(first), line)
    t.equal(writeRule(second), line)
    t.equal(second.subject, first.subject)
    for (const cell of ['path', 'verb', 'namespace', 'group', 'resource'] as const)
      t.equal(
        (second.target as unknown as Record<string, unknown>)[cell],
        (first.target as unknown as Record<string, unknown>)[cell],
        cell,
      )
    t.match(first, { source: 'test', line: 1 })
    t.match(second, { source: 'other', line: 7 })
  }
})

t.test('cells of two kinds that are written alike are not shared', async (t) => {
  const share = createCellSharer()
  const rules: readonly Rule[] = rulesOf(
    'p, *, *, *, *, *, *, *, deny\np, *, pods, pods, pods, pods, pods, *, allow\np2, *, pods, pods, allow',
  ).map((rule) => share(rule))
  const classes = (rule: Rule | undefined) => [
    rule?.subject.constructor,
    ...Object.values(rule?.target ?? {}).flatMap((cell) =>
      typeof cell === 'string' ? [] : [cell.constructor],
    ),
  ]
  for (const rule of rules.slice(0, 2))
    t.same(classes(rule).slice(0, 4), [SubjectRequirement, NamespacePattern, Pattern, ResourcePattern])
  t.same(classes(rules[2]), [SubjectRequirement, Pattern, Pattern])
  const [, allow] = rules
  const request = { namespace: 'pods', group: 'pods', name: 'pods', verb: 'pods' }
  t.equal(allow && ruleFits(allow, resourceRequest(request)), true)
  t.equal(allow && ruleFits(allow, resourceRequest({ ...request, sub: 'exec' })), false)
})
