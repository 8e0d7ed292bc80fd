import type { loginCommandOptions } from '../config/client-options.ts'
import { urlOption } from '../config/option.ts'
import { configInvalid } from '../config/read-options.ts'
import type { KubeCluster } from '../exec/kubeconfig.ts'
import { createPrompt } from '../exec/prompt.ts'
import { readConfigFile } from '../files/watched-file.ts'
import type { ClientSession } from './client-session.ts'
import type { CommandWorld } from './world.ts'

export interface ChosenCluster {
  readonly name: string
  /** What is to be written about it, if anything. */
  readonly entry?: KubeCluster
}

/**
 * The cluster to log in to: the one that is named or described by flags, that of the context, the only one of the
 * kubeconfig, or what somebody at the terminal says. Throws CONFIG_INVALID when it is none of these.
 */
export async function chooseCluster(
  session: ClientSession<typeof loginCommandOptions>,
  world: CommandWorld,
): Promise<ChosenCluster> {
  const { values, kubeconfig, context } = session
  const certificateAuthority = values.certificateAuthority && readAuthorities(values.certificateAuthority)
  const described = (server: string | undefined) => ({ server, certificateAuthority })
  if (values.server !== undefined)
    return { name: values.cluster ?? new URL(values.server).host, entry: described(values.server) }
  const only = kubeconfig.clusters.length === 1 ? kubeconfig.clusters[0] : undefined
  const name = values.cluster ?? context?.cluster ?? only
  if (name !== undefined && kubeconfig.clusters.includes(name))
    return { name, ...(certificateAuthority !== undefined && { entry: described(undefined) }) }
  const prompt = values.cluster === undefined ? createPrompt(world) : undefined
  if (prompt === undefined) throw noCluster(values.cluster, kubeconfig.clusters)
  const server = urlOption('').parse(await prompt('URL of the Kubernetes API server')) as string
  return { name: new URL(server).host, entry: described(server) }
}

function readAuthorities(path: string): string {
  const text = readConfigFile(path)
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw configInvalid([
    { from: 'flag --certificate-authority', message: `${path} holds no certificate in PEM` },
  ])
}

function noCluster(named: string | undefined, known: readonly string[]) {
  const list = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`
  return configInvalid([
    named === undefined
      ? { from: 'flag --cluster', message: `expected a cluster of the kubeconfig (${list}), or --server` }
      : {
          from: 'flag --cluster',
          message: `${named} is not in the kubeconfig (${list}); --server describes it`,
        },
  ])
}
