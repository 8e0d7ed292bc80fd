import fc from 'fast-check'
import t from 'tap'
import { editYaml, readLocatedYaml, readYaml, readYamlDocuments, writeYaml } from '../../src/files/yaml.ts'

const READERS: Record<string, (text: string) => unknown> = {
  readYaml,
  readYamlDocuments: (text) => readYamlDocuments(text)[0],
  readLocatedYaml: (text) => readLocatedYaml(text).value,
  editYaml: (text) => editYaml(text).value,
}

t.test('YAML 1.2 and JSON are read', async (t) => {
  const table: [text: string, value: unknown][] = [
    ['a: 1\nb: [x, "y"]\n', { a: 1, b: ['x', 'y'] }],
    ['{"a": {"b": null}}', { a: { b: null } }],
    ['- a\n- b: true\n', ['a', { b: true }]],
    ['a: &x [1]\nb: *x\n', { a: [1], b: [1] }],
    // YAML 1.1 would make these false, 8 and a time
    ['[no, 010, 1:30]', ['no', 10, '1:30']],
    ['text', 'text'],
  ]
  for (const [name, read] of Object.entries(READERS))
    for (const [text, value] of table) t.strictSame(read(text), value, `${name}: ${text}`)
  t.equal(readYaml(''), null)
})

t.test('a fault is one line, with line and column of where it is', async (t) => {
  const table: [text: string, message: RegExp][] = [
    ['a: 1\nb: [1, 2\n', /^[^\n]+ at line 3, column 1$/],
    ['a: 1\na: 2\n', /^[^\n]+unique at line 2, column 1$/],
    ['a: "x\n', /^[^\n]+ at line 2, column 1$/],
    ['a: |x y\n', /^Block scalar header [^\n]*: [^\n]+ at line 1, column 5$/],
    ['a:\n\t- b\n', /^[^\n]+ at line 2, column 1$/],
  ]
  for (const [name, read] of Object.entries(READERS))
    for (const [text, message] of table) t.throws(() => read(text), { message }, `${name}: ${text}`)
})

t.test('aliases that multiply are refused, and a hundred are not too many', async (t) => {
  const laughs = ['a: &a [x, x, x, x, x, x, x, x, x, x]']
  for (const [name, before] of ['ba', 'cb', 'dc'].map((pair) => [...pair]))
    laughs.push(`${name}: &${name} [${Array(10).fill(`*${before}`).join(', ')}]`)
  const many = (count: number) => `a: &a [1]\nb: [${Array(count).fill('*a').join(', ')}]\n`
  for (const [name, read] of Object.entries(READERS)) {
    t.throws(() => read(laughs.join('\n')), { message: /alias/i }, name)
    t.same(read(many(90)), { a: [1], b: Array(90).fill([1]) }, name)
    t.throws(() => read(many(110)), { message: /alias/i }, name)
  }
})

t.test('documents come one after the other, and a fault of any of them counts', async (t) => {
  t.strictSame(readYamlDocuments('a: 1\n---\n- b\n---\nc'), [{ a: 1 }, ['b'], 'c'])
  t.strictSame(readYamlDocuments(''), [])
  t.throws(() => readYamlDocuments('a: 1\n---\nb: [\n---\nc: 1\n'), { message: / at line \d+, column \d+$/ })
  t.throws(() => readYaml('a: 1\n---\nb: 2\n'), { message: /documents/ }, 'one is asked for')
})

t.test('each value can be found again, a missing one at the beginning', async (t) => {
  const { position } = readLocatedYaml(
    '# policy\nrules:\n  - subject: a\n    verb: [get,\n      list]\n  - null\n',
  )
  const table: [keys: (string | number)[], line: number, column: number][] = [
    [[], 2, 1],
    [['rules'], 3, 3],
    [['rules', 0], 3, 5],
    [['rules', 0, 'subject'], 3, 14],
    [['rules', 0, 'verb', 1], 5, 7],
    [['rules', 1], 6, 5],
    [['rules', 2], 1, 1],
    [['other'], 1, 1],
  ]
  for (const [keys, line, column] of table) t.strictSame(position(keys), { line, column }, keys.join('.'))
  t.strictSame(readLocatedYaml('').position(['a']), { line: 1, column: 1 })
})

t.test('whatever is written reads back, long lines stay whole', async (t) => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      // -0 is written as 0
      const plain = JSON.parse(JSON.stringify(value))
      return JSON.stringify(readYaml(writeYaml(plain))) === JSON.stringify(plain)
    }),
    { numRuns: 50 },
  )
  const long = 'word '.repeat(60).trim()
  t.equal(writeYaml({ a: [long], b: { c: 'no' } }), `a:\n  - ${long}\nb:\n  c: no\n`)
})

t.test('what is not touched keeps comments, order and style', async (t) => {
  const document = editYaml("# mine\nb: 'x' # why\na:\n- name: one\n  v: 1\n- name: two\n")
  document.set(['a', 1, 'v'], 2)
  document.set(['c', 'd'], ['new'])
  t.equal(
    document.text(),
    "# mine\nb: 'x' # why\na:\n- name: one\n  v: 1\n- name: two\n  v: 2\nc:\n  d:\n  - new\n",
  )
  t.same(document.value, {
    b: 'x',
    a: [
      { name: 'one', v: 1 },
      { name: 'two', v: 2 },
    ],
    c: { d: ['new'] },
  })
})

t.test('lists are indented where the text has them indented', async (t) => {
  const table: [text: string, after: string][] = [
    ['a:\n  - x\n', 'a:\n  - x\nb:\n  - z\n'],
    ['a:\n- x # why\n', 'a:\n- x # why\nb:\n- z\n'],
    ['a: \n    - x\n', 'a:\n  - x\nb:\n  - z\n'],
    ['list:\n  - x\n', 'list:\n  - x\nb:\n  - z\n'],
    ['a:\n- c:\n    - x\n', 'a:\n- c:\n  - x\nb:\n- z\n'],
    ['c: 1\na:\n  - x\n', 'c: 1\na:\n  - x\nb:\n  - z\n'],
    ['# a:\n#   - x\n{}\n', '# a:\n#   - x\n{ b: [ z ] }\n'],
    ['c: 1\n', 'c: 1\nb:\n- z\n'],
  ]
  for (const [text, after] of table) {
    const document = editYaml(text)
    document.set(['b'], ['z'])
    t.equal(document.text(), after, JSON.stringify(text))
  }
})

t.test('what kubectl reads as something else than a string is quoted, and JSON stays JSON', async (t) => {
  const document = editYaml('a: 1\n')
  for (const [key, value] of Object.entries({ no: 'no', on: 'off', n: '010', t: '1:30', s: 'plain' }))
    document.set(['x', key], value)
  t.equal(document.text(), 'a: 1\nx:\n  "no": "no"\n  "on": "off"\n  "n": "010"\n  t: "1:30"\n  s: plain\n')
  const json = editYaml(' {"a": "x"}\n')
  json.set(['b'], { c: ['no', 1] })
  t.strictSame(JSON.parse(json.text()), { a: 'x', b: { c: ['no', 1] } })
  const flush = editYaml('{"a": "x"}')
  flush.set(['b'], 'y')
  t.equal(flush.text(), '{ "a": "x", "b": "y" }\n')
})

t.test('a long line stays whole when another is changed', async (t) => {
  const long = 'word '.repeat(60).trim()
  const document = editYaml(`a: ${long}\nb: 1\n`)
  document.set(['b'], long)
  t.equal(document.text(), `a: ${long}\nb: ${long}\n`)
})
