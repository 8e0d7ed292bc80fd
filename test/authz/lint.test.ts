import t from 'tap'
import { lintRules } from '../../src/authz/lint.ts'
import type { Rule } from '../../src/authz/rule.ts'
import { reading } from './support/authz-tools.ts'

function rulesOf(text: string, format: 'csv' | 'cpo' = 'csv'): readonly Rule[] {
  const outcome = reading(text, format)
  if ('fault' in outcome || outcome.quarantined.length > 0) throw new Error(JSON.stringify(outcome))
  return outcome.rules
}

const EVENTS: readonly [pattern: RegExp, event: string][] = [
  [/^decides nothing: line (\d+) /, 'nothing'],
  [/^never allows: the deny rule of line (\d+) /, 'barred'],
  [/^is incomplete: /, 'incomplete'],
  [/^holds for every Keystone user$/, 'all of Keystone'],
  [/^holds for everybody, anonymous requests included$/, 'everybody'],
  [/^names a project without its domain: /, 'no domain'],
  [/^grants sub-resources of pods too \(pods\/exec, pods\/attach, pods\/portforward, pods\/proxy\)$/, 'exec'],
]

/** Findings such as `2 nothing 1`: line 2 decides nothing because of line 1. */
function findings(rules: readonly Rule[], format: 'cpo' | 'portcullis' = 'portcullis'): readonly string[] {
  return lintRules(rules, format).map(({ rule, message }) => {
    for (const [pattern, event] of EVENTS) {
      const found = pattern.exec(message)
      if (found !== null) return [rule.line, event, ...found.slice(1)].join(' ')
    }
    return message
  })
}
const lint = (...lines: string[]) => findings(rulesOf(lines.join('\n')))

const WIDE = ['user:u', '*', '*', '*', '*', '*', '*']
const NARROW = ['user:u', 'a', 'apps', 'deployments', 'web', 'get', 'label:team=x']
const line = (cells: readonly string[], effect = 'allow') => `p, ${cells.join(', ')}, ${effect}`

t.test('a rule that an earlier one of the same effect covers decides nothing', async (t) => {
  t.strictSame(lint(line(WIDE), line(NARROW)), ['2 nothing 1'])
  t.strictSame(lint(line(NARROW), line(WIDE)), [])
  t.strictSame(lint(line(WIDE, 'deny'), line(NARROW, 'deny')), ['2 nothing 1'])
  t.strictSame(lint(line(WIDE), line(NARROW, 'deny')), [], 'a deny rule decides')
  t.strictSame(lint(line(NARROW), '', line(WIDE), line(NARROW)), ['4 nothing 1'])
})

t.test(
  'a rule that says the same as an earlier one decides nothing, unless it denies what that allows',
  async (t) => {
    t.strictSame(lint(line(NARROW), line(NARROW)), ['2 nothing 1'])
    t.strictSame(lint(line(NARROW, 'deny'), line(NARROW, 'deny')), ['2 nothing 1'])
    t.strictSame(lint(line(NARROW), line(NARROW, 'deny')), ['1 barred 2'])
    t.strictSame(lint(line(NARROW, 'deny'), line(NARROW)), ['2 barred 1'])
  },
)

t.test('an allow rule that a deny rule covers never allows, in whichever order they stand', async (t) => {
  t.strictSame(lint(line(WIDE, 'deny'), line(NARROW)), ['2 barred 1'])
  t.strictSame(lint(line(NARROW), line(WIDE, 'deny')), ['1 barred 2'])
  t.strictSame(lint(line(NARROW, 'deny'), line(WIDE)), [])
  t.strictSame(lint('p, *, a, apps, *, *, *, *, deny', line(NARROW)), ['2 barred 1'])
})

t.test('a rule covers another only if each of its columns does', async (t) => {
  const others = ['user:v', 'b', 'batch', 'jobs', 'api', 'list', 'label:team=y']
  const equal = line(NARROW)
  for (const at of NARROW.keys()) {
    const wide = line(NARROW.with(at, '*'))
    const other = line(NARROW.with(at, others[at] as string))
    t.strictSame(lint(wide, equal).slice(0, 1), ['2 nothing 1'], `${at}: a star covers`)
    t.strictSame(lint(equal, other), [], `${at}: another value does not`)
    t.strictSame(
      lint(line(WIDE.with(at, others[at] as string)), equal),
      [],
      `${at}: nor if all other columns are stars`,
    )
  }
})

t.test('lists and prefixes of group, name, verb and path cover what they hold, whole', async (t) => {
  const verbs = (verb: string) => line(NARROW.with(5, verb))
  t.strictSame(lint(verbs('get|list|watch'), verbs('watch|get')), ['2 nothing 1'])
  t.strictSame(lint(verbs('get|list'), verbs('get|watch')), [])
  t.strictSame(lint(verbs('get|list'), verbs('*')), [])
  t.strictSame(lint(verbs('l*'), verbs('list|lost')), ['2 nothing 1'])
  t.strictSame(lint(verbs('l*'), verbs('li*')), [], 'only plain cases are found')
  t.strictSame(lint(verbs('!get'), verbs('list')), ['2 nothing 1'])
  const prefix = NARROW.with(5, 'l*')
  t.strictSame(lint(line(prefix.with(1, '*')), line(prefix)), ['2 nothing 1'], 'the same prefix')
  t.strictSame(lint(line(NARROW.with(2, 'apps|batch')), line(NARROW)), ['2 nothing 1'])
  t.strictSame(lint(line(NARROW.with(4, 'web|api')), line(NARROW)), ['2 nothing 1'])
  t.strictSame(lint('p2, role:r, /a/*, get, allow', 'p2, role:r, /a/b, get, allow'), ['2 nothing 1'])
  t.strictSame(lint('p2, role:r, /a, *, allow', 'p2, role:r, /a, get, allow'), ['2 nothing 1'])
  t.strictSame(lint('p2, role:r, /a, get, allow', 'p2, role:r, /b, get, allow'), [])
  t.strictSame(lint('p2, role:r, /a, get, allow', 'p2, role:r, /a, post, allow'), [])
  t.strictSame(lint('p2, role:r, /a, get, allow', 'p2, role:s, /a, get, allow'), [])
})

t.test('a rule for paths covers none for resources, nor the other way round', async (t) => {
  t.strictSame(lint('p2, role:r, *, *, allow', 'p, role:r, *, *, *, *, *, *, allow'), [])
  t.strictSame(lint('p, role:r, *, *, *, *, *, *, allow', 'p2, role:r, *, *, allow'), [])
})

t.test('rules of one line are not held against each other', async (t) => {
  const rule = rulesOf(line(NARROW))[0] as Rule
  t.strictSame(findings([rule, { ...rule }]), [])
})

t.test('among many rules only equal ones are found, and deny rules among the first 500', async (t) => {
  // those between are all the same, which is found without comparing: each is covered by the one before
  const many = (first: string, count: number, last: string) =>
    lint(first, ...Array(count).fill('p2, role:r, /a, get, allow'), last)
      .filter((finding) => !/^[0-9]+ nothing [0-9]{1,3}$/.test(finding) || finding.endsWith(' 1'))
      // a difference of hundreds of lines would take seconds to show
      .slice(0, 3)
  t.strictSame(many(line(WIDE.with(1, 'x')), 498, line(NARROW.with(1, 'x'))), ['500 nothing 1'])
  t.strictSame(many(line(WIDE.with(1, 'x')), 499, line(NARROW.with(1, 'x'))), [])
  t.strictSame(many(line(NARROW), 499, line(NARROW)), ['501 nothing 1'])
  t.strictSame(many(line(NARROW.with(1, 'x')), 498, line(WIDE.with(1, 'x'), 'deny')), ['1 barred 500'])
  t.strictSame(many(line(NARROW.with(1, 'x')), 499, line(WIDE.with(1, 'x'), 'deny')), [])
})

t.test('a grant to everybody is pointed at, in the words of its format', async (t) => {
  t.strictSame(lint('p2, *, /a, get, allow'), ['1 everybody'])
  t.strictSame(lint('p2, keystone, /a, get, allow'), ['1 everybody'])
  t.strictSame(lint('p2, keystone & role:r, /a, get, allow'), [])
  t.strictSame(lint('p2, role:r|user:u, /a, get, allow'), [])
  t.strictSame(lint('p2, *, /a, get, deny'), [], 'a deny rule grants nothing')
  t.strictSame(findings(rulesOf('[{"nonresource_permissions": {"/a": ["get"]}}]', 'cpo'), 'cpo'), [
    '1 all of Keystone',
  ])
})

t.test('a project without its domain is pointed at, except where the format has none', async (t) => {
  t.strictSame(lint('p2, role:r & project-name:demo, /a, get, allow'), ['1 no domain'])
  t.strictSame(lint('p2, user:u|project-name:demo, /a, get, deny'), ['1 no domain'])
  t.strictSame(lint('p2, project:default/demo, /a, get, allow', 'p2, project:p1, /b, get, allow'), [])
  const users = '[{"users": {"projects": ["p"]}, "nonresource_permissions": {"/a": ["get"]}}]'
  t.strictSame(findings(rulesOf(users, 'cpo'), 'cpo'), [])
})

t.test(
  'an entry at which k8s-keystone-auth breaks off is incomplete, for each kind of request',
  async (t) => {
    t.strictSame(findings(rulesOf('[\nnull]', 'cpo'), 'cpo'), ['2 incomplete', '2 incomplete'])
    t.strictSame(findings(rulesOf('[{"resource": {}}]', 'cpo'), 'cpo'), ['1 incomplete'])
  },
)

t.test('a grant on pods that brings sub-resources such as exec along is pointed at', async (t) => {
  const pods = (resource: string, verb: string, effect = 'allow') =>
    lint(`p, role:r, a, -, ${resource}, *, ${verb}, *, ${effect}`)
  t.strictSame(pods('pods/*', 'create'), ['1 exec'])
  t.strictSame(pods('pods/*', 'get'), ['1 exec'])
  t.strictSame(pods('nodes|pods/*', '*'), ['1 exec'])
  t.strictSame(pods('pods/*', 'list|delete'), [], 'a verb that opens no session')
  t.strictSame(pods('pods/*', 'get', 'deny'), [])
  t.strictSame(pods('pods', 'get'), [])
  t.strictSame(pods('pods/log|pods/ex*', 'get'), [])
  t.strictSame(pods('nodes/*', 'get'), [])
  t.strictSame(pods('*', '*'), [], 'whoever writes a star means it')
  const cpo = (key: string) =>
    findings(
      rulesOf(
        JSON.stringify([{ users: { projects: ['p'] }, resource_permissions: { [key]: ['get'] } }]),
        'cpo',
      ),
      'cpo',
    )
  t.strictSame(cpo('a/pods'), ['1 exec'])
  t.strictSame(cpo('a/*'), ['1 exec'], 'in this format a star does not look like it')
  t.strictSame(cpo('a/nodes'), [])
})
