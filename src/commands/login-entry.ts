import { systemClock } from '../clock.ts'
import type { loginCommandOptions } from '../config/client-options.ts'
import type { Flags } from '../config/flags.ts'
import { configInvalid } from '../config/read-options.ts'
import { PortcullisError } from '../errors.ts'
import { type Ask, missingSettings, tlsOf } from '../exec/complete-login.ts'
import { familyOf, type LoginSettings, mergeSettings } from '../exec/login-settings.ts'
import { fromEnvironment, fromFlags, type LoginInputs } from '../exec/login-sources.ts'
import { chooseProject } from '../exec/project-choice.ts'
import { createPrompt } from '../exec/prompt.ts'
import { cloudsVariable, overlay, plainFlags } from '../exec/saved-login.ts'
import type { KeptToken } from '../exec/token-cache.ts'
import { keptToken, obtainToken, type UsableToken } from '../exec/token-source.ts'
import type { LoginScope } from '../keystone/credentials.ts'
import { toScope } from '../keystone/login-method.ts'
import { listPlaces } from '../keystone/places.ts'
import type { ClientSession } from './client-session.ts'
import type { CommandWorld } from './world.ts'

export type LoginSession = ClientSession<typeof loginCommandOptions>

/** A log-in that went well: the token, and the flags by which kubectl gets the like of it. */
export interface Entry {
  readonly flags: Flags
  /** Variables for kubectl to run us with. */
  readonly env: Readonly<Record<string, string>>
  readonly settings: LoginSettings
  readonly token: string
  readonly url: string
  /** The context's own user logged in anew, by the flags that the kubeconfig has already. */
  readonly sameUser: boolean
}

/**
 * Logs in, asking for what is missing, and keeps the token where `portcullis token` with the same flags finds it.
 * Without a scope the user chooses among the projects. Throws as `obtainToken` does.
 */
export async function enter(session: LoginSession, cluster: string, world: CommandWorld): Promise<Entry> {
  const own = withProject(session.flags, session.values.project)
  const named = mergeSettings([fromFlags(own), fromEnvironment(world.env)])
  const saved = familyOf(named) || named.auth_url || named.cloud ? undefined : session.saved
  const outer = saved === undefined ? world.env : session.env
  const clouds = cloudsVariable(outer)
  const env = { ...outer, ...clouds }
  const inputsOf = (flags: Flags) => session.inputs(flags, cluster, env)

  const base = overlay(own, saved)
  const plain = plainFlags(mergeSettings([fromFlags(base), fromEnvironment(env)]))
  const asked = await answers(await inputsOf(base).settings(), await session.openTerminal())
  const flags = new Map([...plain, ...asked])
  const inputs = inputsOf(overlay(base, flags))
  const settings = await inputs.settings()
  const scope = toScope(textsOf(settings))
  if (familyOf(settings) === 'credential' && session.values.project !== undefined)
    throw configInvalid([{ from: 'flag --project', message: 'an application credential is of one project' }])

  const entry = async (got: UsableToken, chosen: Flags = flags): Promise<Entry> => {
    const kept = got.until === undefined ? undefined : (got as KeptToken)
    if (kept !== undefined) session.cache.put(inputsOf(chosen).identity, kept)
    return {
      flags: chosen,
      env: settings.cloud === undefined ? {} : clouds,
      settings,
      token: got.token,
      url: got.keystoneUrl ?? settings.auth_url?.text ?? '',
      sameUser: saved !== undefined && session.inputs(saved).identity === inputsOf(chosen).identity,
    }
  }
  const known = scope && saved && keptOfContext(session, inputsOf(flags))
  const moved = known && scope && (await rescoped(session, settings, known, scope))
  if (moved) return entry(moved)
  const { openTerminal, attempt, deadlineMs } = session
  const parts = {
    cache: undefined,
    clock: systemClock,
    openTerminal,
    attempt,
    deadlineMs,
    forceRefresh: true,
  }
  const got = await obtainToken(inputs, parts)
  if (scope !== undefined || familyOf(settings) !== 'user' || got.keystoneUrl === undefined) return entry(got)

  const places = (await session.ask(settings, got.token, got.keystoneUrl, listPlaces)) ?? []
  const project = await chooseProject(places, createPrompt(world))
  if (project === undefined) return entry(got)
  const within = await rescoped(session, settings, got as KeptToken, { project: { id: project.id } })
  if (within === undefined)
    throw new PortcullisError('LOGIN_REFUSED', 'Keystone refused the project that was chosen')
  return entry(within, new Map([...flags, ['project-id', [project.id]]]))
}

/** `--project` takes what people have at hand: ids are recognized by their form. */
function withProject(flags: Flags, project: string | undefined): Flags {
  if (project === undefined) return flags
  return new Map([...flags, [/^[0-9a-f]{32}$/.test(project) ? 'project-id' : 'project-name', [project]]])
}

const textsOf = (settings: LoginSettings) =>
  Object.fromEntries(Object.entries(settings).map(([name, given]) => [name, given.text]))

/** Asks for what is missing, save for secrets: those are asked for at the log-in itself. */
async function answers(settings: LoginSettings, ask: Ask | undefined): Promise<Flags> {
  const flags = new Map<string, readonly string[]>()
  if (ask === undefined) return flags
  const missing = missingSettings(settings)
  const question = async (
    name: 'auth_url' | 'username' | 'user_domain_name',
    flag: string,
    optional = false,
  ) => {
    const text = await ask({ name, secret: false, optional })
    if (text !== '') flags.set(flag, [text])
  }
  if (missing.includes('auth_url')) await question('auth_url', 'keystone-url')
  if (!missing.includes('username')) return flags
  await question('username', 'user-name')
  const domains = [
    'user_domain_name',
    'user_domain_id',
    'domain_name',
    'domain_id',
    'default_domain',
  ] as const
  if (!domains.some((name) => settings[name])) await question('user_domain_name', 'user-domain-name', true)
  return flags
}

/** The kept token of the context's user, if it is another one than that of these inputs. */
function keptOfContext(session: LoginSession, { identity }: LoginInputs): KeptToken | undefined {
  const other = session.inputs(session.saved).identity
  return other === identity ? undefined : session.cache.get(other)
}

/** A token for another scope; undefined when Keystone refuses (tokens of application credentials make no others). */
async function rescoped(
  session: LoginSession,
  settings: LoginSettings,
  { token, keystoneUrl }: KeptToken,
  scope: LoginScope,
): Promise<KeptToken | undefined> {
  const since = systemClock.now()
  const { outcome } = await session.attempt({
    url: keystoneUrl,
    tls: tlsOf(settings),
    method: { kind: 'token', token, scope },
  })
  return 'status' in outcome ? undefined : keptToken(outcome, { since, keystoneUrl })
}
