import { symbols } from 'pino'
import t from 'tap'
import { createLog, LOG_LEVELS, type LogLevel } from '../src/log.ts'

/** The lines of a log of that level, as objects. */
function recorded(level: LogLevel) {
  const lines: Record<string, unknown>[] = []
  const log = createLog({ level, destination: { write: (text) => void lines.push(JSON.parse(text)) } })
  return { log, lines }
}

const SECRETS = [
  'token',
  'password',
  'secret',
  'authorization',
  'x-auth-token',
  'x-subject-token',
  'key',
  'plaintext',
  'ciphertext',
  'payload',
]

t.test('fields that are named like secrets are never written, up to two levels deep', async (t) => {
  for (const field of SECRETS) {
    const { log, lines } = recorded('info')
    const fields = (...hidden: readonly string[]) => ({
      [field]: hidden[0],
      url: 'shown',
      headers: { [field]: hidden[1], accept: 'shown', more: { [field]: hidden[2], host: 'shown' } },
    })
    log.info(fields('hidden-0', 'hidden-1', 'hidden-2'), 'A message')
    const { time, ...line } = lines[0] as Record<string, unknown>
    t.same(line, { level: 'info', ...fields(...Array(3).fill('[redacted]')), msg: 'A message' }, field)
  }
})

t.test('a field whose name only contains a secret’s is written', async (t) => {
  const { log, lines } = recorded('info')
  const fields = { tokens: 3, keystone: 'https://keystone', passwordless: true, keyId: 'k-1' }
  log.info(fields, 'A message')
  t.match(lines, [fields])
})

t.test('what is below the level is not written, what is at it or above is, under its name', async (t) => {
  t.same(LOG_LEVELS, ['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
  for (const [index, level] of LOG_LEVELS.entries()) {
    const { log, lines } = recorded(level)
    for (const each of LOG_LEVELS) log[each]({ field: each }, 'A message')
    t.same(
      lines.map(({ level, field }) => [level, field]),
      LOG_LEVELS.slice(index).map((name) => [name, name]),
      level,
    )
  }
})

t.test('a line is a JSON object of level, time in ISO 8601, fields and message, and no more', async (t) => {
  const { log, lines } = recorded('debug')
  const before = Date.now()
  log.debug({ policy: 'p.json', rules: 3 }, 'Policy loaded')
  const [line] = lines as [Record<string, unknown>]
  t.same(Object.keys(line), ['level', 'time', 'policy', 'rules', 'msg'])
  t.match(line, { level: 'debug', policy: 'p.json', rules: 3, msg: 'Policy loaded' })
  t.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  const time = Date.parse(String(line.time))
  t.ok(before <= time && time <= Date.now())
})

t.test('without a destination the log goes to stderr, line by line as it is written', async (t) => {
  const log = createLog({ level: 'fatal' }) as unknown as Record<symbol, { fd: number; sync: boolean }>
  const stream = log[symbols.streamSym]
  t.match(stream, { fd: 2, sync: true })
})
