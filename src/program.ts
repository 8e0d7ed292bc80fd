import { basename } from 'node:path'
import { stayAlive } from './clock.ts'
import type { Command, CommandWorld } from './commands/world.ts'
import { errorText, PortcullisError } from './errors.ts'

/** What a program is made of; main.ts has all of it, client.ts what its users need. */
export interface ProgramParts {
  readonly version: string
  /** Path of the file that starts it. */
  readonly executable: string
  /** Loaded when asked for: a command starts with nothing but what it needs. */
  readonly commands: Readonly<Record<string, () => Promise<Command>>>
  readonly flags: CommandWorld['flags']
  /** Writes to stdout in place of `process.stdout`, which takes a while to set up. */
  readonly print?: (text: string) => void
}

/** Programs that are one command under a name of its own. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  'k8s-keystone-auth': 'serve',
  'barbican-kms-plugin': 'kms',
  'client-keystone-auth': 'token',
}

/** Runs the command of this process's arguments and ends the process with its exit code. */
export async function runProgram(parts: ProgramParts): Promise<never> {
  // what a failed start has opened already must not keep the process alive
  // a command that waits for a timer is still at work
  stayAlive()
  const code = await run(parts)
  // what is still on its way to a slow reader would be lost
  if (parts.print === undefined) await new Promise((resolve) => process.stdout.write('', resolve))
  process.exit(code)
}

async function run({ version, executable, commands, flags, print }: ProgramParts): Promise<number> {
  const program = process.env.PORTCULLIS_PROGRAM ?? basename(process.argv0)
  const args = process.argv.slice(2)
  const name = PROGRAMS[program] ?? args.shift() ?? '--help'
  if (name === '--version' || (args[0] === '--version' && args.length === 1)) {
    process.stdout.write(`${program} ${version}\n`)
    return 0
  }
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (load === undefined) {
    const text = `Usage: ${program} COMMAND [flags]\n\nCommands: ${Object.keys(commands).join(', ')}\n${program} COMMAND --help lists the flags.\n`
    const asked = name === '--help' || name === '-h' || name === 'help'
    process[asked ? 'stdout' : 'stderr'].write(
      asked ? text : `${program}: there is no command ${name}\n${text}`,
    )
    return asked ? 0 : 2
  }
  const { PORTCULLIS_PROGRAM: _, ...env } = process.env
  let stopped: Promise<void> | undefined
  const world: CommandWorld = {
    program,
    version,
    executable,
    env,
    flags,
    get input() {
      return process.stdin
    },
    print: print ?? ((text) => void process.stdout.write(text)),
    complain: (text) => void process.stderr.write(text),
    // a command that never looks at it ends at the first signal, as programs do
    get stopped() {
      stopped ??= firstSignal()
      return stopped
    },
  }
  try {
    return await (await load())(args, world)
  } catch (error) {
    process.stderr.write(
      `${program}: ${error instanceof PortcullisError ? `${error.code}: ` : ''}${errorText(error)}\n`,
    )
    return error instanceof PortcullisError && error.code === 'CONFIG_INVALID' ? 2 : 1
  }
}

/** The first signal asks to stop; the second one ends the process at once. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false
    const onSignal = () => {
      if (asked) process.exit(130)
      asked = true
      resolve()
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}
