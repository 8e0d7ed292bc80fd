import { HELP_FLAGS, loginCommandOptions } from '../config/client-options.ts'
import { helpText } from '../config/help.ts'
import { PortcullisError } from '../errors.ts'
import { writeKubeconfig } from '../exec/kubeconfig.ts'
import type { LoginSettings } from '../exec/login-settings.ts'
import { printable } from '../exec/report.ts'
import { commandName, tokenArgs } from '../exec/saved-login.ts'
import type { KeystoneToken } from '../keystone/token-body.ts'
import { createTokenValidation } from '../keystone/token-validation.ts'
import { openClientSession } from './client-session.ts'
import { type ChosenCluster, chooseCluster } from './login-cluster.ts'
import { type Entry, enter, type LoginSession } from './login-entry.ts'
import type { Command, CommandWorld } from './world.ts'

const ABOUT = `Logs in to Keystone, asks on the terminal for what is missing, and writes user and context into the kubeconfig: kubectl
then gets its tokens from portcullis token. Where neither flags nor variables say who logs in, it is the user of the
current context: portcullis login --project NAME changes the project. No secret is written into the kubeconfig.`

/** `portcullis login` */
export const login: Command = async (argv, world) => {
  if (argv.includes('--help') || argv.includes('-h')) {
    world.print(helpText(`${world.program} login [flags]`, ABOUT, loginCommandOptions, HELP_FLAGS))
    return 0
  }
  const session = openClientSession(loginCommandOptions, argv, world)
  const cluster = await chooseCluster(session, world)
  const entry = await enter(session, cluster.name, world)
  const { token, url, settings } = entry
  const says = await session.ask(settings, token, url, (asked) =>
    createTokenValidation({ call: asked.call, endpoint: async () => asked.url })(token, asked.signal),
  )
  if (says === undefined)
    throw new PortcullisError('LOGIN_REFUSED', 'Keystone does not know the token that it has just given')
  world.print(
    `Logged in as ${printable(`${says.user.name} of domain ${says.user.domain.name}, ${scopeText(says)}`)}.\n`,
  )
  const stays = entry.sameUser && session.context?.cluster === cluster.name && !cluster.entry
  if (!stays || session.values.name !== undefined)
    world.print(write(session, entry, cluster, placeOf(says), world))
  world.print(secretText(settings))
  return 0
}

/** Writes what kubectl needs; gives the sentence about it. */
function write(
  session: LoginSession,
  { flags, env }: Entry,
  cluster: ChosenCluster,
  place: string,
  world: CommandWorld,
): string {
  const name = session.values.name ?? `${place}@${cluster.name}`
  const exec = { command: commandName(world.executable, world.env.PATH), args: tokenArgs(flags), env }
  const paths = writeKubeconfig(session.paths, {
    user: { name, exec },
    context: { name, cluster: cluster.name, user: name, namespace: undefined },
    ...(cluster.entry && { cluster: { name: cluster.name, ...cluster.entry } }),
  })
  const where = paths.length > 0 ? ` (written to ${paths.join(', ')})` : ''
  return `${printable(`The current context is ${name}${where}.`)}\n`
}

/** Where kubectl has the secret from when this token ends; nothing where it finds it by itself. */
function secretText(settings: LoginSettings): string {
  if (settings.password_command ?? settings.application_credential_secret_command) return ''
  const { from } = settings.password ??
    settings.application_credential_secret ??
    settings.token ?? { from: 'flag' }
  const variable = /^environment (\w+)$/.exec(from)?.[1]
  if (variable === undefined && !from.startsWith('flag')) return ''
  const needs = variable === undefined ? '' : `needs ${variable}, or `
  return `No secret is in the kubeconfig: when the token ends, kubectl ${needs}asks again.\n`
}

const placeOf = ({ scope }: KeystoneToken) =>
  scope.kind === 'project' || scope.kind === 'domain' ? scope.name : scope.kind

const scopeText = ({ scope }: KeystoneToken) =>
  scope.kind === 'project' || scope.kind === 'domain' ? `${scope.kind} ${scope.name}` : `scope: ${scope.kind}`
