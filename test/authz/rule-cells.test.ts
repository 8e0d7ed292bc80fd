import t from 'tap'
import { writeRule } from '../../src/authz/rule.ts'
import {
  CellError,
  type Cells,
  createRuleReader,
  PATH_COLUMNS,
  RESOURCE_COLUMNS,
  shared,
} from '../../src/authz/rule-cells.ts'

const RESOURCE = {
  subject: 'role:a',
  namespace: 'b',
  group: 'c',
  resource: 'd',
  name: 'e',
  verb: 'f',
  selector: 'label:g',
  effect: 'allow',
}
const PATH = { subject: 'role:a', path: '/b', verb: 'c', effect: 'deny' }
const PLACE = { source: 'rules.csv', line: 7 }

t.test('the columns of rules have their documented order', async (t) => {
  t.same(RESOURCE_COLUMNS, Object.keys(RESOURCE))
  t.same(PATH_COLUMNS, Object.keys(PATH))
})

t.test('each cell of a rule goes where its column says', async (t) => {
  const read = createRuleReader()
  const resource = read(RESOURCE, PLACE)
  t.equal(writeRule(resource), 'p, role:a, b, c, d, e, f, label:g, allow')
  t.match(resource, { effect: 'allow', target: { kind: 'resource' }, source: 'rules.csv', line: 7 })
  const path = read(PATH, { source: 'other.csv', line: 8 })
  t.equal(writeRule(path), 'p2, role:a, /b, c, deny')
  t.match(path, { effect: 'deny', target: { kind: 'path' }, source: 'other.csv', line: 8 })
})

t.test('a cell that cannot be read is an error with its column', async (t) => {
  const read = createRuleReader()
  const cases: [Cells, string, RegExp][] = [
    [{ ...RESOURCE, subject: 'a' }, 'subject', /one of user:/],
    [{ ...RESOURCE, namespace: '$owner' }, 'namespace', /\$own/],
    [{ ...RESOURCE, group: 'a*b' }, 'group', /a\*b/],
    [{ ...RESOURCE, resource: '' }, 'resource', /empty/],
    [{ ...RESOURCE, name: 'a|' }, 'name', /empty/],
    [{ ...RESOURCE, verb: '' }, 'verb', /empty/],
    [{ ...RESOURCE, selector: 'team=a' }, 'selector', /label:/],
    [{ ...RESOURCE, effect: 'Allow' }, 'effect', /allow or deny/],
    [{ ...RESOURCE, effect: 'stop' }, 'effect', /allow or deny/],
    [{ ...RESOURCE, effect: '' }, 'effect', /allow or deny/],
    [{ ...PATH, path: '' }, 'path', /empty/],
    [{ ...PATH, verb: '*a' }, 'verb', /\*a/],
  ]
  for (const [cells, column, words] of cases) {
    try {
      read(cells, PLACE)
      t.fail(`expected an error for ${column}`)
    } catch (error) {
      t.type(error, CellError)
      t.match(error, { column, message: new RegExp(`^${column}: .*${words.source}`) })
    }
  }
  for (const column of RESOURCE_COLUMNS) {
    const { [column]: _, ...rest } = RESOURCE
    t.throws(() => read(rest, PLACE), { message: new RegExp(`^${column}: `) }, `without ${column}`)
  }
})

t.test('rules of one text share what their cells say, column by column', async (t) => {
  const read = createRuleReader()
  const same = { ...RESOURCE, namespace: 'x', group: 'x', resource: 'x', name: 'x', verb: 'x' }
  const [first, second] = [read(same, PLACE), read(same, PLACE)]
  t.equal(first.subject, second.subject)
  t.strictSame(first, second)
  t.equal(writeRule(first), 'p, role:a, x, x, x, x, x, label:g, allow')
  for (const cell of ['namespace', 'group', 'resource', 'name', 'verb', 'selector'])
    t.equal(
      (first.target as unknown as Record<string, unknown>)[cell],
      (second.target as unknown as Record<string, unknown>)[cell],
      cell,
    )
})

t.test('one string is read once, and again after it could not be read', async (t) => {
  const calls: string[] = []
  const read = shared((text) => {
    calls.push(text)
    if (text === 'bad') throw new Error('bad')
    return { text }
  })
  t.equal(read('a'), read('a'))
  t.same(read('b'), { text: 'b' })
  t.throws(() => read('bad'), /bad/)
  t.throws(() => read('bad'), /bad/)
  t.same(calls, ['a', 'b', 'bad', 'bad'])
})
