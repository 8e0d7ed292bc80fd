import fc from 'fast-check'
import t from 'tap'
import {
  camel,
  choiceOption,
  choicesOption,
  durationOption,
  fileOption,
  hostPortOption,
  integerOption,
  listOption,
  type Option,
  switchOption,
  textOption,
  urlOption,
} from '../../src/config/option.ts'

/** The option without its parser. */
const shapeOf = <T>({ parse: _, ...shape }: Option<T>) => shape
const { parse: ms } = durationOption('', { max: '10000h', fallback: '1s' })
const EXTRA = { env: ['A', 'B'], value: 'OTHER', repeatable: true, short: 'x' } as const
const help = 'Help.'

t.test('a unit of a duration is what its name says', async (t) => {
  for (const [text, value] of [
    ['1ms', 1],
    ['1s', 1000],
    ['1m', 60_000],
    ['1h', 3_600_000],
    ['0', 0],
    ['0s', 0],
    ['250ms', 250],
    ['90s', 90_000],
    ['1.5h', 5_400_000],
    ['0.25m', 15_000],
    ['1m30s', 90_000],
    ['1h2m3s4ms', 3_723_004],
    ['10m5m', 900_000],
  ] as const)
    t.equal(ms(text), value, text)
})

t.test('what is not a duration is refused whole, not read as far as it goes', async (t) => {
  for (const text of [
    '',
    '5',
    '1d',
    '1 s',
    ' 1s',
    '1s ',
    '-1s',
    '1s2',
    's',
    '.5s',
    '1.s',
    '1e3s',
    '1S',
    '00',
  ])
    t.throws(() => ms(text), /^expected a duration from 0 to 10000h, such as 1s$/, JSON.stringify(text))
})

t.test('a duration is the sum of its parts, in whatever order', async () => {
  const part = fc.tuple(fc.nat(500), fc.constantFrom(['ms', 1], ['s', 1000], ['m', 60_000], ['h', 3_600_000]))
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 5 }), (parts) => {
      const text = parts.map(([number, [unit]]) => `${number}${unit}`).join('')
      return ms(text) === parts.reduce((sum, [number, [, factor]]) => sum + number * Number(factor), 0)
    }),
    { numRuns: 100 },
  )
})

t.test('a duration has bounds, which are within', async (t) => {
  const { parse, ...shape } = durationOption(help, { min: '2s', max: '1m', fallback: '30s' }, EXTRA)
  t.strictSame(shape, { ...EXTRA, help, fallback: 30_000 })
  t.strictSame(shapeOf(durationOption(help, { max: '1m', fallback: '1s' })), {
    value: 'DURATION',
    help,
    fallback: 1000,
  })
  for (const text of ['2s', '2000ms', '31s', '60s', '1m']) t.equal(parse(text), ms(text), text)
  for (const text of ['0', '1999ms', '60001ms', '1h'])
    t.throws(() => parse(text), /^expected a duration from 2s to 1m, such as 30s$/, text)
})

t.test('a whole number has bounds, which are within', async (t) => {
  const { parse, ...shape } = integerOption(help, { min: 2, max: 40, fallback: 7 }, EXTRA)
  t.strictSame(shape, { ...EXTRA, help, fallback: 7 })
  t.strictSame(shapeOf(integerOption(help, { min: 0, max: 1, fallback: 1 })), {
    value: 'N',
    help,
    fallback: 1,
  })
  for (const [text, value] of [
    ['2', 2],
    ['3', 3],
    ['021', 21],
    ['40', 40],
  ] as const)
    t.equal(parse(text), value, text)
  for (const text of ['', '1', '41', '-2', '2.5', '1e1', '0x3', ' 3', '3 ', 'x3', '3x', '9'.repeat(16)])
    t.throws(() => parse(text), /^expected a whole number from 2 to 40$/, JSON.stringify(text))
  const wide = integerOption('', { min: 0, max: 1e20, fallback: 0 })
  t.equal(wide.parse('9'.repeat(15)), 999_999_999_999_999)
  t.throws(() => wide.parse('9'.repeat(16)), /whole number/, 'what a double cannot hold')
})

t.test('a text is kept as it is, and is not empty', async (t) => {
  const { parse, ...shape } = textOption(help, EXTRA)
  t.strictSame(shape, { ...EXTRA, help, fallback: undefined })
  t.strictSame(shapeOf(textOption(help)), { value: 'TEXT', help, fallback: undefined })
  t.strictSame(shapeOf(fileOption(help)), { value: 'FILE', help, fallback: undefined })
  t.strictSame(shapeOf(fileOption(help, EXTRA)), { ...EXTRA, help, fallback: undefined })
  t.equal(parse(' a,b '), ' a,b ')
  t.throws(() => parse(''), /^expected a text, got none$/)
  t.throws(() => fileOption('').parse(''), /^expected a text, got none$/)
})

t.test(
  'a list drops white space around its items and empty items, and keeps order and doubles',
  async (t) => {
    const { parse, ...shape } = listOption(help, EXTRA, ['a'])
    t.strictSame(shape, { ...EXTRA, help, fallback: ['a'] })
    t.strictSame(shapeOf(listOption(help)), { value: 'LIST', help, fallback: [] })
    t.strictSame(parse(' b ,,a b,b,\ta'), ['b', 'a b', 'b', 'a'])
    t.strictSame(parse(' , '), [])
  },
)

t.test('a choice is one of its words; choices are some of them', async (t) => {
  const one = choiceOption(help, ['a', 'b'], 'b', EXTRA)
  t.strictSame(shapeOf(one), { ...EXTRA, help, fallback: 'b' })
  t.strictSame(shapeOf(choiceOption(help, ['a', 'b'], 'b')), { value: 'a|b', help, fallback: 'b' })
  t.equal(one.parse('a'), 'a')
  for (const text of ['', 'c', 'A', 'a,b', ' a'])
    t.throws(() => one.parse(text), /^expected a, b$/, JSON.stringify(text))
  const some = choicesOption(help, ['a', 'b', 'c'], ['c'], EXTRA)
  t.strictSame(shapeOf(some), { ...EXTRA, help, fallback: ['c'] })
  t.strictSame(shapeOf(choicesOption(help, ['a', 'b'], [])), { value: 'a|b', help, fallback: [] })
  t.strictSame(some.parse('c, a'), ['c', 'a'])
  t.throws(() => some.parse('a,d'), /^expected a, b, c$/)
  t.throws(() => some.parse('d,a'), /^expected a, b, c$/)
})

t.test('a switch is on or off and nothing else', async (t) => {
  const { parse, ...shape } = switchOption(help, { env: ['A'] })
  t.strictSame(shape, { env: ['A'], help, fallback: false })
  t.strictSame(shapeOf(switchOption(help)), { help, fallback: false }, 'without a value')
  t.strictSame(['true', '1', 'false', '0'].map(parse), [true, true, false, false])
  for (const text of ['', 'yes', 'TRUE', 'on', '2', 'true '])
    t.throws(() => parse(text), /^expected true or false$/, JSON.stringify(text))
})

t.test('an address has a host and a port; no host is all addresses', async (t) => {
  const { parse, ...shape } = hostPortOption(help, '127.0.0.1:8081', EXTRA)
  t.strictSame(shape, { ...EXTRA, help, fallback: { host: '127.0.0.1', port: 8081 } })
  t.strictSame(shapeOf(hostPortOption(help, ':1')), {
    value: 'HOST:PORT',
    help,
    fallback: { host: '::', port: 1 },
  })
  for (const [text, host, port] of [
    ['127.0.0.1:8443', '127.0.0.1', 8443],
    ['localhost:1', 'localhost', 1],
    [':0', '::', 0],
    ['[::1]:65535', '::1', 65535],
    ['[fe80::A1]:80', 'fe80::A1', 80],
    ['[::ffff:10.0.0.1]:80', '::ffff:10.0.0.1', 80],
    ['h:00080', 'h', 80],
  ] as const)
    t.strictSame(parse(text), { host, port }, text)
  for (const text of [
    ...['', 'h', '8443', 'h:', 'h:x', 'h:65536', 'h:-1', 'h:123456', '::1:80', '[::1]', '[::1', '::1]:80'],
    ...['[]:80', '[h]:80', 'a b:80', ' h:80', 'h:80 ', 'x[::1]:80', 'http://h:80', 'h:80/'],
  ])
    t.throws(() => parse(text), /^expected HOST:PORT, such as 127\.0\.0\.1:8443$/, JSON.stringify(text))
})

t.test('a URL is http or https and carries neither user, password, query nor fragment', async (t) => {
  const { parse, ...shape } = urlOption(help, EXTRA)
  t.strictSame(shape, { ...EXTRA, help, fallback: undefined })
  t.strictSame(shapeOf(urlOption(help)), { value: 'URL', help, fallback: undefined })
  for (const text of ['http://k:5000/v3', 'https://k/identity/', 'HTTPS://K', 'https://[::1]:5000'])
    t.equal(parse(text), text, 'as it is written')
  for (const text of ['', 'k', 'k:5000', '//k', 'ftp://k', 'xhttp://k', 'httpss://k', 'file:///k'])
    t.throws(() => parse(text), /^expected an http or https URL$/, JSON.stringify(text))
  for (const text of ['http://u@k', 'http://:p@k', 'http://u:p@k', 'http://k?a=b', 'http://k#f'])
    t.throws(() => parse(text), /^expected a URL without user, password, query or fragment$/, text)
})

t.test('a flag is called in camel case in the values', async (t) => {
  t.strictSame(['v', 'log-level', 'tls-private-key-file', 'a-1'].map(camel), [
    'v',
    'logLevel',
    'tlsPrivateKeyFile',
    'a1',
  ])
})
