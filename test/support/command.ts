import { Readable } from 'node:stream'
import type { Command, CommandWorld } from '../../src/commands/world.ts'

/** Runs a command in this process: a hundredth of what a program takes. What it throws is thrown. */
export async function runCommand(
  command: Command,
  argv: readonly string[],
  { lines = [], ...world }: Partial<CommandWorld> & { lines?: readonly string[] } = {},
) {
  const [printed, complaints]: [string[], string[]] = [[], []]
  const code = await command(argv, {
    program: 'portcullis',
    version: '1',
    executable: '/nonexistent',
    env: {},
    flags: () => Promise.reject(new Error('the test has no flags')),
    input: Readable.from(lines.map((line) => `${line}\n`)),
    print: (text) => void printed.push(text),
    complain: (text) => void complaints.push(text),
    stopped: new Promise(() => {}),
    ...world,
  })
  return { code, stdout: printed.join(''), stderr: complaints.join('') }
}
