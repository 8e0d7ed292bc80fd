import fc from 'fast-check'
import t from 'tap'
import {
  escapeCell,
  fitsWildcard,
  hasUnescaped,
  readWildcard,
  splitCell,
  unescapeCell,
  type Wildcard,
  writeWildcard,
} from '../../src/authz/cell.ts'

t.test(
  'a cell is split at each separator that has no backslash before it, and parts lose their margins',
  async (t) => {
    const cases: [string, string, string[]][] = [
      ['', '|', ['']],
      ['a', '|', ['a']],
      ['a|b|c', '|', ['a', 'b', 'c']],
      ['|a||', '|', ['', 'a', '', '']],
      [' a b |\tc ', '|', ['a b', 'c']],
      ['a\\|b|c', '|', ['a\\|b', 'c']],
      ['a\\\\|b', '|', ['a\\\\', 'b']],
      ['a\\\\\\|b', '|', ['a\\\\\\|b']],
      ['a,b|c', ',', ['a', 'b|c']],
      ['a\\', '|', ['a\\']],
    ]
    for (const [cell, separator, parts] of cases) {
      t.same(splitCell(cell, separator), parts, cell)
      t.equal(hasUnescaped(cell, separator), parts.length > 1, cell)
    }
  },
)

const ESCAPES: [string, string][] = [
  ['', '-'],
  ['-', '\\-'],
  ['--', '--'],
  ['web.example:1/a@b_c-d', 'web.example:1/a@b_c-d'],
  ['a b', 'a b'],
  ['a\\b|c&d,e*f!g$h#i"j', 'a\\\\b\\|c\\&d\\,e\\*f\\!g\\$h\\#i\\"j'],
  [' a ', '\\u0020a\\u0020'],
  ['a\nb\tc', 'a\\u000ab\\u0009c'],
  ['\u2028', '\\u2028'],
  ['ä', 'ä'],
]

t.test('every character with a meaning is escaped, and the escape reads as the character', async (t) => {
  for (const [text, cell] of ESCAPES) {
    t.equal(escapeCell(text), cell)
    t.equal(unescapeCell(cell), text)
  }
  t.equal(escapeCell('a/b/c', '/'), 'a\\/b\\/c')
  t.equal(escapeCell('a=b|c', '='), 'a\\=b\\|c')
  t.equal(escapeCell('a/b'), 'a/b')
  t.equal(unescapeCell('a\\\nb'), 'a\nb')
  t.equal(unescapeCell('\\u00e4\\uABCD'), 'ä\uabcd')
})

t.test('an empty cell, an unknown escape and a backslash at the end are errors', async (t) => {
  t.throws(() => unescapeCell(''), { message: /'-'.*empty/ })
  for (const [cell, shown] of [
    ['a\\n', '\\n'],
    ['\\u00g0', '\\u'],
    ['\\Z', '\\Z'],
    ['\\z', '\\z'],
    ['\\A', '\\A'],
    ['\\a', '\\a'],
    ['\\0', '\\0'],
    ['\\9', '\\9'],
    ['a\\', '\\'],
  ] as const)
    t.throws(() => unescapeCell(cell), { message: shown }, cell)
})

t.test(
  'any string is read back from the cell that it is written as, and stays one part of its line',
  async () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'\\|&,*!$#"-/ a\n\u0085') }))
    fc.assert(
      fc.property(
        text,
        fc.constantFrom('', '/', '='),
        fc.constantFrom(',', '|', '&'),
        (value, also, separator) => {
          const cell = escapeCell(value, also)
          const parts = splitCell(cell, separator)
          return (
            parts.length === 1 && parts[0] === cell && unescapeCell(cell) === value && !/[\n\r]/.test(cell)
          )
        },
      ),
      { numRuns: 100 },
    )
  },
)

const WILDCARDS: [string, Wildcard][] = [
  ['*', { text: '', prefix: true }],
  ['web-*', { text: 'web-', prefix: true }],
  ['\\-*', { text: '-', prefix: true }],
  ['web', { text: 'web', prefix: false }],
  ['-', { text: '', prefix: false }],
  ['a\\*', { text: 'a*', prefix: false }],
  ['a\\**', { text: 'a*', prefix: true }],
  ['a\\\\*', { text: 'a\\', prefix: true }],
  ['\\**', { text: '*', prefix: true }],
]

t.test('a star at the end makes a prefix; an escaped star is a character', async (t) => {
  for (const [cell, wildcard] of WILDCARDS) {
    t.same(readWildcard(cell), wildcard, cell)
    t.equal(writeWildcard(wildcard), cell)
  }
  t.equal(writeWildcard({ text: 'a/b', prefix: true }, '/'), 'a\\/b*')
  t.equal(writeWildcard({ text: 'a/b', prefix: true }), 'a/b*')
  t.equal(writeWildcard({ text: 'a/b', prefix: false }, '/'), 'a\\/b')
})

t.test('a star in front, in the middle or twice is an error that shows the cell', async (t) => {
  for (const cell of ['*a', 'a*b', 'a**', '**', '*a*', 'a*\\*', '-*', '*\\', 'a*\\\\'])
    t.throws(() => readWildcard(cell), {
      message: `${cell}: `,
    })
  t.throws(() => readWildcard(''), /empty/)
})

t.test('a prefix fits what begins with it, anything else only itself', async (t) => {
  const cases: [Wildcard, string, boolean][] = [
    [{ text: 'web', prefix: true }, 'web', true],
    [{ text: 'web', prefix: true }, 'web-1', true],
    [{ text: 'web', prefix: true }, 'we', false],
    [{ text: 'web', prefix: true }, 'a-web', false],
    [{ text: '', prefix: true }, '', true],
    [{ text: '', prefix: true }, 'a', true],
    [{ text: 'web', prefix: false }, 'web', true],
    [{ text: 'web', prefix: false }, 'web-1', false],
    [{ text: 'web', prefix: false }, 'Web', false],
    [{ text: '', prefix: false }, '', true],
    [{ text: '', prefix: false }, 'a', false],
  ]
  for (const [wildcard, value, fits] of cases)
    t.equal(fitsWildcard(wildcard, value), fits, `${writeWildcard(wildcard)} ${value}`)
})
