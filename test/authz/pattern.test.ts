import fc from 'fast-check'
import t from 'tap'
import {
  ANY,
  EVERYTHING,
  exactly,
  NamespacePattern,
  Pattern,
  patternOf,
  readItems,
  readNamespacePattern,
  readPattern,
} from '../../src/authz/pattern.ts'

/** Cell, values that fit, values that do not, and the only texts that fit. */
const CELLS: [string, string[], string[], string[] | undefined][] = [
  ['*', ['', 'a', 'kube-system'], [], undefined],
  ['a', ['a'], ['', 'A', 'ab', 'b'], ['a']],
  ['-', [''], ['-', 'a'], ['']],
  ['-|apps', ['', 'apps'], ['app', 'batch'], ['', 'apps']],
  ['get|list|get', ['get', 'list'], ['', 'watch', 'get|list'], ['get', 'list']],
  ['web-*', ['web-', 'web-1'], ['', 'web', 'a-web-1'], undefined],
  ['web-*|db', ['web-1', 'db'], ['db-1', 'web'], undefined],
  ['web-*|app-*', ['web-1', 'app-1'], ['db-1'], undefined],
  ['a|*', ['', 'a', 'b'], [], undefined],
  ['a*|*', ['', 'a', 'b'], [], undefined],
  ['!kube-system', ['red', 'kube-system-2'], ['', 'kube-system'], undefined],
  ['!kube-*|!red', ['blue', 'kube'], ['', 'kube-system', 'kube-', 'red'], undefined],
  ['!kube-*|kube-public', ['kube-public', 'red'], ['', 'kube-system'], undefined],
  ['!red|-', ['', 'blue'], ['red'], undefined],
  ['!*|red', ['red'], ['', 'blue'], undefined],
  ['! red | ! blue', ['green'], ['', 'red', 'blue'], undefined],
  ['\\!red', ['!red'], ['red', 'blue'], ['!red']],
  ['a\\|b', ['a|b'], ['a', 'b'], ['a|b']],
]

t.test(
  'a pattern fits its items and their prefixes; with ! it fits all others but never the empty string',
  async (t) => {
    for (const [cell, fitting, others] of CELLS) {
      const pattern = readPattern(cell)
      for (const value of fitting) t.equal(pattern.fits(value), true, `${cell} fits ${value}`)
      for (const value of others) t.equal(pattern.fits(value), false, `${cell} does not fit ${value}`)
    }
  },
)

t.test('a mere list names its values; a prefix, a star or an exception makes it open', async (t) => {
  for (const [cell, , , texts] of CELLS) t.same(readPattern(cell).texts, texts, cell)
  t.same(ANY.texts, undefined)
  t.same(patternOf(['b', 'a']).texts, ['b', 'a'])
  t.same(patternOf([]).texts, [])
})

t.test('a pattern that is written and read again fits the same', async (t) => {
  for (const [cell, fitting, others] of CELLS) {
    const again = readPattern(readPattern(cell).toCell())
    for (const value of [...fitting, ...others])
      t.equal(again.fits(value), fitting.includes(value), `${cell}: ${value}`)
  }
  for (const [cell, written] of [
    ['a|*', '*'],
    ['web-*|b|!c|!d*|-', 'b|-|web-*|!c|!d*'],
    ['a\\*|! e', 'a\\*|!e'],
  ] as const)
    t.equal(readPattern(cell).toCell(), written)
})

t.test('patterns made of values fit them as they are', async (t) => {
  const pattern = patternOf(['a*', '!b', ''])
  for (const value of ['a*', '!b', '']) t.equal(pattern.fits(value), true, value)
  for (const value of ['a', 'ab', 'c', '*']) t.equal(pattern.fits(value), false, value)
  t.equal(patternOf([]).fits(''), false)
  t.equal(patternOf([]).fits('a'), false)
  for (const value of ['', 'a']) t.equal(ANY.fits(value), true)
  t.same(EVERYTHING, { text: '', prefix: true })
  t.same(exactly('a*'), { text: 'a*', prefix: false })
  t.equal(new Pattern([], [exactly('a')]).fits('b'), true)
})

t.test('an item that cannot be read is an error', async (t) => {
  for (const cell of ['', 'a|', '|a', '!', 'a|!']) t.throws(() => readPattern(cell), /empty/, cell)
  t.throws(() => readPattern('a*b|c'), /^a\*b: /)
  t.throws(() => readPattern('c|!a*b'), /^a\*b: /)
})

t.test('items behind ! are read apart, without the !', async (t) => {
  t.same(
    readItems('a|!b|c|! d', (item) => `<${item}>`),
    { accepted: ['<a>', '<c>'], refused: ['<b>', '<d>'] },
  )
})

t.test('a random pattern fits what its items say one by one', async () => {
  const word = fc.constantFrom('a', 'ab', 'abc', 'b', 'ba')
  const item = fc.record({ text: word, star: fc.boolean(), not: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(item, { minLength: 1, maxLength: 4 }),
      fc.oneof(word, fc.constant('')),
      (items, value) => {
        const cell = items
          .map(({ text, star, not }) => `${not ? '!' : ''}${text}${star ? '*' : ''}`)
          .join('|')
        const named = (not: boolean) =>
          items.some((one) => one.not === not && (one.star ? value.startsWith(one.text) : value === one.text))
        const open = items.some(({ not }) => not) && value !== '' && !named(true)
        return readPattern(cell).fits(value) === (named(false) || open)
      },
    ),
    { numRuns: 100 },
  )
})

/** Cell, then [namespace, the namespace of the caller's project] that fit and that do not. */
type Place = [string, string | undefined]
const NAMESPACES: [string, Place[], Place[], boolean][] = [
  [
    '$own',
    [['red', 'red']],
    [
      ['blue', 'red'],
      ['red', undefined],
      ['', ''],
      ['', undefined],
    ],
    true,
  ],
  [
    '$own|blue',
    [
      ['red', 'red'],
      ['blue', 'red'],
      ['blue', undefined],
    ],
    [
      ['red', undefined],
      ['', 'red'],
    ],
    true,
  ],
  [
    'blue | $own',
    [
      ['red', 'red'],
      ['blue', 'red'],
    ],
    [['green', 'red']],
    true,
  ],
  [
    '$own|-',
    [
      ['red', 'red'],
      ['', 'red'],
      ['', ''],
    ],
    [['blue', 'red']],
    true,
  ],
  [
    '$own|!red',
    [
      ['red', 'red'],
      ['blue', 'red'],
    ],
    [
      ['red', 'blue'],
      ['', 'blue'],
      ['', ''],
    ],
    true,
  ],
  [
    'red',
    [
      ['red', 'blue'],
      ['red', undefined],
    ],
    [
      ['blue', 'blue'],
      ['', undefined],
    ],
    false,
  ],
  [
    '-',
    [
      ['', 'red'],
      ['', undefined],
    ],
    [['red', 'red']],
    false,
  ],
  [
    '*',
    [
      ['', undefined],
      ['red', 'blue'],
    ],
    [],
    false,
  ],
  ['\\$own', [['$own', 'red']], [['red', 'red']], false],
]

t.test("$own fits the namespace of the caller's project, never cluster scope", async (t) => {
  for (const [cell, fitting, others, own] of NAMESPACES) {
    const pattern = readNamespacePattern(cell)
    t.equal(pattern.own, own, cell)
    for (const one of [pattern, readNamespacePattern(pattern.toCell())]) {
      for (const [name, mine] of fitting)
        t.equal(one.fits({ name, own: mine }), true, `${cell} ${name} ${mine}`)
      for (const [name, mine] of others)
        t.equal(one.fits({ name, own: mine }), false, `${cell} ${name} ${mine}`)
    }
  }
  t.same(readNamespacePattern('a|$own|b').names.texts, ['a', 'b'])
  t.equal(new NamespacePattern(patternOf(['red'])).fits({ name: 'blue', own: 'blue' }), false)
})

t.test('a namespace cell is written with $own first', async (t) => {
  for (const [cell, written] of [
    ['$own', '$own'],
    ['$own|$own', '$own'],
    ['b|$own|a*', '$own|b|a*'],
    ['b', 'b'],
    ['\\$own', '\\$own'],
  ] as const)
    t.equal(readNamespacePattern(cell).toCell(), written, cell)
})

t.test('a placeholder other than $own is an error that shows it', async (t) => {
  for (const [cell, odd] of [
    ['$project', '$project'],
    ['a|$owner', '$owner'],
    ['!$own', '!$own'],
    ['! $own', '! $own'],
    ['$', '$'],
  ] as const)
    t.throws(() => readNamespacePattern(cell), { message: `${odd}: ` }, cell)
  t.throws(() => readNamespacePattern(''), /empty/)
  t.throws(() => readNamespacePattern('$own|'), /empty/)
  t.same(readNamespacePattern('a$own').names.texts, ['a$own'])
})
