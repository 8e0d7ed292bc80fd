import { readFileSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { stayAlive } from './clock.ts'
import type { Command, CommandWorld } from './commands/world.ts'
import { errorText, PortcullisError } from './errors.ts'
import { keepTickShape } from './tick-shape.ts'

enableCompileCache()

/** Loaded when asked for: a command starts with nothing but what it needs. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./commands/serve.ts')).serve,
  kms: async () => (await import('./commands/kms.ts')).kms,
  'webhook-kubeconfig': async () => (await import('./commands/webhook-kubeconfig.ts')).webhookKubeconfig,
  policy: async () => (await import('./commands/policy.ts')).policy,
  sync: async () => (await import('./commands/sync.ts')).sync,
  demo: async () => (await import('./commands/demo.ts')).demo,
}

/** Programs that are one command under a name of its own. */
const PROGRAMS: Readonly<Record<string, string>> = {
  'k8s-keystone-auth': 'serve',
  'barbican-kms-plugin': 'kms',
}

async function main(): Promise<number> {
  const program = process.env.PORTCULLIS_PROGRAM ?? 'portcullis'
  const args = process.argv.slice(2)
  const name = PROGRAMS[program] ?? args.shift() ?? '--help'
  const version = packageVersion()
  if (name === '--version' || (args[0] === '--version' && args.length === 1)) {
    process.stdout.write(`${program} ${version}\n`)
    return 0
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (load === undefined) {
    const text = `Usage: ${program} COMMAND [flags]\n\nCommands: ${Object.keys(COMMANDS).join(', ')}\n${program} COMMAND --help lists the flags.\n`
    const asked = name === '--help' || name === '-h' || name === 'help'
    process[asked ? 'stdout' : 'stderr'].write(
      asked ? text : `${program}: there is no command ${name}\n${text}`,
    )
    return asked ? 0 : 2
  }
  const { PORTCULLIS_PROGRAM: _, ...env } = process.env
  const world: CommandWorld = {
    program,
    version,
    env,
    get input() {
      return process.stdin
    },
    print: (text) => void process.stdout.write(text),
    complain: (text) => void process.stderr.write(text),
    stopped: firstSignal(),
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

function packageVersion(): string {
  const file: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  return (file as { version: string }).version
}

// what a failed start has opened already must not keep the process alive
// a command that waits for a timer is still at work
stayAlive()
keepTickShape()
const code = await main()
// what is still on its way to a slow reader would be lost
await new Promise((resolve) => process.stdout.write('', resolve))
process.exit(code)
