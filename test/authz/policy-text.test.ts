import t from 'tap'
import { readCpoPolicy } from '../../src/authz/cpo-policy.ts'
import {
  cpoOutcome,
  POLICY_FORMATS,
  type PolicyDocument,
  readCpoText,
  readPolicyDocument,
} from '../../src/authz/policy-text.ts'
import { writeRule } from '../../src/authz/rule.ts'
import { drained } from './support/drained.ts'

const CPO = `[
  {"users": {"roles": ["member"], "projects": ["web"]}, "resource_permissions": {"red/pods": ["get"]}},

  {"resource_permissions": {"blue/secrets": ["*"]}, "extra": 1}
]`

const MEMBER = 'p, keystone & role:member & project:web|project-name:web'

const document = (
  format: PolicyDocument['format'],
  text: string,
  rest: PolicyDocument['rest'] = 'ignored',
) => ({
  name: `some.${format}`,
  format,
  rest,
  text: () => text,
})
const read = (one: PolicyDocument, strict = false) => drained(readPolicyDocument(one, { strict }))
const rules = (one: PolicyDocument, strict = false) => {
  const outcome = read(one, strict)
  return 'fault' in outcome
    ? outcome
    : outcome.rules.map((rule) => `${rule.source}:${rule.line} ${writeRule(rule)}`)
}

t.test('the end of a name says the format', async (t) => {
  t.same(POLICY_FORMATS, { '.json': 'cpo', '.csv': 'csv', '.yaml': 'yaml', '.yml': 'yaml' })
})

t.test('each format is read as such, with the name of the document as source', async (t) => {
  t.same(rules(document('csv', 'p2, *, /a, get, deny')), ['some.csv:1 p2, *, /a, get, deny'])
  t.same(rules(document('yaml', 'rules:\n  - {subject: "*", path: /a, verb: get}')), [
    'some.yaml:2 p2, *, /a, get, allow',
  ])
  t.same(rules(document('cpo', CPO)), [
    `some.cpo:2 ${MEMBER}, red, *, pods|-|pods/*|-/*, *, get, *, allow`,
    'some.cpo:4 p, keystone, blue, *, secrets|-|secrets/*|-/*, *, *, *, allow',
  ])
  t.match(read(document('csv', '')), { format: 'portcullis' })
  t.match(read(document('yaml', 'rules:')), { format: 'portcullis' })
  t.match(read(document('cpo', '[]')), { format: 'cpo' })
})

t.test('a text of another format is unusable', async (t) => {
  t.match(read(document('csv', CPO)), { fault: { line: 1 } })
  t.match(read(document('yaml', 'p2, *, /a, get, deny')), { fault: { line: 1 } })
  t.match(read(document('cpo', 'p2, *, /a, get, deny')), { fault: { line: 1 } })
})

t.test('strict is told to the reader of CPO policies', async (t) => {
  t.same(rules(document('cpo', CPO), true), [
    `some.cpo:2 ${MEMBER}, red, -, pods, *, get, *, allow`,
    'some.cpo:4 p, keystone, blue, -, secrets, *, *, *, allow',
  ])
})

t.test('what follows a CPO policy counts only where it is forbidden', async (t) => {
  const text = `${CPO}\n{"more": 1}`
  t.equal((rules(document('cpo', text)) as unknown[]).length, 2)
  t.match(read(document('cpo', text, 'forbidden')), { fault: { line: 6 } })
})

t.test('fields that CPO ignores are reported, and nothing is quarantined', async (t) => {
  const outcome = read(document('cpo', CPO))
  t.match(outcome, { unknown: [{ line: 4, message: /extra/ }] })
  t.same('quarantined' in outcome && outcome.quarantined, [])
})

t.test('a document that cannot be read is a fault of its first line', async (t) => {
  for (const format of ['cpo', 'csv', 'yaml'] as const)
    t.same(
      read({
        ...document(format, ''),
        text: () => {
          throw new Error('no such file: some.csv')
        },
      }),
      { fault: { line: 1, column: 1, message: 'no such file: some.csv' } },
    )
})

t.test('a CPO text is read in one go or in two', async (t) => {
  const options = { source: 'x', strict: false } as const
  const whole = drained(readCpoText(CPO, { ...options, rest: 'forbidden' }))
  const reading = drained(readCpoPolicy(CPO, 'forbidden'))
  if ('fault' in reading || 'fault' in whole) return t.fail('expected a policy')
  t.strictSame(drained(cpoOutcome(reading, CPO, options)), whole)
  t.same(
    whole.rules.map(({ source, line }) => `${source}:${line}`),
    ['x:2', 'x:4'],
  )
  t.match(drained(readCpoText('{', { ...options, rest: 'ignored' })), { fault: { line: 1 } })
})
