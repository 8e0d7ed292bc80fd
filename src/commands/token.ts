import { systemClock } from '../clock.ts'
import { createAttempt, openTokenCache } from '../compose-login.ts'
import { readFlags } from '../config/flags.ts'
import { homeFolder } from '../config/home-folder.ts'
import { tokenOptions } from '../config/login-options.ts'
import { errorText, isPortcullisError, PortcullisError } from '../errors.ts'
import { cacheFolderPath } from '../exec/cache-folder.ts'
import { execCredential, readExecInfo } from '../exec/exec-info.ts'
import { readLoginInputs } from '../exec/login-sources.ts'
import { obtainToken } from '../exec/token-source.ts'
import type { Command, CommandWorld } from './world.ts'

/** `portcullis token` and client-keystone-auth: kubectl's exec credential plugin. */
export const token: Command = async (argv, world) => {
  if (argv.includes('--help') || argv.includes('-h')) {
    const { tokenHelp } = await import('./token-help.ts')
    world.print(tokenHelp(world.program))
    return 0
  }
  try {
    world.print(await answer(argv, world))
    return 0
  } catch (error) {
    world.complain(`${world.program}: ${sentence(error)}\n`)
    return 1
  }
}

async function answer(argv: readonly string[], world: CommandWorld): Promise<string> {
  const { env } = world
  const clock = systemClock
  const flags = readTokenFlags(argv, env)
  const info = readExecInfo(env.KUBERNETES_EXEC_INFO)
  const inputs = readLoginInputs({ flags: flags.given, env, clusterConfig: info?.clusterConfig })
  const complain = (what: string) => world.complain(`${world.program}: ${what}\n`)
  const got = await obtainToken(inputs, {
    clock,
    openTerminal: async () =>
      info?.interactive === false ? undefined : (await import('../exec/terminal-ask.ts')).createAsk(world),
    forceRefresh: flags.forceRefresh,
    cache: flags.noCache
      ? undefined
      : openTokenCache({ path: cacheFolderPath(env, homeFolder()), clock, complain }),
    attempt: createAttempt({ clock, version: world.version, deadlineMs: flags.deadlineMs }),
    deadlineMs: flags.deadlineMs,
  })
  return execCredential(info, got)
}

function readTokenFlags(argv: readonly string[], env: CommandWorld['env']) {
  const faults: Parameters<typeof readFlags>[2] = []
  const { flags: given, operands } = readFlags(tokenOptions, argv, faults)
  if (operands.length > 0) faults.push({ from: 'command line', message: 'expected flags only' })
  const [fault] = faults
  if (fault !== undefined) throw new PortcullisError('CONFIG_INVALID', `${fault.from}: ${fault.message}`)
  const value = <N extends 'no-cache' | 'force-refresh' | 'keystone-timeout'>(name: N) => {
    const text = given.get(name)?.at(-1) ?? env[`PORTCULLIS_${name.replaceAll('-', '_').toUpperCase()}`]
    const option = tokenOptions[name]
    try {
      return (text ? option.parse(text) : option.fallback) as (typeof tokenOptions)[N]['fallback']
    } catch (error) {
      throw new PortcullisError('CONFIG_INVALID', `flag --${name}: ${(error as Error).message}`)
    }
  }
  return {
    given,
    noCache: value('no-cache'),
    forceRefresh: value('force-refresh'),
    deadlineMs: value('keystone-timeout'),
  }
}

function sentence(error: unknown): string {
  if (isPortcullisError(error)) return `${error.code}: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`
  return `an error of our own: ${errorText(error)}`
}
