import { dirname, resolve } from 'node:path'
import { errorText, PortcullisError } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'
import { readYaml } from '../files/yaml.ts'
import { isRecord, isText } from '../json.ts'
import type { ClusterAccess, ReadClusterAccess } from './cluster-access.ts'

type Fields = Readonly<Record<string, unknown>>

/** What would change who we are or whom we trust, and is not done: naming it is a fault, never ignored. */
const REFUSED = {
  cluster: ['insecure-skip-tls-verify', 'proxy-url'],
  user: ['exec', 'auth-provider', 'username', 'password', 'as', 'as-uid', 'as-groups', 'as-user-extra'],
}

/**
 * The access of a kubeconfig's current context (client-go, `clientcmd/api/v1`): client certificate, token or token
 * file; paths count from the kubeconfig's folder, data beats a path.
 */
export function kubeconfigAccess(path: string): ReadClusterAccess {
  return () => {
    const text = readConfigFile(path)
    try {
      return readAccess(readYaml(text), dirname(path))
    } catch (error) {
      if (error instanceof PortcullisError) throw error
      throw new PortcullisError('KUBECONFIG_INVALID', `${path}: ${errorText(error)}`)
    }
  }
}

function readAccess(file: unknown, folder: string): ClusterAccess {
  if (!isRecord(file)) throw new Error('expected keys and values')
  const context = entry(file, 'contexts', 'context', file['current-context'])
  const cluster = entry(file, 'clusters', 'cluster', context.cluster)
  const user = entry(file, 'users', 'user', context.user)
  refuse(cluster, REFUSED.cluster)
  refuse(user, REFUSED.user)
  const access = {
    server: readServer(cluster.server),
    ca: readMaterial(cluster, 'certificate-authority', folder),
    serverName: text(cluster, 'tls-server-name'),
    cert: readMaterial(user, 'client-certificate', folder),
    key: readMaterial(user, 'client-key', folder),
    token: readToken(user, folder),
  }
  if ((access.cert === undefined) !== (access.key === undefined))
    throw new Error('client-certificate and client-key belong together')
  if (access.server.startsWith('http:') && (access.cert ?? access.token) !== undefined)
    throw new Error('credentials are not sent over plain http')
  return access
}

/** The entry of a list of names and values; the lists are kept by name in this format. */
function entry(file: Fields, list: string, field: string, name: unknown): Fields {
  const entries = Array.isArray(file[list]) ? file[list] : []
  const found = entries.find((candidate) => isRecord(candidate) && candidate.name === name)
  if (!isText(name) || !isRecord(found))
    throw new Error(`${list}: the current context needs one that is there`)
  return isRecord(found[field]) ? found[field] : {}
}

function refuse(fields: Fields, names: readonly string[]): void {
  const named = names.find((name) => fields[name] !== undefined && fields[name] !== false)
  if (named !== undefined) throw new Error(`${named} is not supported`)
}

function readServer(value: unknown): string {
  if (!isText(value) || !URL.canParse(value) || !/^https?:/.test(value))
    throw new Error('server: expected an https URL')
  return value.replace(/\/+$/, '')
}

function text(fields: Fields, name: string): string | undefined {
  const value = fields[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw new Error(`${name}: expected a text`)
  return value
}

function readMaterial(fields: Fields, name: string, folder: string): string | undefined {
  const data = text(fields, `${name}-data`)
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8')
  const path = text(fields, name)
  return path === undefined ? undefined : readConfigFile(resolve(folder, path))
}

function readToken(user: Fields, folder: string): string | undefined {
  const file = text(user, 'tokenFile')
  return file === undefined ? text(user, 'token') : readConfigFile(resolve(folder, file)).trim()
}
