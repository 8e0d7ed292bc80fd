import t from 'tap'
import { type Fault, readFlags } from '../../src/config/flags.ts'
import { integerOption, listOption, switchOption, textOption } from '../../src/config/option.ts'

const TABLE = {
  name: textOption('', { short: 'n' }),
  v: integerOption('', { min: 0, max: 9, fallback: 0 }, { short: 'v' }),
  strict: switchOption('', { short: 's' }),
  adopt: switchOption(''),
  names: listOption('', { repeatable: true }),
}

function read(...argv: readonly string[]) {
  const faults: Fault[] = []
  const { flags, operands } = readFlags(TABLE, argv, faults)
  return { flags: Object.fromEntries(flags), operands, faults }
}
const given = (flags: object, operands: readonly string[] = []) => ({ flags, operands, faults: [] })

t.test('a value follows its flag in each of the spellings of Go and of getopt', async (t) => {
  for (const argv of [['--v', '4'], ['--v=4'], ['-v', '4'], ['-v=4'], ['-v4']])
    t.strictSame(read(...argv), given({ v: ['4'] }), argv.join(' '))
  t.strictSame(read('--name', ''), given({ name: [''] }), 'an empty value is a value')
  t.strictSame(read('--name='), given({ name: [''] }))
  t.strictSame(read('--name==a=b'), given({ name: ['=a=b'] }), 'a long flag loses one = alone')
  t.strictSame(read('-n==a'), given({ name: ['=a'] }))
  t.strictSame(read('-na=b'), given({ name: ['a=b'] }))
})

t.test('a switch takes no value from the next word', async (t) => {
  t.strictSame(read('--strict', 'false'), given({ strict: ['true'] }, ['false']))
  t.strictSame(read('--strict=false', '--adopt'), given({ strict: ['false'], adopt: ['true'] }))
  t.strictSame(read('-s'), given({ strict: ['true'] }))
})

t.test('operands keep their order, and behind -- there are only operands', async (t) => {
  t.strictSame(read('b', '--strict', 'a', '--', '--name', '-x'), {
    flags: { strict: ['true'] },
    operands: ['b', 'a', '--name', '-x'],
    faults: [],
  })
})

t.test('a flag that may be repeated keeps all its values in order; any other is a fault', async (t) => {
  t.strictSame(read('--names', 'b', '--v=1', '--names=a'), given({ names: ['b', 'a'], v: ['1'] }))
  t.strictSame(read('--name', 'a', '-n', 'b', '--adopt', '--adopt'), {
    flags: { name: ['a'], adopt: ['true'] },
    operands: [],
    faults: [
      { from: 'flag -n', message: 'given more than once' },
      { from: 'flag --adopt', message: 'given more than once' },
    ],
  })
})

t.test('a flag that does not exist or lacks its value is a fault, and the others are read on', async (t) => {
  t.strictSame(read('--nope', '--names', 'a', '-x', '--v'), {
    flags: { names: ['a'] },
    operands: [],
    faults: [
      { from: 'flag --nope', message: 'there is no such flag; --help lists them' },
      { from: 'flag -x', message: 'there is no such flag; --help lists them' },
      { from: 'flag --v', message: 'expected a value (N)' },
    ],
  })
})

t.test('what every object has is not a flag', async (t) => {
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
    t.strictSame(
      read(`--${name}`).faults,
      [{ from: `flag --${name}`, message: 'there is no such flag; --help lists them' }],
      name,
    )
})
