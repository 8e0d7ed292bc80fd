import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { type Program, startProgram } from './program.ts'
import { ROOT } from './source-files.ts'

/** A program of bin/ on a terminal of its own (util-linux's script holds the other end). */
export interface TerminalProgram extends Pick<Program, 'exited'> {
  /** All that the terminal has shown. */
  readonly screen: () => string
  /** Resolves when what was shown since the last call has this in it. */
  shown(text: string): Promise<void>
  type(keys: string): void
}

const SCRIPT = '/usr/bin/script'

/** Reason to skip a test: Debian has it on every machine, other systems have another one or none. */
export const noTerminal =
  existsSync(SCRIPT) && process.platform === 'linux' ? false : 'needs script of util-linux'

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

/** `behind` is shell text that follows the command: a redirection, another command. */
export function startOnTerminal(
  t: Parameters<typeof startProgram>[0],
  name: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  behind = '',
): TerminalProgram {
  const command = [resolve(ROOT, 'bin', name), ...argv].map(quoted).join(' ')
  const program = startProgram(
    t,
    SCRIPT,
    ['-qefc', `${command} ${behind}`, '/dev/null'],
    { SHELL: '/bin/sh', ...env },
    'pipe',
  )
  const { child, exited } = program
  let seen = 0
  return {
    exited,
    screen: program.stdout,
    type: (keys) => void child.stdin?.write(keys),
    async shown(text) {
      for (;;) {
        const at = program.stdout().indexOf(text, seen)
        if (at >= 0) {
          seen = at + text.length
          return
        }
        if (child.exitCode !== null) throw new Error(`ended before it showed "${text}":\n${program.stdout()}`)
        await Promise.race([new Promise((next) => child.stdout?.once('data', next)), exited])
      }
    },
  }
}
