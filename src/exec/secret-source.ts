import { errorText, PortcullisError } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'

/** A secret takes its time where somebody has to unlock a store. */
const COMMAND_DEADLINE_MS = 60_000
const MAX_BYTES = 64 * 1024

/** The first line of a file. Throws FILE_UNREADABLE, also when there is nothing in it. */
export function readSecretFile(path: string): string {
  const line = firstLine(readConfigFile(path))
  if (line !== '') return line
  throw new PortcullisError('FILE_UNREADABLE', `cannot read ${path}: its first line is empty`)
}

/**
 * The first line that a shell command prints. It may talk to the user on stderr and on stdin, where
 * kubectl leaves that to us. Throws LOGIN_INCOMPLETE when it fails, prints nothing or takes more than a minute.
 */
export async function runSecretCommand(command: string, from: string): Promise<string> {
  const { execFileSync } = await import('node:child_process')
  try {
    const output = execFileSync('/bin/sh', ['-c', command], {
      stdio: ['inherit', 'pipe', 'inherit'],
      encoding: 'utf8',
      timeout: COMMAND_DEADLINE_MS,
      maxBuffer: MAX_BYTES,
    })
    const line = firstLine(output)
    if (line !== '') return line
    throw new Error('it printed nothing')
  } catch (error) {
    throw new PortcullisError('LOGIN_INCOMPLETE', `${from}: the command gave no secret: ${reason(error)}`)
  }
}

const firstLine = (text: string) => text.split(/\r?\n/, 1)[0] ?? ''

/** Node's own message quotes the command and what it printed. */
function reason(error: unknown): string {
  const { status, signal, code } = error as { status?: number | null; signal?: string | null; code?: string }
  if (code === 'ETIMEDOUT') return 'it did not end in time'
  if (code === 'ENOBUFS') return 'it printed too much'
  if (typeof status === 'number') return `it ended with exit code ${status}`
  return signal ? `it was ended by ${signal}` : errorText(error)
}
