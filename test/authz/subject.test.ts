import fc from 'fast-check'
import t from 'tap'
import { KEYSTONE, readSubject, SubjectRequirement, type Term, termKey } from '../../src/authz/subject.ts'
import { subjectOf } from './support/requests.ts'

const term = (kind: Term['kind'], text: string, prefix = false): Term => ({ kind, text, prefix })

const ANN = subjectOf([
  'user:ann',
  'group:ops',
  'group:dev',
  'role:member',
  'role:reader',
  'project:0123',
  'project-name:web',
  'project-of:red\0web',
  'domain:red',
  'domain-name:Red',
  'keystone:',
])

/** Cell, its clauses, whether it fits Ann. */
const CELLS: [string, Term[][], boolean][] = [
  ['*', [], true],
  ['user:ann', [[term('user', 'ann')]], true],
  ['user:bob', [[term('user', 'bob')]], false],
  ['user:an*', [[term('user', 'an', true)]], true],
  ['user:*', [[term('user', '', true)]], true],
  ['group:ann', [[term('group', 'ann')]], false],
  ['group:ops', [[term('group', 'ops')]], true],
  ['role:member', [[term('role', 'member')]], true],
  ['role:mem', [[term('role', 'mem')]], false],
  ['role:members', [[term('role', 'members')]], false],
  ['role:x*', [[term('role', 'x', true)]], false],
  ['project:0123', [[term('project', '0123')]], true],
  ['project:web', [[term('project', 'web')]], false],
  ['project-name:web', [[term('project-name', 'web')]], true],
  ['project-name:0123', [[term('project-name', '0123')]], false],
  ['project:red/web', [[term('project-of', 'red\0web')]], true],
  ['project:blue/web', [[term('project-of', 'blue\0web')]], false],
  ['project:red/db', [[term('project-of', 'red\0db')]], false],
  ['project:red/*', [[term('project-of', 'red\0', true)]], true],
  ['project:re/*', [[term('project-of', 're\0', true)]], false],
  ['project:red/w*', [[term('project-of', 'red\0w', true)]], true],
  ['project:red/d*', [[term('project-of', 'red\0d', true)]], false],
  ['project:red\\/web', [[term('project', 'red/web')]], false],
  ['project:w*', [[term('project', 'w', true)]], false],
  ['project:r*', [[term('project', 'r', true)]], false],
  ['project:-/*', [[term('project-of', '\0', true)]], false],
  ['domain:red', [[term('domain', 'red')]], true],
  ['domain:Red', [[term('domain', 'Red')]], false],
  ['domain-name:Red', [[term('domain-name', 'Red')]], true],
  ['domain-name:red', [[term('domain-name', 'red')]], false],
  ['keystone', [[KEYSTONE]], true],
  ['role:member & role:reader', [[term('role', 'member')], [term('role', 'reader')]], true],
  ['role:member & role:admin', [[term('role', 'member')], [term('role', 'admin')]], false],
  ['role:admin & role:member', [[term('role', 'admin')], [term('role', 'member')]], false],
  ['role:admin|role:member', [[term('role', 'admin'), term('role', 'member')]], true],
  ['role:member|role:admin', [[term('role', 'member'), term('role', 'admin')]], true],
  ['role:admin|role:owner', [[term('role', 'admin'), term('role', 'owner')]], false],
  [
    'role:member & user:bob|user:ann',
    [[term('role', 'member')], [term('user', 'bob'), term('user', 'ann')]],
    true,
  ],
  [
    'user:bob|user:ann & role:admin',
    [[term('user', 'bob'), term('user', 'ann')], [term('role', 'admin')]],
    false,
  ],
  ['user:a/b', [[term('user', 'a/b')]], false],
  ['user:a\\|b', [[term('user', 'a|b')]], false],
  ['user:system:node:a', [[term('user', 'system:node:a')]], false],
]

t.test('a subject fits if every clause holds, and a clause if one of its terms does', async (t) => {
  for (const [cell, clauses, fits] of CELLS) {
    const subject = readSubject(cell)
    t.same(subject.clauses, clauses, cell)
    t.equal(subject.fits(ANN), fits, cell)
    t.equal(subject.toCell(), cell.replaceAll(' | ', '|'))
  }
})

t.test(
  'space around operators, colons and slashes does not count, and the first slash ends the domain',
  async (t) => {
    t.same(readSubject('project:red/a/b').clauses, [[term('project-of', 'red\0a/b')]])
    t.same(
      readSubject(' role: member &project: red / web|user:bob ').clauses,
      readSubject('role:member & project:red/web|user:bob').clauses,
    )
  },
)

t.test('a caller without keys of Keystone fits only what asks for none', async (t) => {
  const node = subjectOf(['user:system:node:a', 'group:system:nodes'])
  for (const [cell, fits] of [
    ['*', true],
    ['user:system:node:a', true],
    ['user:system:*', true],
    ['keystone', false],
    ['role:*', false],
    ['project:*', false],
    ['domain:*', false],
    ['group:system:nodes & keystone', false],
  ] as const)
    t.equal(readSubject(cell).fits(node), fits, cell)
  t.equal(readSubject('*').fits(subjectOf([])), true)
  t.equal(new SubjectRequirement([[]]).fits(ANN), false)
})

t.test('terms of two kinds, or of two domains, never have the same key', async (t) => {
  const terms = [
    term('project', 'a/b'),
    term('project-of', 'a\0b'),
    term('project-name', 'b'),
    term('domain', 'b'),
    term('domain-name', 'b'),
    term('group', 'b'),
    term('role', 'b'),
    term('user', 'b'),
    KEYSTONE,
  ]
  t.equal(KEYSTONE.prefix, false)
  t.same(terms.map(termKey), [
    'project:a/b',
    'project-of:a\0b',
    'project-name:b',
    'domain:b',
    'domain-name:b',
    'group:b',
    'role:b',
    'user:b',
    'keystone:',
  ])
})

t.test('a term without a known kind and value is an error that shows it', async (t) => {
  for (const [cell, message] of [
    ['', /^nothing: .*'\*'/],
    ['member', /^member: .*user:, .*domain-name: /],
    ['roles:member', /^roles:member: .*role:, /],
    ['project-of:red', /^project-of:red: /],
    ['keystone:x', /^keystone:x: /],
    ['role:a & ', /^nothing: /],
    ['role:a|', /^nothing: /],
    ['* & role:a', /^\*: /],
    ['role:', /empty/],
    ['user:a*b', /^a\*b: .*alone or at the end/],
    ['project:red/', /empty/],
    ['project:/web', /empty/],
    ['project:red/a*b', /^a\*b: /],
  ] as const)
    t.throws(() => readSubject(cell), { message }, cell)
})

t.test('terms are written so that they read the same', async (t) => {
  const kind = fc.constantFrom<Term['kind']>(
    'user',
    'group',
    'role',
    'project',
    'project-name',
    'domain',
    'domain-name',
  )
  const text = fc.string({ unit: fc.constantFrom('a', '/', '|', '&', '*', ',', '\\', ' ', ':', '!', '-') })
  const one = fc.oneof(
    fc.tuple(kind, text, fc.boolean()).map(([kind, text, prefix]) => term(kind, text, prefix)),
    fc
      .tuple(text, text, fc.boolean())
      .map(([domain, name, prefix]) => term('project-of', `${domain}\0${name}`, prefix)),
    fc.constant(KEYSTONE),
  )
  const clauses = fc.array(fc.array(one, { minLength: 1, maxLength: 3 }), { maxLength: 3 })
  fc.assert(
    fc.property(clauses, (terms) => {
      t.same(readSubject(new SubjectRequirement(terms).toCell()).clauses, terms)
    }),
    { numRuns: 100 },
  )
})
