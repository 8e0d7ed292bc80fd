import t from 'tap'
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
import { readOptions } from '../../src/config/read-options.ts'

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
