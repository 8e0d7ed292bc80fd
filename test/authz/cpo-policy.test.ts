import t from 'tap'
import { type CpoReading, readCpoEntries, readCpoPolicy } from '../../src/authz/cpo-policy.ts'
import { PolicyTextError } from '../../src/authz/fault.ts'
import { firstMember, readJson } from '../../src/authz/located-json.ts'
import { drained } from '../support/drained.ts'

const map = (lists: Record<string, string[]>) => new Map(Object.entries(lists))

const outcomeOf = (text: string, rest: 'ignored' | 'forbidden' = 'forbidden') =>
  drained(readCpoPolicy(text, rest))

function readingOf(text: string): CpoReading {
  const outcome = outcomeOf(text)
  if ('fault' in outcome) throw new Error(outcome.fault.message)
  return outcome
}

/** The entries of a policy; absent fields are left out, to be seen apart from empty ones. */
const entriesOf = (text: string) =>
  readingOf(text).policy.map(
    ({ entry }) =>
      entry && Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== undefined)),
  )

t.test('an entry is read with all its fields', async (t) => {
  const text = `[
    {
      "users": {"projects": ["p1", "p2"], "roles": ["member", "reader"]},
      "resource_permissions": {"*/pods": ["get", "list"], "a/B": []},
      "nonresource_permissions": {"/healthz": ["get"]}
    },
    {
      "resource": {"verbs": ["get"], "resources": ["pods", "nodes"], "version": "apps", "namespace": "a"},
      "nonresource": {"verbs": ["post"], "path": "/api/*"},
      "match": [{"type": "user", "values": ["alice", "bob"]}, {"type": "group", "values": ["*"]}]
    }
  ]`
  t.strictSame(entriesOf(text), [
    {
      users: map({ projects: ['p1', 'p2'], roles: ['member', 'reader'] }),
      resourcePermissions: map({ '*/pods': ['get', 'list'], 'a/B': [] }),
      nonresourcePermissions: map({ '/healthz': ['get'] }),
      match: [],
    },
    {
      resource: { verbs: ['get'], resources: ['pods', 'nodes'], version: 'apps', namespace: 'a' },
      nonresource: { verbs: ['post'], path: '/api/*' },
      match: [
        { type: 'user', values: ['alice', 'bob'] },
        { type: 'group', values: ['*'] },
      ],
    },
  ])
  t.strictSame(readingOf(text).unknown, [])
})

t.test('each entry knows where it begins, and null is an entry of its own', async (t) => {
  t.strictSame(
    readingOf('[ {}, null,\n {}]').policy.map(({ at, entry }) => [at, entry === null]),
    [
      [2, false],
      [6, true],
      [13, false],
    ],
  )
  t.equal(readingOf(' \n[{}] ').policy[0]?.at, 3)
  t.strictSame(readingOf('null').policy, [])
  t.strictSame(readingOf('[]').policy, [])
})

t.test('an absent field is told from an empty one, and null is absent', async (t) => {
  const table: [text: string, entry: object][] = [
    ['{}', { match: [] }],
    ['{"users": {}}', { users: new Map(), match: [] }],
    ['{"users": null}', { match: [] }],
    ['{"users": {"roles": null}}', { users: map({ roles: [] }), match: [] }],
    ['{"users": {"roles": [null, "a"]}}', { users: map({ roles: ['', 'a'] }), match: [] }],
    ['{"resource_permissions": {}}', { resourcePermissions: new Map(), match: [] }],
    ['{"resource_permissions": null}', { match: [] }],
    ['{"resource_permissions": {"a/b": null}}', { resourcePermissions: map({ 'a/b': [] }), match: [] }],
    ['{"nonresource_permissions": {}}', { nonresourcePermissions: new Map(), match: [] }],
    ['{"resource": {}}', { resource: { verbs: [], resources: [] }, match: [] }],
    ['{"resource": null}', { match: [] }],
    [
      '{"resource": {"version": "", "namespace": null, "verbs": null, "resources": [null]}}',
      { resource: { verbs: [], resources: [''], version: '' }, match: [] },
    ],
    ['{"nonresource": {}}', { nonresource: { verbs: [] }, match: [] }],
    ['{"nonresource": {"path": null, "verbs": [null]}}', { nonresource: { verbs: [''] }, match: [] }],
    ['{"nonresource": {"path": ""}}', { nonresource: { verbs: [], path: '' }, match: [] }],
    ['{"match": null}', { match: [] }],
    [
      '{"match": [null, {}]}',
      {
        match: [
          { type: '', values: [] },
          { type: '', values: [] },
        ],
      },
    ],
    ['{"match": [{"type": null, "values": null}]}', { match: [{ type: '', values: [] }] }],
    ['{"match": [{"type": "role", "values": [null]}]}', { match: [{ type: 'role', values: [''] }] }],
  ]
  for (const [text, entry] of table) t.strictSame(entriesOf(`[${text}]`), [entry], text)
})

t.test('field names are case-blind as in Go, keys of maps are exact', async (t) => {
  const entry = {
    users: map({ roles: ['a'], Roles: ['b'] }),
    resourcePermissions: map({ 'A/B': ['GET'] }),
    nonresource: { verbs: ['get'], path: '/x' },
    match: [{ type: 'role', values: ['c'] }],
  }
  for (const names of [
    ['USERS', 'Resource_Permissions', 'nonReSource', 'VERBS', 'Path', 'MATCH', 'Type', 'VALUES'],
    // U+017F folds onto s and U+212A onto k, which no field of ours has
    [
      'u\u017fers',
      'RE\u017fOURCE_PERMISSION\u017f',
      'nonre\u017fource',
      'verb\u017f',
      'PATH',
      'match',
      'TYPE',
      'value\u017f',
    ],
  ]) {
    const [users, permissions, nonresource, verbs, path, match, type, values] = names
    const text = `[{"${users}": {"roles": ["a"], "Roles": ["b"]}, "${permissions}": {"A/B": ["GET"]},
      "${nonresource}": {"${verbs}": ["get"], "${path}": "/x"}, "${match}": [{"${type}": "role", "${values}": ["c"]}]}]`
    t.strictSame(entriesOf(text), [entry])
  }
})

t.test('an unknown field is ignored and named with its place, each of them', async (t) => {
  const text = `[
  {"user": 1, "\u212aey": 2, "_proto__": 3, "constructor": 4,
   "resource": {"verb": []}, "nonresource": {"paths": 1}, "match": [{"kind": "a"}],
   "users": {"roles": [], "projects": [], "Projects": [], "groups": ["x"]},
   "resource_permissions": {"roles": []}, "nonresource_permissions": {"/x": []}}]`
  t.strictSame(readingOf(text).unknown, [
    { line: 2, column: 4, message: 'the field "user" is ignored' },
    { line: 2, column: 15, message: 'the field "\u212aey" is ignored' },
    { line: 2, column: 25, message: 'the field "_proto__" is ignored' },
    { line: 2, column: 40, message: 'the field "constructor" is ignored' },
    { line: 3, column: 17, message: 'the field "verb" is ignored' },
    { line: 3, column: 46, message: 'the field "paths" is ignored' },
    { line: 3, column: 70, message: 'the field "kind" is ignored' },
    { line: 4, column: 43, message: 'the key "Projects" is ignored' },
    { line: 4, column: 59, message: 'the key "groups" is ignored' },
  ])
  t.equal(readingOf(text).policy.length, 1)
  t.strictSame(readingOf(`[{"${'x'.repeat(64)}yz": 1}]`).unknown, [
    { line: 1, column: 3, message: `the field "${'x'.repeat(64)}" is ignored` },
  ])
})

t.test('a field that comes again is merged if it is an object or a map, else replaced', async (t) => {
  const table: [text: string, entry: object][] = [
    [
      '{"users": {"roles": ["a", "b"], "projects": ["p"]}, "USERS": {"roles": ["c"]}}',
      {
        users: map({ roles: ['c'], projects: ['p'] }),
        match: [],
      },
    ],
    ['{"users": {"roles": ["a"]}, "users": null}', { match: [] }],
    ['{"users": null, "users": {"roles": ["a"]}}', { users: map({ roles: ['a'] }), match: [] }],
    [
      '{"resource": {"verbs": ["a", "b"], "version": "v", "namespace": "n"}, "Resource": {"verbs": ["c"], "version": null}}',
      { resource: { verbs: ['c'], resources: [], namespace: 'n' }, match: [] },
    ],
    [
      '{"resource": {"verbs": ["a", "b"], "verbs": [null, "c", null]}}',
      { resource: { verbs: ['a', 'c', ''], resources: [] }, match: [] },
    ],
    ['{"nonresource": {"path": "/a", "path": "/b"}}', { nonresource: { verbs: [], path: '/b' }, match: [] }],
    [
      '{"match": [{"type": "user", "values": ["a"]}], "match": [{"values": ["b"]}]}',
      { match: [{ type: '', values: ['b'] }] },
    ],
    [
      '{"resource_permissions": {"a/b": ["x"], "a/b": [null, "y"]}}',
      { resourcePermissions: map({ 'a/b': ['', 'y'] }), match: [] },
    ],
  ]
  for (const [text, entry] of table) t.strictSame(entriesOf(`[${text}]`), [entry], text)
})

t.test('any other type refuses the whole text, with line and column', async (t) => {
  const table: [text: string, line: number, column: number, message: string][] = [
    ['{}', 1, 1, 'expected a list of policy entries, got an object'],
    ['"a"', 1, 1, 'expected a list of policy entries, got a string'],
    ['1', 1, 1, 'expected a list of policy entries, got a number'],
    ['true', 1, 1, 'expected a list of policy entries, got a boolean'],
    ['[{},\n []]', 2, 2, 'expected an object, got an array'],
    ['[{},\n "a"]', 2, 2, 'expected an object, got a string'],
    ['[{"users": []}]', 1, 12, 'expected an object of lists of strings, got an array'],
    ['[{"users": {"roles": "a"}}]', 1, 22, 'expected a list of strings, got a string'],
    ['[{"users": {"roles": {}}}]', 1, 22, 'expected a list of strings, got an object'],
    ['[{"users": {"roles": ["a", 1]}}]', 1, 28, 'expected a string, got a number'],
    ['[{"users": {"unknown": 1}}]', 1, 24, 'expected a list of strings, got a number'],
    ['[{"resource_permissions": "a"}]', 1, 27, 'expected an object of lists of strings, got a string'],
    ['[{"nonresource_permissions": true}]', 1, 30, 'expected an object of lists of strings, got a boolean'],
    ['[{"resource": []}]', 1, 15, 'expected an object, got an array'],
    ['[{"resource": {"verbs": [[]]}}]', 1, 26, 'expected a string, got an array'],
    ['[{"resource": {"version": ["a"]}}]', 1, 27, 'expected a string, got an array'],
    ['[{"nonresource": {"path": {}}}]', 1, 27, 'expected a string, got an object'],
    ['[{"match": {}}]', 1, 12, 'expected a list of objects, got an object'],
    ['[{"match": ["a"]}]', 1, 13, 'expected an object, got a string'],
    ['[{"match": [{"type": 1}]}]', 1, 22, 'expected a string, got a number'],
  ]
  for (const [text, line, column, message] of table)
    t.strictSame(outcomeOf(text), { fault: { line, column, message } }, text)
})

t.test('text that is not JSON is refused, what follows the list in a ConfigMap alone', async (t) => {
  t.strictSame(outcomeOf('[{}\n,'), {
    fault: { line: 2, column: 2, message: 'the JSON ends before a JSON value' },
  })
  t.strictSame(outcomeOf('[{}]\nx', 'forbidden'), {
    fault: { line: 2, column: 1, message: 'expected nothing after the JSON value' },
  })
  const read = outcomeOf('[{}]\nx', 'ignored')
  t.strictSame('policy' in read && read.policy.map(({ at }) => at), [1])
})

t.test('a policy inside another document keeps the places of that document', async (t) => {
  const text = '{"name": "x",\n "policy": [{"users": {}}, null, {"odd": 1}]}'
  const node = firstMember(readJson(text, 'forbidden'), 'policy')
  if (node === undefined) throw new Error('no policy')
  const { policy, unknown } = readCpoEntries(node, text)
  t.strictSame(
    policy.map(({ at, entry }) => [at, entry?.users]),
    [
      [26, new Map()],
      [41, undefined],
      [47, undefined],
    ],
  )
  t.strictSame(unknown, [{ line: 2, column: 35, message: 'the field "odd" is ignored' }])
  const wrong = readJson('{"a": [{}, 1]}', 'forbidden')
  const list = firstMember(wrong, 'a')
  t.throws(
    () => readCpoEntries(wrong, ''),
    new PolicyTextError(0, 'expected a list of policy entries, got an object'),
  )
  t.throws(() => list && readCpoEntries(list, ''), { at: 11, message: /expected an object, got a number/ })
})
