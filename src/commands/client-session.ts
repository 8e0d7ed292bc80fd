import { systemClock } from '../clock.ts'
import { createAttempt, openKeystoneForUser, openTokenCache } from '../compose-login.ts'
import { type clientOptions, readClientOptions } from '../config/client-options.ts'
import type { Flags } from '../config/flags.ts'
import { homeFolder } from '../config/home-folder.ts'
import { configInvalid } from '../config/read-options.ts'
import { PortcullisError } from '../errors.ts'
import { cacheFolderPath } from '../exec/cache-folder.ts'
import { tlsOf } from '../exec/complete-login.ts'
import { kubeconfigPaths, readKubeconfig } from '../exec/kubeconfig.ts'
import type { LoginSettings } from '../exec/login-settings.ts'
import { type LoginInputs, readLoginInputs } from '../exec/login-sources.ts'
import { overlay, savedFlags } from '../exec/saved-login.ts'
import { obtainToken } from '../exec/token-source.ts'
import { withDeadline } from '../http/deadline.ts'
import type { AskedWith } from '../keystone/places.ts'
import type { CommandWorld } from './world.ts'

/** What login, logout, whoami and projects have in common: the kubeconfig, whose user it means, and Keystone. */
export type ClientSession<O extends typeof clientOptions = typeof clientOptions> = ReturnType<
  typeof openClientSession<O>
>

export function openClientSession<O extends typeof clientOptions>(
  table: O,
  argv: readonly string[],
  world: CommandWorld,
) {
  const { flags, values } = readClientOptions(table, { argv, env: world.env })
  const options = values as ReturnType<typeof readClientOptions<typeof clientOptions>>['values']
  const paths = kubeconfigPaths(options.kubeconfig, world.env.KUBECONFIG, homeFolder())
  const kubeconfig = readKubeconfig(paths)
  const name = options.context ?? kubeconfig.currentContext
  const context = name === undefined ? undefined : kubeconfig.context(name)
  if (options.context !== undefined && context === undefined)
    throw configInvalid([
      { from: 'flag --context', message: `there is no context ${name} in ${paths.join(', ')}` },
    ])
  const stanza = context && kubeconfig.exec(context.user)
  const saved = stanza && savedFlags(stanza)
  const env = { ...world.env, ...(saved && stanza?.env) }
  const complain = (what: string) => world.complain(`${world.program}: ${what}\n`)
  const cache = openTokenCache({
    path: cacheFolderPath(world.env, homeFolder()),
    clock: systemClock,
    complain,
  })
  const common = { clock: systemClock, version: world.version }
  const deadlineMs = options.keystoneTimeout
  const attempt = createAttempt({ ...common, deadlineMs })
  const openTerminal = async () => (await import('../exec/terminal-ask.ts')).createAsk(world)

  return {
    flags,
    values,
    paths,
    kubeconfig,
    context,
    /** What the user of the context says by flags, if it is a log-in of ours. */
    saved,
    env,
    cache,
    openTerminal,
    attempt,
    deadlineMs,

    /** As kubectl has them in this context, with our flags before its own. */
    inputs(
      given: Flags = overlay(flags, saved),
      cluster: string | undefined = context?.cluster,
      variables: CommandWorld['env'] = env,
    ): LoginInputs {
      const clusterConfig = cluster === undefined ? undefined : kubeconfig.clusterConfig(cluster)
      return readLoginInputs({ flags: given, env: variables, clusterConfig })
    },

    /** Calls to Keystone with a token; `url` is where its v3 API is found. */
    async ask<T>(
      settings: LoginSettings,
      token: string,
      url: string,
      work: (asked: AskedWith) => Promise<T>,
    ): Promise<T> {
      const opened = await openKeystoneForUser({ ...common, tls: tlsOf(settings) })
      try {
        return await withDeadline(systemClock, options.keystoneTimeout, async (signal) =>
          work({ call: opened.call, token, url: await opened.endpoint(url, signal), signal }),
        )
      } finally {
        await opened.close()
      }
    },

    /**
     * Asks with the kept token of the context's user; where Keystone does not know that one any more (`work` gives
     * undefined), once again with a new one. Throws LOGIN_REFUSED and what `obtainToken` and `work` throw.
     */
    async consult<T>(work: (asked: AskedWith) => Promise<T | undefined>): Promise<T> {
      const inputs = this.inputs()
      const settings = await inputs.settings()
      for (const forceRefresh of [false, true]) {
        const parts = { cache, clock: systemClock, attempt, deadlineMs, openTerminal, forceRefresh }
        const { token, keystoneUrl } = await obtainToken(inputs, parts)
        const found = await this.ask(settings, token, keystoneUrl ?? settings.auth_url?.text ?? '', work)
        if (found !== undefined) return found
      }
      throw new PortcullisError('LOGIN_REFUSED', 'Keystone does not know the token that it has just given')
    },
  }
}
