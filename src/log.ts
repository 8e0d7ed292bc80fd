import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino'

/** A structured log. Messages are constant texts; what varies goes into the fields. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'>

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Field names whose values are never written, however deep they stand (up to two levels). */
const SECRET_FIELDS = [
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

/** The process log: JSON lines on stderr unless a destination is given (stdout belongs to what a command prints). */
export function createLog(options: { level: LogLevel; destination?: DestinationStream }): Log {
  const paths = SECRET_FIELDS.flatMap((field) => [`["${field}"]`, `*["${field}"]`, `*.*["${field}"]`])
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      redact: { paths, censor: '[redacted]' },
      formatters: { level: (label) => ({ level: label }) },
    },
    options.destination ?? pino.destination({ dest: 2, sync: true }),
  )
}
