import t from 'tap'
import {
  clientOptions,
  HELP_FLAGS,
  loginCommandOptions,
  readClientOptions,
  whoamiOptions,
} from '../../src/config/client-options.ts'
import { durationOption, listOption, switchOption, textOption } from '../../src/config/option.ts'
import { CLIENT, LOGIN_COMMAND, WHOAMI } from '../support/documented-options.ts'
import { keepsPromises } from '../support/option-promises.ts'

const TABLE = {
  'user-name': textOption('', { env: ['OS_USERNAME', 'OS_USER'] }),
  'user-id': textOption('', { env: ['OS_USER_ID'] }),
  timeout: durationOption('', { min: '1s', max: '1m', fallback: '10s' }),
  'no-cache': switchOption(''),
  names: listOption('', { repeatable: true }),
}
const read = (argv: readonly string[], env: Record<string, string | undefined> = {}) =>
  readClientOptions(TABLE, { argv, env }).values

t.test(
  '`whoami`, `projects`, `logout` and `login` have the flags and defaults of the documents',
  async (t) => {
    keepsPromises(t, clientOptions, CLIENT)
    keepsPromises(t, whoamiOptions, WHOAMI)
    keepsPromises(t, loginCommandOptions, LOGIN_COMMAND)
    t.equal(HELP_FLAGS, 'Flags (each also as PORTCULLIS_<FLAG>):', 'no word of a configuration file')
  },
)

t.test('what nobody gives has its default', async (t) => {
  t.strictSame(read([]), {
    userName: undefined,
    userId: undefined,
    timeout: 10_000,
    noCache: false,
    names: [],
  })
})

t.test('a flag beats PORTCULLIS_..., which beats the variables of OpenStack in their order', async (t) => {
  const env = { PORTCULLIS_USER_NAME: 'own', OS_USERNAME: 'first', OS_USER: 'second', OS_USER_ID: 'id' }
  t.strictSame(read(['--user-name', 'flag'], env), {
    ...read([]),
    userName: 'flag',
    userId: 'id',
  })
  t.equal(read([], env).userName, 'own')
  t.equal(read([], { ...env, PORTCULLIS_USER_NAME: '' }).userName, 'first', 'an empty variable is none')
  t.equal(read([], { OS_USER: 'second' }).userName, 'second')
  t.equal(read([], { PORTCULLIS_TIMEOUT: '2s' }).timeout, 2000)
  t.equal(read([], { PORTCULLIS_NO_CACHE: 'true' }).noCache, true)
})

t.test('the flags are given back as they came, so that a caller sees which ones were given', async (t) => {
  const { flags } = readClientOptions(TABLE, {
    argv: ['--user-id=a', '--no-cache', '--names', 'x', '--names', 'y'],
    env: { OS_USERNAME: 'ann' },
  })
  t.strictSame(
    [...flags],
    [
      ['user-id', ['a']],
      ['no-cache', ['true']],
      ['names', ['x', 'y']],
    ],
  )
})

t.test('every fault is reported at once, each with where it came from', async (t) => {
  const faults = () =>
    read(['--timeout', '2m', '--nope', 'operand'], { PORTCULLIS_NO_CACHE: 'maybe', OS_USERNAME: 'ann' })
  t.throws(faults, { code: 'CONFIG_INVALID' })
  t.throws(faults, /\n {2}flag --nope: /)
  t.throws(faults, /\n {2}command line: .*flags/)
  t.throws(faults, /\n {2}flag --timeout: expected a duration from 1s to 1m/)
  t.throws(faults, /\n {2}environment PORTCULLIS_NO_CACHE: expected true or false/)
})

t.test(
  'a wrong flag is at fault even where a variable is right, and never the other way round',
  async (t) => {
    t.throws(() => read(['--timeout', '0'], { PORTCULLIS_TIMEOUT: '2s' }), /flag --timeout: /)
    t.equal(read(['--timeout', '3s'], { PORTCULLIS_TIMEOUT: '0' }).timeout, 3000)
  },
)

t.test('operands are refused', async (t) => {
  t.throws(() => read(['ann']), { code: 'CONFIG_INVALID', message: /command line/ })
})
