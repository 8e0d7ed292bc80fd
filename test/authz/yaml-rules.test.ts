import t from 'tap'
import { writeRule } from '../../src/authz/rule.ts'
import { readYamlRules } from '../../src/authz/yaml-rules.ts'
import { drained } from './support/drained.ts'

const read = (text: string, source = 'rules.yaml') => drained(readYamlRules(text, source))
/** The rules of a text as CSV, or the fault. */
const lines = (text: string) => {
  const outcome = read(text)
  return 'fault' in outcome ? outcome : outcome.rules.map(writeRule)
}

t.test('lists are joined by or, those of subject and selector by and', async (t) => {
  t.same(
    lines(`
rules:
  - subject: [role:member, "user:ann|user:bob"]
    namespace: [$own, blue]
    group: ["-", apps]
    resource: [pods, pods/log]
    name: [web, db*]
    verb: [get, list]
    selector: ["label:team=a", "label:!old"]
    effect: [deny]
  - {subject: [user:ann], path: [/healthz, /livez], verb: [get, head], effect: allow}
`),
    [
      'p, role:member & user:ann|user:bob, $own|blue, -|apps, pods|pods/log, web|db*, get|list, label:team=a & label:!old, deny',
      'p2, user:ann, /healthz|/livez, get|head, allow',
    ],
  )
})

t.test('name and selector are any and the effect is allow, where a rule does not say', async (t) => {
  t.same(
    lines(`rules:
  - {subject: "*", namespace: red, group: "-", resource: pods, verb: get}
  - {subject: "*", path: /a, verb: get}
  - {subject: "*", path: /a, verb: get, effect: deny}`),
    ['p, *, red, -, pods, *, get, *, allow', 'p2, *, /a, get, allow', 'p2, *, /a, get, deny'],
  )
})

t.test('every rule has its place in the text', async (t) => {
  const outcome = read(
    `# first\nrules:\n  - {subject: "*", path: /a, verb: get}\n\n  - subject: "*"\n    path: /b\n    verb: get\n`,
    'some.yaml',
  )
  if ('fault' in outcome) return t.fail(outcome.fault.message)
  t.same(
    outcome.rules.map(({ source, line }) => `${source}:${line}`),
    ['some.yaml:3', 'some.yaml:5'],
  )
  t.same({ ...outcome, rules: [] }, { format: 'portcullis', rules: [], quarantined: [], unknown: [] })
})

t.test('an empty list, or rules without a value, is a policy without rules', async (t) => {
  for (const text of ['rules: []', 'rules:', 'rules: ~']) t.same(lines(text), [], text)
})

t.test('a text without a list under rules, or with more beside it, is unusable', async (t) => {
  for (const text of [
    '',
    '[]',
    'rule: []',
    'rules: {}',
    'rules: text',
    'rules: false',
    'rules: []\ndefaults: {}',
    'version: 2\nrules: []',
    '- {subject: "*", path: /a, verb: get}',
  ])
    t.match(read(text), { fault: { line: 1, column: 1, message: /'rules'.*list/ } }, text)
})

t.test('a text that is not YAML is unusable, with the place of the fault', async (t) => {
  t.match(read('rules:\n  - {subject: "*"\n  - a'), { fault: { line: 3, column: 3 } })
  t.match(read('rules: []\nrules: []'), { fault: { line: 2, column: 1, message: /unique/ } })
  for (const text of ['rules:\n  - {subject: "*"\n  - a', 'rules: []\nrules: []']) {
    const outcome = read(text)
    t.equal('fault' in outcome && / at line /.test(outcome.fault.message), false, 'the place is said once')
  }
  t.match(read(`rules:${'\n'.repeat(11)}${' '.repeat(14)}- "a" b`), { fault: { line: 12, column: 21 } })
  t.match(read('rules: *nothing'), { fault: { line: Number, column: Number, message: /nothing/ } })
})

const GOOD = '{subject: "*", path: /a, verb: get}'
const RESOURCE = 'namespace: red, group: "-", resource: pods'

/** A rule that cannot be understood and names no effect, the column of the fault in `  - RULE`, and what is wrong. */
const FAULTS: [string, number, RegExp][] = [
  [`{subject: member, ${RESOURCE}, verb: get}`, 15, /^subject: member/],
  [`{subject: "*", namespace: $mine, group: "-", resource: pods, verb: get}`, 31, /^namespace: /],
  [`{subject: "*", namespace: red, group: [a*b], resource: pods, verb: get}`, 43, /^group: /],
  [`{subject: "*", namespace: red, group: "-", resource: [], verb: get}`, 58, /^resource: .*list/],
  [`{subject: "*", namespace: red, group: "-", resource: [pods, 7], verb: get}`, 58, /^resource: .*string/],
  [`{subject: "*", ${RESOURCE}, verb: [get, ""]}`, 70, /^verb: .*empty/],
  [`{subject: "*", ${RESOURCE}, verb: get, name: 7}`, 81, /^name: .*string/],
  [`{subject: "*", ${RESOURCE}, verb: get, selector: team}`, 85, /^selector: team/],
  [`{subject: "*", path: , verb: get}`, 26, /^path: .*string/],
  [`{subject: "*", path: /a, verb: {}}`, 36, /^verb: .*string/],
  [`{subject: "*", path: /a, verb: get, name: web}`, 5, /^name: .*path rule/],
  [`{subject: "*", path: /a, verb: get, namespace: red}`, 5, /^namespace: .*path rule/],
]

t.test(
  'an allow rule that cannot be understood is left out, with its place, and the others hold',
  async (t) => {
    for (const [rule, column, message] of FAULTS)
      for (const text of [rule, rule.replace(/\}$/, ', effect: allow}')]) {
        const outcome = read(`rules:\n  - ${GOOD}\n  - ${text}\n  - ${GOOD}\n`)
        if ('fault' in outcome) return t.fail(`${text} ${outcome.fault.message}`)
        t.same(
          outcome.rules.map(({ line }) => line),
          [2, 4],
          text,
        )
        t.match(outcome.quarantined, [{ line: 3, column, message }], text)
        t.equal(outcome.quarantined.length, 1)
      }
  },
)

t.test('a deny rule that cannot be understood makes the whole text unusable', async (t) => {
  for (const [rule, column, message] of FAULTS)
    for (const effect of ['deny', '[deny]', '"allow|deny"', 'Allow', '~', '7']) {
      const outcome = read(`rules:\n  - ${GOOD}\n  - ${rule.replace(/\}$/, `, effect: ${effect}}`)}\n`)
      t.match(outcome, { fault: { line: 3 } }, `${rule} ${effect}`)
      t.same(Object.keys(outcome), ['fault'])
      if (effect === 'deny') t.match(outcome, { fault: { column, message } }, rule)
    }
})

t.test('a rule with a key that no rule has is left out, unless that key says deny', async (t) => {
  for (const key of [
    'verbs: get',
    'note: a',
    '__proto__: a',
    'constructor: [a]',
    'note: ~',
    'note: {a: b}',
  ]) {
    const outcome = read(`rules:\n  - {subject: "*", path: /a, verb: get, ${key}}\n  - ${GOOD}`)
    const message = new RegExp(`^${key.split(':')[0]}: .*path rule`)
    t.match(outcome, { rules: [{ line: 3 }], quarantined: [{ line: 2, column: 5, message }] }, key)
  }
  for (const key of ['efect: deny', 'Effect: [deny]', 'action: Deny', 'x: {effect: deny}', 'deny: true']) {
    const rule = `{subject: "*", ${RESOURCE}, verb: get, ${key}}`
    const message = new RegExp(`^${key.split(':')[0]}: .*resource rule`)
    t.match(read(`rules:\n  - ${rule}`), { fault: { line: 2, column: 5, message } }, key)
    t.match(
      read(`rules:\n  - ${rule.replace(/\}$/, ', effect: allow}')}`),
      { rules: [], quarantined: [{ line: 2, column: 5, message }] },
      key,
    )
  }
  t.match(read('rules:\n  - {subject: "*", namespace: deny, verb: get}'), { quarantined: [{ line: 2 }] })
})

t.test(
  'an effect that is neither allow nor deny, and a rule that is no object, make the text unusable',
  async (t) => {
    const rule = (effect: string) => `rules:\n  - {subject: "*", path: /a, verb: get, effect: ${effect}}`
    t.match(read(rule('permit')), { fault: { line: 2, column: 49, message: /^effect: .*allow or deny/ } })
    t.match(read(rule('')), { fault: { line: 2, message: /^effect: .*string/ } })
    t.match(read(rule('[allow, deny]')), { fault: { line: 2, message: /^effect: / } })
    for (const item of ['text', '7', '~', '[]', '[[a]]'])
      t.match(read(`rules:\n  - ${item}`), { fault: { line: 2, column: 5, message: /object/ } }, item)
  },
)

t.test('a rule without a column that it needs is left out', async (t) => {
  const whole = { subject: '"*"', namespace: 'red', group: '"-"', resource: 'pods', verb: 'get' }
  for (const column of Object.keys(whole)) {
    const cells = Object.entries(whole).filter(([key]) => key !== column)
    const outcome = read(`rules:\n  - {${cells.map((cell) => cell.join(': ')).join(', ')}}`)
    const fault = { line: 2, column: 5, message: new RegExp(`^${column}: `) }
    t.match(outcome, { rules: [], quarantined: [fault] }, column)
  }
  t.match(read('rules:\n  - {path: /a, verb: get}'), { quarantined: [{ message: /^subject: / }] })
  t.match(read('rules:\n  - {path: /a, subject: "*"}'), { quarantined: [{ message: /^verb: / }] })
})

t.test('a long key is cut in the message', async (t) => {
  const key = 'k'.repeat(100)
  t.match(read(`rules:\n  - {${key}: deny}`), { fault: { message: new RegExp(`^${'k'.repeat(64)}: `) } })
})
