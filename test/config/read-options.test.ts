import t, { type Test } from 'tap'
import {
  choicesOption,
  durationOption,
  fileOption,
  hostPortOption,
  integerOption,
  listOption,
  switchOption,
  urlOption,
} from '../../src/config/option.ts'
import { COMMON_OPTIONS, configInvalid, readOptions } from '../../src/config/read-options.ts'
import { file, keepsPromises } from '../support/option-promises.ts'

const TABLE = {
  listen: hostPortOption('', '0.0.0.0:8443'),
  'tls-cert-file': fileOption('', { env: ['TLS_CERT_FILE'] }),
  'keystone-url': urlOption('', { env: ['OS_AUTH_URL'] }),
  'cache-ttl': durationOption('', { max: '1h', fallback: '5m' }),
  size: integerOption('', { min: 1, max: 10, fallback: 5 }),
  scopes: choicesOption('', ['project', 'domain'], ['project']),
  names: listOption('', { repeatable: true }),
  strict: switchOption(''),
  v: { ...integerOption('', { min: 0, max: 10, fallback: 0 }), short: 'v' },
}
const configOf = (t: Test, text: string) => `${t.testdir({ 'c.yaml': text })}/c.yaml`
const read = (argv: string[], env: Record<string, string> = {}) => readOptions(TABLE, { argv, env }).values

t.test('without any word the defaults hold', async (t) => {
  const values = read([])
  t.same(values.listen, { host: '0.0.0.0', port: 8443 })
  t.equal(values.cacheTtl, 300_000)
  t.equal(values.tlsCertFile, undefined)
  t.ok(Object.isFrozen(values))
})

t.test(
  'a flag beats the environment, the environment beats the file, the file beats the default',
  async (t) => {
    const config = `${t.testdir({ 'c.yaml': 'size: 2\ncache-ttl: 2m\nnames: [a, b]\n' })}/c.yaml`
    t.equal(read(['--config', config]).size, 2)
    t.equal(read(['--config', config], { PORTCULLIS_SIZE: '3' }).size, 3)
    t.equal(read(['--config', config, '--size=4'], { PORTCULLIS_SIZE: '3' }).size, 4)
    t.equal(read([], { PORTCULLIS_CONFIG: config }).cacheTtl, 120_000)
    t.same(read(['--config', config]).names, ['a', 'b'])
  },
)

t.test('environment names of k8s-keystone-auth count, our own come first, empty ones do not', async (t) => {
  t.equal(read([], { TLS_CERT_FILE: '/a' }).tlsCertFile, '/a')
  t.equal(read([], { TLS_CERT_FILE: '/a', PORTCULLIS_TLS_CERT_FILE: '/b' }).tlsCertFile, '/b')
  t.equal(read([], { TLS_CERT_FILE: '' }).tlsCertFile, undefined)
})

t.test('flags are taken in all the spellings of Go’s flag libraries', async (t) => {
  for (const argv of [['-v', '4'], ['-v=4'], ['--v=4'], ['--v', '4'], ['-v4']])
    t.equal(read(argv).v, 4, argv.join(' '))
  t.same(read(['--names', 'a', '--names=b,c']).names, ['a', 'b', 'c'])
  t.equal(read(['--strict']).strict, true)
})

t.test('every fault is told at once, each with where its value came from', async (t) => {
  const config = `${t.testdir({ 'c.yaml': 'size: many\nwhat: 1\nscopes: {a: b}\n' })}/c.yaml`
  t.throws(
    () =>
      read(['--listen', 'here', '--nope', '--config', config, '--cache-ttl', '1d', '--tls-cert-file'], {
        OS_AUTH_URL: 'ftp://x',
      }),
    {
      code: 'CONFIG_INVALID',
      message: [
        'the configuration cannot be used:',
        '  flag --nope: there is no such flag; --help lists them',
        '  flag --tls-cert-file: expected a value (FILE)',
        `  file ${config}, key what: there is no such key`,
        `  file ${config}, key scopes: expected a text, a number or a list of texts`,
        '  flag --listen: expected HOST:PORT, such as 127.0.0.1:8443',
        '  environment OS_AUTH_URL: expected an http or https URL',
        '  flag --cache-ttl: expected a duration from 0 to 1h, such as 5m',
        `  file ${config}, key size: expected a whole number from 1 to 10`,
      ].join('\n'),
    },
  )
})

t.test('values out of bounds, doubled flags and words that are not in the set are faults', async (t) => {
  for (const argv of [
    ['--size', '0'],
    ['--size', '11'],
    ['--size', '1e0'],
    ['--size', '1', '--size', '2'],
    ['--scopes', 'project,world'],
    ['--cache-ttl', '61m'],
    ['--cache-ttl', '5'],
    ['--listen', '127.0.0.1:65536'],
    ['--strict=maybe'],
    ['--keystone-url', 'http://user:pw@h/v3'],
  ])
    t.throws(() => read(argv), { code: 'CONFIG_INVALID' }, argv.join(' '))
})

t.test('addresses, durations and lists are read in full', async (t) => {
  t.same(read(['--listen', '[::1]:1']).listen, { host: '::1', port: 1 })
  t.same(read(['--listen', ':0']).listen, { host: '::', port: 0 })
  t.equal(read(['--cache-ttl', '1m30s']).cacheTtl, 90_000)
  t.equal(read(['--cache-ttl', '250ms']).cacheTtl, 250)
  t.equal(read(['--cache-ttl', '0']).cacheTtl, 0)
  t.same(read(['--scopes', ' domain , project ']).scopes, ['domain', 'project'])
})

t.test('a file that cannot be read or is no map is a fault that names it', async (t) => {
  t.throws(() => read(['--config', '/nowhere.yaml']), { message: /file \/nowhere.yaml: cannot read/ })
  const list = `${t.testdir({ 'c.yaml': '- a\n' })}/c.yaml`
  t.throws(() => read(['--config', list]), { message: /expected keys and values/ })
})

t.test('each command takes a configuration file, which cannot name another one', async (t) => {
  keepsPromises(t, COMMON_OPTIONS, { config: file() })
  const config = configOf(t, 'size: 3\nconfig: /other.yaml\n')
  t.throws(() => read(['--config', config]), { message: /key config: there is no such key$/ })
})

t.test('what every object has is no key of the file', async (t) => {
  for (const key of ['constructor', 'toString', '__proto__'])
    t.throws(() => read(['--config', configOf(t, `${key}: 1\n`)]), {
      code: 'CONFIG_INVALID',
      message: /there is no such key$/,
    })
})

t.test('a file may be empty; numbers, booleans, texts and lists of these are values', async (t) => {
  t.strictSame(read(['--config', configOf(t, '')]), read([]))
  t.strictSame(read(['--config', configOf(t, '# nothing\n')]), read([]))
  const config = configOf(
    t,
    'strict: true\nsize: 7\nnames: [a, 1, true, [b, c]]\ntls-cert-file: /c\nscopes: []\n',
  )
  t.strictSame(read(['--config', config]), {
    ...read([]),
    strict: true,
    size: 7,
    names: ['a', '1', 'true', 'b', 'c'],
    tlsCertFile: '/c',
    scopes: [],
  })
  for (const value of ['{a: b}', 'null', '[a, {b: c}]', '[a, null]'])
    t.throws(() => read(['--config', configOf(t, `names: ${value}\n`)]), {
      code: 'CONFIG_INVALID',
      message: /c\.yaml, key names: expected a text, a number or a list of texts$/,
    })
  for (const text of ['just words\n', '42\n', 'true\n', '[]\n'])
    t.throws(() => read(['--config', configOf(t, text)]), { message: /c\.yaml: expected keys and values$/ })
  t.throws(() => read(['--config', configOf(t, 'size: "3\n')]), { message: /file .*c\.yaml: .*line 2/ })
})

t.test('a value that a stronger source replaces is not read at all', async (t) => {
  const config = configOf(t, 'size: many\n')
  t.equal(read(['--config', config], { PORTCULLIS_SIZE: '3' }).size, 3)
  t.equal(read(['--size', '4', '--config', config], { PORTCULLIS_SIZE: 'few' }).size, 4)
  t.throws(() => read(['--size', 'few', '--config', config], { PORTCULLIS_SIZE: '3' }), {
    message: /\n {2}flag --size: /,
  })
})

t.test('variables of other programs count in the order of the table', async (t) => {
  const table = { url: urlOption('', { env: ['FIRST', 'SECOND'] }) }
  const url = (env: Record<string, string>) => readOptions(table, { argv: [], env }).values.url
  t.equal(url({ SECOND: 'http://2' }), 'http://2')
  t.equal(url({ SECOND: 'http://2', FIRST: 'http://1' }), 'http://1')
  t.equal(url({ SECOND: 'http://2', FIRST: '' }), 'http://2')
  t.equal(url({ FIRST: 'http://1', PORTCULLIS_URL: 'http://0' }), 'http://0')
  t.throws(() => url({ FIRST: 'x', SECOND: 'http://2' }), { message: /environment FIRST: / })
  t.equal(readOptions({ cache: switchOption('') }, { argv: [], env: {} }).values.cache, false)
})

t.test(
  'what belongs together is checked once each value alone is right, and all faults are told',
  async (t) => {
    const seen: unknown[] = []
    const checked = (argv: string[], faults: { from: string; message: string }[]) =>
      readOptions(TABLE, { argv, env: {} }, (values) => {
        seen.push(values.size)
        return faults
      })
    t.equal(checked(['--size', '3'], []).values.size, 3)
    const faults = [
      { from: 'flag --size', message: 'too small' },
      { from: 'flag --names', message: 'missing' },
    ]
    t.throws(() => checked(['--size', '4'], faults), {
      code: 'CONFIG_INVALID',
      message: /:\n {2}flag --size: too small\n {2}flag --names: missing$/,
    })
    t.throws(() => checked(['--size', '99'], faults), { message: /^(?!.*too small).*whole number/s })
    t.strictSame(seen, [3, 4], 'values that are wrong are not checked together')
  },
)

t.test('operands are given back in their order', async (t) => {
  const { operands, values } = readOptions(TABLE, { argv: ['b', '--size', '2', 'a'], env: {} })
  t.strictSame(operands, ['b', 'a'])
  t.equal(values.size, 2)
  t.strictSame(Object.keys(values).includes('config'), false)
})

t.test('a fault of the configuration has the code CONFIG_INVALID and a line for each', async (t) => {
  const error = configInvalid([
    { from: 'flag --a', message: 'one' },
    { from: 'file f, key b', message: 'two' },
  ])
  t.equal(error.code, 'CONFIG_INVALID')
  t.match(error.message, /^[^\n]+:\n {2}flag --a: one\n {2}file f, key b: two$/)
})
