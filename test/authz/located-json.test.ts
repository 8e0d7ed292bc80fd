import fc from 'fast-check'
import t from 'tap'
import { PolicyTextError } from '../../src/authz/fault.ts'
import { firstMember, type JsonNode, readJson } from '../../src/authz/located-json.ts'

type Rest = 'ignored' | 'forbidden'

/** What is wrong, and at which offset. */
function faultOf(text: string, rest: Rest = 'forbidden'): [at: number, message: string] {
  try {
    readJson(text, rest)
  } catch (error) {
    if (error instanceof PolicyTextError) return [error.at, error.message]
    throw error
  }
  throw new Error(`no fault in ${text}`)
}

/** The value of a node, a stand-in for booleans and numbers, which no policy has. */
function plain(node: JsonNode): unknown {
  if (node.kind === 'array') return node.items.map(plain)
  if (node.kind === 'object')
    return Object.fromEntries(node.members.map(({ name, value }) => [`.${name}`, plain(value)]))
  return node.kind === 'string' ? node.value : node.kind === 'null' ? null : `<${node.kind}>`
}

function standIn(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(standIn)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [`.${name}`, standIn(item)]))
  return typeof value === 'boolean' || typeof value === 'number' ? `<${typeof value}>` : value
}

t.test('each value knows where it begins', async (t) => {
  t.strictSame(readJson(' [ "a" ,{ "b" : null,"b":[ ] },\n-1.5e+3, true,false,{}]\t', 'forbidden'), {
    at: 1,
    kind: 'array',
    items: [
      { at: 3, kind: 'string', value: 'a' },
      {
        at: 8,
        kind: 'object',
        members: [
          { name: 'b', at: 10, value: { at: 16, kind: 'null' } },
          { name: 'b', at: 21, value: { at: 25, kind: 'array', items: [] } },
        ],
      },
      { at: 32, kind: 'number' },
      { at: 41, kind: 'boolean' },
      { at: 46, kind: 'boolean' },
      { at: 52, kind: 'object', members: [] },
    ],
  })
  t.strictSame(readJson('\r\n{"a":"b"}', 'forbidden'), {
    at: 2,
    kind: 'object',
    members: [{ name: 'a', at: 3, value: { at: 7, kind: 'string', value: 'b' } }],
  })
  t.strictSame(readJson('\tnull', 'forbidden'), { at: 1, kind: 'null' })
})

t.test('whatever JavaScript writes is read as the same value', async () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), fc.constantFrom(undefined, 1, '\t'), (json, indent) => {
      const value = JSON.parse(json)
      const text = JSON.stringify(value, null, indent)
      return JSON.stringify(plain(readJson(text, 'forbidden'))) === JSON.stringify(standIn(value))
    }),
    { numRuns: 80 },
  )
})

t.test('numbers are read whole, as JSON has them', async (t) => {
  for (const text of ['0', '-0', '7', '10', '1203', '0.5', '12.034', '1e9', '1E-12', '1.5e+30', '-1.25E2'])
    t.strictSame(readJson(text, 'forbidden'), { at: 0, kind: 'number' }, text)
  const table = { '01': 1, '1.': 1, '1.e5': 1, '1e': 1, '1e+': 1, '1.5.5': 3, '1x': 1 }
  for (const [text, at] of Object.entries(table))
    t.strictSame(faultOf(text), [at, 'expected nothing after the JSON value'], text)
  for (const text of ['+1', '.5', 'NaN', 'Infinity', 'nul', 'True', 'undefined', "'a'"])
    t.strictSame(faultOf(text), [0, `expected a JSON value, got "${text[0]}"`], text)
  t.strictSame(faultOf('-'), [0, 'expected a JSON value, got "-"'])
})

t.test('escapes are those of JSON, and half a surrogate pair becomes U+FFFD', async (t) => {
  const read = (text: string) => plain(readJson(text, 'forbidden'))
  t.equal(read(String.raw`"\"\\\/\b\f\n\r\t\u0041\u00e9\uD83d\uDE00"`), '"\\/\b\f\n\r\tAé\u{1f600}')
  t.equal(read(String.raw`"a\"b"`), 'a"b')
  t.equal(read('"\u007f\u0085\u2028é"'), '\u007f\u0085\u2028é')
  t.equal(read(String.raw`"a\ud83d"`), 'a\ufffd')
  t.equal(read(String.raw`"\ude00b"`), '\ufffdb')
  t.equal(read('"\ud83d"'), '\ufffd')
  t.same(read(String.raw`{"\u0061b":"c\n"}`), { '.ab': 'c\n' })
  for (const inside of [
    '\\x',
    '\\u12g4',
    '\\u123',
    '\\U0041',
    '\\0',
    '\n',
    '\t',
    '\u0000',
    '\u001f',
    "\\'",
    '\\u',
  ]) {
    const [at, message] = faultOf(`["ab${inside}"]`)
    t.equal(at, 4, JSON.stringify(inside))
    t.match(message, /expected the end of a string, got "/)
  }
})

t.test('a fault is told with its place and what was expected', async (t) => {
  const table: [text: string, at: number, message: string][] = [
    ['', 0, 'the JSON ends before a JSON value'],
    [' \n', 2, 'the JSON ends before a JSON value'],
    ['\ufeff[]', 0, 'expected a JSON value, got "\ufeff"'],
    ['\u00a0[]', 0, 'expected a JSON value, got "\u00a0"'],
    ['[', 1, 'the JSON ends before a JSON value'],
    ['["a"', 4, "the JSON ends before ',' or ']'"],
    ['["a" "b"]', 5, `expected ',' or ']', got "\\""`],
    ['["a",]', 5, 'expected a JSON value, got "]"'],
    ['["a"}', 4, `expected ',' or ']', got "}"`],
    ['[,]', 1, 'expected a JSON value, got ","'],
    ['{', 1, 'the JSON ends before a field name in double quotes'],
    ['{"a":1,}', 7, 'expected a field name in double quotes, got "}"'],
    ["{'a':1}", 1, `expected a field name in double quotes, got "'"`],
    ['{a:1}', 1, 'expected a field name in double quotes, got "a"'],
    ['{"a" 1}', 5, `expected ':', got "1"`],
    ['{"a"', 4, "the JSON ends before ':'"],
    ['{"a":', 5, 'the JSON ends before a JSON value'],
    ['{"a":1 "b":2}', 7, `expected ',' or '}', got "\\""`],
    ['{"a":1]', 6, `expected ',' or '}', got "]"`],
    ['"ab', 3, 'the JSON ends before the end of a string'],
    ['["\\', 2, 'expected the end of a string, got "\\\\"'],
    ['// no\n[]', 0, 'expected a JSON value, got "/"'],
  ]
  for (const [text, at, message] of table) t.strictSame(faultOf(text), [at, message], JSON.stringify(text))
})

t.test('what follows the value is a fault in a ConfigMap and ignored in a file', async (t) => {
  for (const [text, at] of [
    ['[] x', 3],
    ['[]\n[]', 3],
    ['{"a":[]},', 8],
    ['"a""b"', 3],
    ['null null', 5],
  ] as const) {
    t.strictSame(faultOf(text, 'forbidden'), [at, 'expected nothing after the JSON value'], text)
    t.equal(readJson(text, 'ignored').at, 0, text)
  }
  t.strictSame(readJson('[] \n', 'forbidden'), { at: 0, kind: 'array', items: [] })
  t.strictSame(
    faultOf('["a" x', 'ignored'),
    [5, `expected ',' or ']', got "x"`],
    'nothing follows half a value',
  )
})

t.test('64 levels are read, one more is a fault where it begins', async (t) => {
  const lists = (depth: number) => `${'['.repeat(depth)}1${']'.repeat(depth)}`
  const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
  t.equal(readJson(lists(64), 'forbidden').kind, 'array')
  t.equal(readJson(objects(64), 'forbidden').kind, 'object')
  t.strictSame(faultOf(lists(65)), [65, 'nested deeper than 64'])
  t.strictSame(faultOf(objects(65)), [325, 'nested deeper than 64'])
  t.strictSame(faultOf(`[{"a":${lists(63)}}]`), [6 + 63, 'nested deeper than 64'])
})

t.test('the first member of a name is found, in objects only', async (t) => {
  const object = readJson('{"a":"1","b":"2","b":"3"}', 'forbidden')
  t.equal(firstMember(object, 'b')?.at, 13)
  t.equal(firstMember(object, 'a')?.at, 5)
  t.equal(firstMember(object, 'c'), undefined)
  t.equal(firstMember(readJson('["b"]', 'forbidden'), 'b'), undefined)
  t.equal(firstMember(readJson('null', 'forbidden'), 'b'), undefined)
})
