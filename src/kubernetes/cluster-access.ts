import { join } from 'node:path'
import { PortcullisError } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'

/** How to reach one Kubernetes API; certificates and keys are PEM. */
export interface ClusterAccess {
  /** Without a slash at its end; may have a path. */
  readonly server: string
  readonly ca: string | undefined
  readonly serverName: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly token: string | undefined
}

/** Reads the files anew at each call: tokens and certificates are replaced while we run. Throws KUBECONFIG_INVALID or FILE_UNREADABLE. */
export type ReadClusterAccess = () => ClusterAccess

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * The access that a pod has by its service account ("Accessing the Kubernetes API from a Pod"): address from the
 * environment, authority and token from files that kubelet keeps fresh.
 */
export function podAccess(
  env: Readonly<Record<string, string | undefined>>,
  folder = SERVICE_ACCOUNT,
): ReadClusterAccess {
  return () => {
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env
    if (!host || !port)
      throw new PortcullisError('KUBECONFIG_INVALID', 'this is no pod of a cluster: give --kubeconfig')
    return {
      server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      ca: readConfigFile(join(folder, 'ca.crt')),
      token: readConfigFile(join(folder, 'token')).trim(),
      serverName: undefined,
      cert: undefined,
      key: undefined,
    }
  }
}
