import fc from 'fast-check'
import t from 'tap'
import { indexRules } from '../../src/authz/rule-index.ts'
import { drained } from './support/drained.ts'
import { type Asked, pathRequest, resourceRequest, ruleFits, rulesOf } from './support/requests.ts'

/** The numbers of the rules of a text that the index gives for requests. */
function indexOf(text: string) {
  const index = drained(indexRules(rulesOf(text)))
  return {
    resource: (asked: Asked) => index.candidates(resourceRequest(asked)),
    path: (path: string, asked: Pick<Asked, 'keys' | 'verb'> = {}) =>
      index.candidates(pathRequest(path, asked)),
  }
}

const names = (letter: string, count: number) => Array.from({ length: count }, (_, at) => `${letter}${at}`)

t.test('a rule over more values than the index has places for is found under each of them', async (t) => {
  const many = names('n', 600)
  const list = many.join('|')
  const index = indexOf(`
    p, user:ann, ${list}, *, pods, *, *, *, deny
    p, ${many.map((name) => `user:${name}`).join('|')}, red, *, pods, *, *, *, deny
    p, user:ann, red, *, ${list}, *, *, *, deny
    p2, user:ann, ${many.map((name) => `/${name}`).join('|')}, *, deny`)
  for (const name of many) {
    t.same(index.resource({ namespace: name }).includes(0), true, `namespace ${name}`)
    t.same(index.resource({ keys: [`user:${name}`] }).includes(1), true, `user ${name}`)
    t.same(index.resource({ resource: name }).includes(2), true, `resource ${name}`)
    t.same(index.path(`/${name}`), [3], `path ${name}`)
  }
})

t.test(
  'a rule with many subjects in many namespaces over many resources is found under each combination',
  async (t) => {
    const [users, spaces, kinds] = [names('u', 30), names('n', 30), names('k', 30)]
    const index = indexOf(
      `p, ${users.map((user) => `user:${user}`).join('|')}, ${spaces.join('|')}, *, ${kinds.join('|')}, *, *, *, deny`,
    )
    const missing = users.flatMap((user) =>
      spaces.flatMap((namespace) =>
        kinds.filter(
          (kind) => index.resource({ keys: [`user:${user}`], namespace, resource: kind }).length !== 1,
        ),
      ),
    )
    t.same(missing, [])
  },
)

t.test(
  'up to 512 places a rule is no candidate for other requests; above, its widest part is left open',
  async (t) => {
    for (const [count, open] of [
      [511, false],
      [512, false],
      [513, true],
    ] as const) {
      const list = names('n', count).join('|')
      t.same(
        indexOf(`p, user:ann, ${list}, *, pods, *, *, *, deny`).resource({}),
        open ? [0] : [],
        `${count} namespaces`,
      )
      t.same(
        indexOf(`p, user:ann, red, *, ${list}, *, *, *, deny`).resource({}),
        open ? [0] : [],
        `${count} resources`,
      )
      const users = names('user:u', count).join('|')
      t.same(
        indexOf(`p, ${users}, red, *, pods, *, *, *, deny`).resource({}),
        open ? [0] : [],
        `${count} users`,
      )
    }
    const [spaces, kinds] = [names('n', 32).join('|'), names('k', 16).join('|')]
    const product = (users: string) => indexOf(`p, ${users}, ${spaces}, *, ${kinds}, *, *, *, deny`)
    t.same(product('user:ann').resource({ namespace: 'n31', resource: 'pods' }), [], '1 x 32 x 16')
    t.same(product('user:ann|user:bob').resource({ namespace: 'n31', resource: 'pods' }), [0], '2 x 32 x 16')
    t.same(product('user:ann|user:bob').resource({ namespace: 'red', resource: 'k1' }), [], '2 x 32')
    const wide = indexOf(`p, ${names('user:u', 30).join('|')}, ${spaces}, *, pods, *, *, *, deny`)
    t.same(wide.resource({ keys: ['user:u1'], namespace: 'red' }), [0], '30 x 32')
    t.same(wide.resource({ keys: ['user:u1'], namespace: 'red', resource: 'secrets' }), [], '30 x 1')
  },
)

t.test(
  'candidates are the rules of the caller, the place and the object, each once and in order',
  async (t) => {
    const index = indexOf(`
    p, role:a|role:b, red|blue, *, pods, *, *, *, allow
    p, *, *, *, *, *, *, *, allow
    p, role:b, *, *, pods|secrets, *, *, *, allow
    p, role:a, $own, *, pods/*|pods, *, *, *, allow
    p, role:c, red, *, pods, *, *, *, allow
    p, role:a, $own|blue, *, secrets, *, *, *, allow
    p, role:a, -, *, pods, *, *, *, allow
    p, role:a, !blue, *, pods, *, *, *, allow
    p, role:a, red, *, !secrets, *, *, *, allow
    p2, role:a, /healthz|/livez, *, allow
    p2, role:a, /read*, *, allow
    p2, *, *, *, allow`)
    const [a, b, both] = [['role:a'], ['role:b'], ['role:b', 'role:a']]
    t.same(index.resource({ keys: a }), [0, 1, 7, 8])
    t.same(index.resource({ keys: both }), [0, 1, 2, 7, 8])
    t.same(index.resource({ keys: b, namespace: 'blue' }), [0, 1, 2])
    t.same(index.resource({ keys: a, own: 'red' }), [0, 1, 3, 7, 8])
    t.same(index.resource({ keys: a, own: 'red', sub: 'log' }), [0, 1, 3, 7, 8])
    t.same(index.resource({ keys: a, own: 'blue' }), [0, 1, 7, 8])
    t.same(index.resource({ keys: a, resource: 'secrets', own: 'red' }), [1, 5, 8])
    t.same(index.resource({ keys: a, resource: 'secrets', namespace: 'blue' }), [1, 5])
    t.same(index.resource({ keys: a, namespace: '', own: '' }), [1, 6, 7])
    t.same(index.resource({ keys: ['role:d'] }), [1])
    t.same(index.resource({ keys: [] }), [1])
    t.same(index.path('/healthz', { keys: a }), [9, 10, 11])
    t.same(index.path('/livez', { keys: a }), [9, 10, 11])
    t.same(index.path('/readyz', { keys: a }), [10, 11])
    t.same(index.path('/livez', { keys: b }), [11])
    t.same(indexOf('').resource({}), [])
  },
)

t.test('a role that all rules share does not bring all rules, whichever clause comes first', async (t) => {
  for (const [first, second] of [
    ['role:member', 'project:'],
    ['project:', 'role:member'],
  ] as const) {
    const clause = (text: string, at: number) => (text === 'project:' ? `project:p${at}` : text)
    const lines = names('', 20).map(
      (_, at) => `p, ${clause(first, at)} & ${clause(second, at)}, *, *, *, *, *, *, allow`,
    )
    const index = indexOf(lines.join('\n'))
    t.same(index.resource({ keys: ['role:member', 'project:p0'] }), [0])
    t.same(index.resource({ keys: ['role:member', 'project:p19'] }), [19])
    t.same(index.resource({ keys: ['role:member'] }), [])
  }
})

t.test('a prefix among the terms of a clause is not looked up as a value', async (t) => {
  const index = indexOf(`
    p, user:a*, *, *, *, *, *, *, deny
    p, user:a*|user:bob, *, *, *, *, *, *, deny
    p, user:bob|user:a*, *, *, *, *, *, *, deny
    p, user:a* & role:x, *, *, *, *, *, *, deny
    p, role:x & user:a*, *, *, *, *, *, *, deny
    p, project:red/*, *, *, *, *, *, *, deny`)
  t.same(index.resource({ keys: ['user:ann'] }), [0, 1, 2, 5])
  t.same(index.resource({ keys: ['user:ann', 'role:x'] }), [0, 1, 2, 3, 4, 5])
  t.same(index.resource({ keys: ['user:carl', 'project-of:red\0web'] }), [0, 1, 2, 5])
})

t.test('a clause of many rare terms is not preferred to one of a single term that is rarer', async (t) => {
  const index = indexOf(`
    p, role:a|role:b|role:c & project:x, *, *, *, *, *, *, allow
    p, project:x, *, *, *, *, *, *, allow
    p, project:y & role:a|role:b, *, *, *, *, *, *, allow`)
  t.same(index.resource({ keys: ['project:x'] }), [0, 1])
  t.same(index.resource({ keys: ['role:a'] }), [])
  t.same(index.resource({ keys: ['role:a', 'project:y'] }), [2])
})

t.test('every rule that fits a request is among its candidates, whatever the rules', async (t) => {
  const pick = (...values: string[]) => fc.constantFrom(...values)
  const list = (...values: string[]) =>
    fc.uniqueArray(pick(...values), { minLength: 1, maxLength: 3 }).map((items) => items.join('|'))
  const clause = list(
    'user:ann',
    'user:a*',
    'role:a',
    'role:b',
    'project:p',
    'project:red/web',
    'project:red/*',
  )
  const subject = fc.array(clause, { maxLength: 2 }).map((clauses) => clauses.join(' & ') || '*')
  const namespace = list('red', 'blue', 'r*', '$own', '-', '*', '!red')
  const resource = list('pods', 'pods/log', 'pods/*', '*/log', 'po*', 'a/b/c', '*', '!pods')
  const line = fc.oneof(
    fc
      .tuple(subject, namespace, resource)
      .map((cells) => `p, ${cells[0]}, ${cells[1]}, *, ${cells[2]}, *, *, *, deny`),
    fc
      .tuple(subject, list('/a', '/b', '/a*', '*', '!/a'))
      .map(([who, path]) => `p2, ${who}, ${path}, *, deny`),
  )
  const keys = fc.uniqueArray(
    pick('user:ann', 'user:bob', 'role:a', 'role:b', 'project:p', 'project-of:red\0web'),
  )
  const request = fc.oneof(
    fc
      .record({
        keys,
        namespace: pick('', 'red', 'blue', 'ro'),
        own: pick('', 'red', 'blue'),
        resource: pick('', 'pods', 'a', 'a/b', 'secrets'),
        sub: pick('', 'log', 'c', 'b/c'),
      })
      .map(resourceRequest),
    fc.tuple(pick('/a', '/b', '/ab', ''), keys).map(([path, held]) => pathRequest(path, { keys: held })),
  )
  fc.assert(
    fc.property(
      fc.array(line, { minLength: 1, maxLength: 8 }),
      fc.array(request, { minLength: 20 }),
      (lines, requests) => {
        const rules = rulesOf(lines.join('\n'))
        const index = drained(indexRules(rules))
        for (const one of requests) {
          const found = index.candidates(one)
          const fitting = rules.flatMap((rule, number) => (ruleFits(rule, one) ? [number] : []))
          t.same(
            fitting.filter((number) => !found.includes(number)),
            [],
            lines.join('\n'),
          )
          t.same(
            found,
            [...new Set(found)].sort((x, y) => x - y),
          )
        }
      },
    ),
    { numRuns: 50 },
  )
})
