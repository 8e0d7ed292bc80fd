import { PortcullisError } from '../errors.ts'
import { isRecord, isText } from '../json.ts'

/** What kubectl (client-go) tells the plugin that it runs. */
export interface ExecInfo {
  /** The version of the answer must be that of the question. */
  readonly apiVersion: string
  /** Whether stdin is a terminal that the plugin may read from. */
  readonly interactive: boolean
  /** `spec.cluster.config`: what the kubeconfig says beside the cluster, with provideClusterInfo. */
  readonly clusterConfig: unknown
}

const GROUP = 'client.authentication.k8s.io'
const VERSIONS = [`${GROUP}/v1`, `${GROUP}/v1beta1`]

/**
 * Reads KUBERNETES_EXEC_INFO (client.authentication.k8s.io ExecCredential). Undefined without it, when a person runs the program. Throws
 * CONFIG_INVALID for one that cannot be answered.
 */
export function readExecInfo(text: string | undefined): ExecInfo | undefined {
  if (!text) return undefined
  const info = parse(text)
  if (!isRecord(info) || info.kind !== 'ExecCredential') throw invalid('it holds no ExecCredential')
  if (!isText(info.apiVersion) || !VERSIONS.includes(info.apiVersion))
    throw invalid(
      `its version is none of ${VERSIONS.join(', ')}: set apiVersion in the kubeconfig to one of these`,
    )
  const spec = isRecord(info.spec) ? info.spec : {}
  const cluster = isRecord(spec.cluster) ? spec.cluster : {}
  return {
    apiVersion: info.apiVersion,
    interactive: spec.interactive === true,
    clusterConfig: cluster.config,
  }
}

/** The answer: one line of JSON. */
export function execCredential(info: ExecInfo | undefined, token: { token: string; until?: number }): string {
  const status = {
    ...(token.until !== undefined && {
      expirationTimestamp: `${new Date(token.until).toISOString().slice(0, 19)}Z`,
    }),
    token: token.token,
  }
  return `${JSON.stringify({ apiVersion: info?.apiVersion ?? VERSIONS[0], kind: 'ExecCredential', status })}\n`
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const invalid = (what: string) =>
  new PortcullisError('CONFIG_INVALID', `KUBERNETES_EXEC_INFO cannot be answered: ${what}`)
