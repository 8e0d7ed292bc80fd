import t, { type Test } from 'tap'
import { readCpoPolicy } from '../../src/authz/cpo-policy.ts'
import { cpoRules } from '../../src/authz/cpo-rules.ts'
import { lineCounter } from '../../src/authz/fault.ts'
import { type Rule, writeRule } from '../../src/authz/rule.ts'
import { drained } from '../support/drained.ts'

function rulesOf(text: string, strict: boolean): readonly Rule[] {
  const reading = drained(readCpoPolicy(text, 'forbidden'))
  if ('fault' in reading) throw new Error(reading.fault.message)
  const rules = drained(cpoRules(reading.policy, { source: 'two.json', strict, lineOf: lineCounter(text) }))
  // a written rule shows its kind only in part
  for (const rule of rules)
    if (rule.target.kind !== (writeRule(rule).startsWith('p2,') ? 'path' : 'resource'))
      throw new Error(`a rule of no kind: ${rule.target.kind}`)
  return rules
}

/** The rules of one entry as lines of a CSV policy. */
const linesOf = (entry: object | null, strict = false) =>
  rulesOf(JSON.stringify([entry]), strict).map(writeRule)

/** The rules are these, strict or not. */
function always(t: Test, entry: object | null, lines: readonly string[], name?: string): void {
  t.strictSame(linesOf(entry), lines, name ?? JSON.stringify(entry))
  t.strictSame(linesOf(entry, true), lines, `${name ?? JSON.stringify(entry)}, strict`)
}

const POD_READER = { version: '', namespace: 'a', resources: ['pods'], verbs: ['get', 'list'] }

t.test('an entry wants all of its roles and one of its projects, by id or name', async (t) => {
  const path = { nonresource_permissions: { '/a': ['get'] } }
  const rules = (users: object) => linesOf({ users, ...path })
  t.strictSame(rules({ roles: ['r1', 'r2'], projects: ['p1', 'p2'] }), [
    'p2, keystone & role:r1 & role:r2 & project:p1|project-name:p1|project:p2|project-name:p2, /a, get, allow',
  ])
  t.strictSame(rules({ projects: ['*'] }), ['p2, keystone & project:\\*|project-name:\\*, /a, get, allow'])
  t.strictSame(rules({ roles: ['*'], projects: ['p'] }), [
    'p2, keystone & role:\\* & project:p|project-name:p, /a, get, allow',
  ])
  for (const nobody of [{}, { roles: ['r1'] }, { projects: [] }, { roles: ['r1'], projects: [] }])
    t.strictSame(rules(nobody), [], JSON.stringify(nobody))
  t.strictSame(linesOf(path), ['p2, keystone, /a, get, allow'], 'without users: every Keystone user')
})

t.test('users hold for both kinds of request and for both versions', async (t) => {
  const who = 'keystone & role:r & project:p|project-name:p'
  const users = { roles: ['r'], projects: ['p'] }
  always(t, { users, resource: POD_READER, nonresource: { path: '/a', verbs: ['get'] } }, [
    `p, ${who}, a, -, pods, *, get|list, *, allow`,
    `p2, ${who}, /a, get, allow`,
  ])
  t.strictSame(
    linesOf(
      { users, resource_permissions: { 'a/pods': ['get'] }, nonresource_permissions: { '/a': ['get'] } },
      true,
    ),
    [`p, ${who}, a, -, pods, *, get, *, allow`, `p2, ${who}, /a, get, allow`],
  )
})

t.test('version 1 compares as written, a star alone is everything', async (t) => {
  const rule = (change: object) => linesOf({ resource: { ...POD_READER, ...change } })
  const table: [change: object, line: string][] = [
    [{}, 'p, keystone, a, -, pods, *, get|list, *, allow'],
    [{ version: 'apps' }, 'p, keystone, a, apps, pods, *, get|list, *, allow'],
    [{ version: '*' }, 'p, keystone, a, *, pods, *, get|list, *, allow'],
    [{ version: 'v*' }, 'p, keystone, a, v\\*, pods, *, get|list, *, allow'],
    [{ namespace: '' }, 'p, keystone, -, -, pods, *, get|list, *, allow'],
    [{ namespace: '*' }, 'p, keystone, *, -, pods, *, get|list, *, allow'],
    [{ namespace: 'A*' }, 'p, keystone, A\\*, -, pods, *, get|list, *, allow'],
    [{ verbs: ['GET', 'g*'] }, 'p, keystone, a, -, pods, *, GET|g\\*, *, allow'],
    [{ verbs: ['get', '*'] }, 'p, keystone, a, -, pods, *, *, *, allow'],
    [{ verbs: [''] }, 'p, keystone, a, -, pods, *, -, *, allow'],
    [{ resources: ['pods', 'pods/log'] }, 'p, keystone, a, -, pods|pods/log, *, get|list, *, allow'],
    // a star for the sub-resource is one, everywhere else it is a letter
    [{ resources: ['pods/*'] }, 'p, keystone, a, -, pods/\\*|pods/*, *, get|list, *, allow'],
    [{ resources: ['*/log', 'po*'] }, 'p, keystone, a, -, \\*/log|po\\*, *, get|list, *, allow'],
    [{ resources: ['pods', '*'] }, 'p, keystone, a, -, *, *, get|list, *, allow'],
  ]
  for (const [change, line] of table) t.strictSame(rule(change), [line], JSON.stringify(change))
  for (const nothing of [{ verbs: [] }, { verbs: undefined }, { resources: [] }, { resources: undefined }])
    t.strictSame(rule(nothing), [], JSON.stringify(nothing))
})

t.test('every item of match must hold, with one of its values', async (t) => {
  const match = (...items: [type: string, ...values: string[]][]) => ({
    resource: POD_READER,
    nonresource: { path: '/a', verbs: ['get'] },
    match: items.map(([type, ...values]) => ({ type, values })),
  })
  const allows = (who: string) => [
    `p, ${who}, a, -, pods, *, get|list, *, allow`,
    `p2, ${who}, /a, get, allow`,
  ]
  always(t, match(), allows('keystone'))
  always(t, match(['user', 'u', 'v'], ['group', 'g']), allows('keystone & user:u|user:v & group:g'))
  always(t, match(['role', 'r', 's'], ['role', 'q']), allows('keystone & role:r|role:s & role:q'))
  always(
    t,
    match(['project', 'p', 'q']),
    allows('keystone & project:p|project-name:p|project:q|project-name:q'),
  )
  always(t, match(['group', 'g', '*'], ['role', 'r']), allows('keystone & role:r'))
  // an empty value is a name like others, except a user's
  always(t, match(['role', 'x', '']), allows('keystone & role:x|role:-'))
  always(t, match(['group', '']), allows('keystone & group:-'))
  // an item that nobody can meet closes the entry, whatever the others are
  always(t, match(['user'], ['role', '*']), [])
  always(t, match(['role', 'r'], ['Role', '*']), [])
  always(t, match(['', '*']), [])
})

t.test('an empty user among the values holds for everybody, unless strict', async (t) => {
  const entry = { nonresource: { path: '/a', verbs: ['get'] }, match: [{ type: 'user', values: ['u', ''] }] }
  t.strictSame(linesOf(entry, false), ['p2, keystone, /a, get, allow'])
  t.strictSame(linesOf(entry, true), ['p2, keystone & user:u|user:-, /a, get, allow'])
})

t.test('match does not count for version 2', async (t) => {
  const match = [{ type: 'group', values: ['g'] }]
  t.strictSame(
    linesOf(
      { match, resource_permissions: { 'a/pods': ['get'] }, nonresource_permissions: { '/a': ['get'] } },
      true,
    ),
    ['p, keystone, a, -, pods, *, get, *, allow', 'p2, keystone, /a, get, allow'],
  )
})

t.test('version 1 paths that end in stars are prefixes, and an empty verb closes the entry', async (t) => {
  const table: [path: string | null, verbs: string[], lines: string[]][] = [
    ['/a', ['get', 'POST'], ['p2, keystone, /a, get|POST, allow']],
    ['/a/*', ['get'], ['p2, keystone, /a/\\*|/a/*, get, allow']],
    ['/a*b**', ['*', 'get'], ['p2, keystone, /a\\*b\\*\\*|/a\\*b*, *, allow']],
    ['/a*b', ['get'], ['p2, keystone, /a\\*b, get, allow']],
    ['*', ['get'], ['p2, keystone, *, get, allow']],
    ['', ['get'], ['p2, keystone, -, get, allow']],
    [null, ['get'], []],
    ['/a', [], []],
    ['/a', ['get', ''], []],
    ['/a', ['*', ''], []],
  ]
  for (const [path, verbs, lines] of table) always(t, { nonresource: { path, verbs } }, lines)
})

t.test('version 2 paths are exact, and so are their verbs', async (t) => {
  const entry = {
    nonresource_permissions: { '/a*': ['GET', 'x'], ' /B ': ['get', '*'], '/c': [], '/d': [''] },
  }
  always(t, entry, [
    'p2, keystone, /a\\*, GET|x, allow',
    'p2, keystone, \\u0020/B\\u0020, *, allow',
    'p2, keystone, /d, -, allow',
  ])
})

t.test('a version 2 key has two parts, trimmed and small as in Go, and its verbs are small', async (t) => {
  const rules = (key: string, ...verbs: string[]) => linesOf({ resource_permissions: { [key]: verbs } }, true)
  t.strictSame(rules('\u0085 A\u00a0/\tPODS ', 'GET', 'List'), [
    'p, keystone, a, -, pods, *, get|list, *, allow',
  ])
  t.strictSame(rules('A/\u0130NGRESSES', 'get'), [
    'p, keystone, a, extensions|networking.k8s.io, ingresses, *, get, *, allow',
  ])
  t.strictSame(rules('a/pods', 'get', '*'), ['p, keystone, a, -, pods, *, *, *, allow'])
  t.strictSame(rules('a/pods', ' get'), ['p, keystone, a, -, pods, *, \\u0020get, *, allow'])
  t.strictSame(rules('*/*', 'get'), ['p, keystone, *, *, *, *, get, *, allow'])
  for (const key of ['pods', 'a/pods/log', '/a/pods', 'a/pods/', '//', '', '/pods'])
    t.strictSame(rules(key, 'get'), [], key)
  t.strictSame(rules('a/pods'), [], 'no verb')
  t.strictSame(rules('[]/pods', 'get'), [], 'no namespace')
  t.strictSame(rules("a/['pods'", 'get'), ["p, keystone, a, *, ['pods', *, get, *, allow"])
})

t.test('version 2 looks neither at group nor sub-resource, unless strict', async (t) => {
  const rules = (part: string, strict: boolean) =>
    linesOf({ resource_permissions: { [`a/${part}`]: ['get'] } }, strict)
  const line = (group: string, resource: string) => `p, keystone, a, ${group}, ${resource}, *, get, *, allow`
  t.strictSame(rules('pods', false), ['p, keystone, a, *, pods|-|pods/*|-/*, *, get, *, allow'])
  t.strictSame(rules('pods', true), [line('-', 'pods')])
  t.strictSame(rules("['deployments','pods','widgets']", true), [
    line('apps|extensions', 'deployments'),
    line('-', 'pods'),
    line('*', 'widgets'),
  ])
  t.strictSame(rules("!['pods','secrets']", true), [line('*', '!pods|!secrets|!*/*')])
  t.strictSame(rules('*', true), [line('*', '*')])
  t.strictSame(rules('[]', true), [])
  t.strictSame(rules('!*', true), [])
  t.strictSame(rules('!*', false), [line('*', '-|\\!\\*|-/*|\\!\\*/*')])
})

t.test('version 2 wins over version 1, for each kind of request by itself', async (t) => {
  const first = { resource: POD_READER, nonresource: { path: '/a', verbs: ['get'] } }
  t.strictSame(linesOf({ ...first, resource_permissions: {} }), ['p2, keystone, /a, get, allow'])
  t.strictSame(linesOf({ ...first, nonresource_permissions: {} }), [
    'p, keystone, a, -, pods, *, get|list, *, allow',
  ])
  t.strictSame(linesOf({ ...first, nonresource_permissions: { '/b': ['get'] } }), [
    'p, keystone, a, -, pods, *, get|list, *, allow',
    'p2, keystone, /b, get, allow',
  ])
})

t.test('where k8s-keystone-auth breaks off a rule stops, for those whom the entry concerns', async (t) => {
  always(t, null, ['p, keystone, *, *, *, *, *, *, stop', 'p2, keystone, *, *, stop'])
  const users = { roles: ['r'], projects: ['p'] }
  const who = 'keystone & role:r & project:p|project-name:p'
  const table: [resource: object, lines: string[]][] = [
    [{ namespace: 'a', resources: ['pods'], verbs: ['get'] }, [`p, ${who}, *, *, *, *, *, *, stop`]],
    [{ version: 'apps' }, [`p, ${who}, *, apps, *, *, *, *, stop`]],
    [{ version: '' }, [`p, ${who}, *, -, *, *, *, *, stop`]],
    [{ version: '*' }, [`p, ${who}, *, *, *, *, *, *, stop`]],
    [{}, [`p, ${who}, *, *, *, *, *, *, stop`]],
  ]
  for (const [resource, lines] of table) always(t, { users, resource }, lines)
  // match comes after what is missing, and who is nobody never gets there
  always(t, { resource: {}, match: [{ type: 'odd', values: [] }] }, ['p, keystone, *, *, *, *, *, *, stop'])
  always(t, { users: {}, resource: {} }, [])
  always(t, { resource: {}, nonresource: { path: '/a', verbs: ['get'] } }, [
    'p, keystone, *, *, *, *, *, *, stop',
    'p2, keystone, /a, get, allow',
  ])
  always(t, {}, [])
})

t.test('rules keep the order of the entries, and each knows its line and source', async (t) => {
  const text = `[{"nonresource_permissions": {"/b": ["get"], "/a": ["get"]}},
    {},
    null, {"nonresource": {"path": "/c", "verbs": ["get"]}}
  ]`
  t.strictSame(
    rulesOf(text, true).map((rule) => [rule.source, rule.line, writeRule(rule)]),
    [
      ['two.json', 1, 'p2, keystone, /b, get, allow'],
      ['two.json', 1, 'p2, keystone, /a, get, allow'],
      ['two.json', 3, 'p, keystone, *, *, *, *, *, *, stop'],
      ['two.json', 3, 'p2, keystone, *, *, stop'],
      ['two.json', 3, 'p2, keystone, /c, get, allow'],
    ],
  )
})
