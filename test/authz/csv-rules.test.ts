import t from 'tap'
import { readCsvRules } from '../../src/authz/csv-rules.ts'
import { writeRule } from '../../src/authz/rule.ts'
import { drained } from './support/drained.ts'

const read = (text: string, source = 'rules.csv') => drained(readCsvRules(text, source))
const ALLOW = 'p, role:a, red, apps, pods, web, get, label:x, allow'
const DENY = 'p, role:b, blue, -, secrets, *, *, *, deny'
const PATH = 'p2, user:ann, /healthz, get, allow'

t.test('every line is a rule with its place; empty lines and comments say nothing', async (t) => {
  const text = `# a comment\n${ALLOW}\n\n  \t\n  # ${DENY}\r\n  ${DENY}  \r\n${PATH}\n`
  const outcome = read(text, 'some.csv')
  if ('fault' in outcome) return t.fail(outcome.fault.message)
  t.same(
    outcome.rules.map((rule) => [writeRule(rule), rule.source, rule.line]),
    [
      [ALLOW, 'some.csv', 2],
      [DENY, 'some.csv', 6],
      [PATH, 'some.csv', 7],
    ],
  )
  t.same({ ...outcome, rules: [] }, { format: 'portcullis', rules: [], quarantined: [], unknown: [] })
})

t.test('a text without rules is a policy without rules', async (t) => {
  for (const text of ['', '\n', '# nothing', ' '])
    t.same(read(text), { format: 'portcullis', rules: [], quarantined: [], unknown: [] })
})

t.test('a long text is read to its end', async (t) => {
  const outcome = read(`${Array(100).fill(ALLOW).join('\n')}\n${DENY}`)
  if ('fault' in outcome) return t.fail(outcome.fault.message)
  t.equal(outcome.rules.length, 101)
  t.match(outcome.rules.at(-1), { effect: 'deny', line: 101 })
})

t.test(
  'separators and escapes: space around cells does not count, an escaped comma is a character',
  async (t) => {
    const outcome = read('p,role:a\\,b,  red ,*,*,*,*,*,allow')
    if ('fault' in outcome) return t.fail(outcome.fault.message)
    t.same(outcome.rules.map(writeRule), ['p, role:a\\,b, red, *, *, *, *, *, allow'])
  },
)

/** A line that cannot be understood, the column of the fault, and a word of what is wrong. */
const FAULTS: [string, number, RegExp][] = [
  ['p, member, red, apps, pods, web, get, *, EFFECT', 4, /^subject: member/],
  ['p, role:a, $mine, apps, pods, web, get, *, EFFECT', 12, /^namespace: /],
  ['p, role:a, red, a*b, pods, web, get, *, EFFECT', 17, /^group: /],
  ['p,role:a,red,apps,*s,web,get,*,EFFECT', 19, /^resource: /],
  ['p, role:a\\,b, red, apps, pods, w*b, get, *, EFFECT', 32, /^name: /],
  ['  p,   role:a, red, apps, pods, web, , *, EFFECT', 38, /^verb: /],
  ['p, role:a, red, apps, pods, web, get, team=a, EFFECT', 39, /^selector: /],
  ['p2, ann, /healthz, get, EFFECT', 5, /^subject: /],
  ['p2, user:ann, /h*z, get, EFFECT', 15, /^path: /],
  ['p2, user:ann, /healthz, g*t, EFFECT', 25, /^verb: /],
  ['p, role:a, red, apps, pods, web, get, EFFECT', 1, /8 columns.*subject, namespace/],
  ['p, role:a, red, apps, pods, web, get, *, *, EFFECT', 1, /8 columns/],
  ['p2, user:ann, /healthz, EFFECT', 1, /4 columns.*subject, path/],
  ['p2, user:ann, /healthz, get, *, EFFECT', 1, /4 columns/],
  ['p3, user:ann, /healthz, get, EFFECT', 1, /'p' or 'p2'/],
  ['P, role:a, red, apps, pods, web, get, *, EFFECT', 1, /'p' or 'p2'/],
  ['constructor, user:ann, /healthz, get, EFFECT', 1, /'p' or 'p2'/],
  [', EFFECT', 1, /'p' or 'p2'/],
]

t.test(
  'an allow rule that cannot be understood is left out, with its place, and the others hold',
  async (t) => {
    for (const [line, column, message] of FAULTS) {
      const outcome = read(`${ALLOW}\n${line.replace('EFFECT', 'allow')}\n${DENY}`)
      if ('fault' in outcome) return t.fail(`${line} ${outcome.fault.message}`)
      t.same(outcome.rules.map(writeRule), [ALLOW, DENY], line)
      t.match(outcome.quarantined, [{ line: 2, column, message }], line)
      t.equal(outcome.quarantined.length, 1)
    }
  },
)

t.test('a deny rule that cannot be understood makes the whole text unusable', async (t) => {
  for (const [line, column, message] of FAULTS) {
    const outcome = read(`${ALLOW}\n\n${line.replace('EFFECT', 'deny')}\n${DENY}`)
    t.match(outcome, { fault: { line: 3, column, message } }, line)
    t.same(Object.keys(outcome), ['fault'])
  }
})

t.test('a line that does not end in allow is not surely an allow rule', async (t) => {
  for (const end of ['Allow', 'ALLOW', 'allow,', 'allow # deny', '', 'allow|deny', '"allow"', 'stop']) {
    const outcome = read(`${ALLOW}\np, role:a, red, apps, pods, web, get, *, ${end}`)
    t.match(outcome, { fault: { line: 2, message: String } }, end)
  }
  t.match(read('p, role:a, red, apps, pods, web, get, *, permit'), {
    fault: { line: 1, column: 42, message: /^effect: .*allow or deny/ },
  })
  t.match(read('nonsense'), { fault: { line: 1, column: 1, message: /'p'/ } })
})

t.test('all rules that are left out are named, also before a fault of the text', async (t) => {
  const bad = 'p, member, red, apps, pods, web, get, *, allow'
  const outcome = read(`${bad}\n${ALLOW}\n${bad}\np, allow`)
  if ('fault' in outcome) return t.fail(outcome.fault.message)
  t.same(
    outcome.quarantined.map(({ line, column }) => [line, column]),
    [
      [1, 4],
      [3, 4],
      [4, 1],
    ],
  )
  t.match(read(`${bad}\np, deny`), { fault: { line: 2 } })
})
