import { delimiter, join } from 'node:path'
import { errorText, PortcullisError } from '../errors.ts'
import { type EditableYaml, editYaml } from '../files/yaml.ts'
import { isRecord, isText } from '../json.ts'
import { type KubeconfigFile, readKubeconfigFile, replaceKubeconfigFiles } from './kubeconfig-file.ts'

/** How kubectl runs us (contracts D.1). */
export interface ExecStanza {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface KubeCluster {
  readonly server: string | undefined
  /** PEM. */
  readonly certificateAuthority: string | undefined
}

export interface KubeContext {
  readonly cluster: string
  readonly user: string
  readonly namespace: string | undefined
}

/** What kubectl sees: of entries with one name in several files, the first one. */
export interface Kubeconfig {
  readonly currentContext: string | undefined
  context(name: string): KubeContext | undefined
  readonly clusters: readonly string[]
  /** What the cluster's entry says to exec plugins: `spec.cluster.config` of KUBERNETES_EXEC_INFO (contracts D.1). */
  clusterConfig(name: string): unknown
  /** The exec stanza of a user, if the user has one. */
  exec(user: string): ExecStanza | undefined
}

/** What a log-in writes; the context becomes the current one. */
export interface KubeconfigEntries {
  readonly user: { readonly name: string; readonly exec: ExecStanza }
  readonly context: { readonly name: string } & KubeContext
  readonly cluster?: { readonly name: string } & KubeCluster
}

interface Source {
  readonly file: KubeconfigFile
  readonly document: EditableYaml
}

const EXTENSION = 'client.authentication.k8s.io/exec'

type Kind = 'clusters' | 'contexts' | 'users'

/** The files that kubectl would read: one that is named, those of KUBECONFIG, or ~/.kube/config. */
export function kubeconfigPaths(
  named: string | undefined,
  variable: string | undefined,
  home: string,
): readonly string[] {
  if (named !== undefined) return [named]
  const list = (variable ?? '').split(delimiter).filter((path) => path !== '')
  return list.length > 0 ? [...new Set(list)] : [join(home, '.kube/config')]
}

/** Throws KUBECONFIG_UNUSABLE, with line and column, for a file that is no kubeconfig; one that is missing is empty. */
export function readKubeconfig(paths: readonly string[]): Kubeconfig {
  const documents = paths.map((path) => open(path).document.value)
  const first = (kind: Kind, name: string) =>
    documents.map((value) => entryOf(value, kind, name)).find((entry) => entry !== undefined)
  return {
    currentContext: documents.map((value) => at(value, 'current-context')).find(isText),
    context(name) {
      const context = at(first('contexts', name), 'context')
      const [cluster, user, namespace] = ['cluster', 'user', 'namespace'].map((key) => at(context, key))
      if (!isText(cluster) || !isText(user)) return undefined
      return { cluster, user, namespace: isText(namespace) ? namespace : undefined }
    },
    clusters: [
      ...new Set(documents.flatMap((value) => listOf(value, 'clusters').map((entry) => at(entry, 'name')))),
    ].filter(isText),
    clusterConfig(name) {
      const extensions = at(at(first('clusters', name), 'cluster'), 'extensions')
      const found = (Array.isArray(extensions) ? extensions : []).find(
        (entry) => at(entry, 'name') === EXTENSION,
      )
      return at(found, 'extension')
    },
    exec: (user) => stanzaOf(at(at(first('users', user), 'user'), 'exec')),
  }
}

/**
 * Writes user, context and, if given, cluster: each into the file that has one of that name, else into the first
 * file that exists, as `kubectl config` does. Nothing is written unless all the files can be used, nor over a user
 * with credentials of another kind. Gives the paths of the files that changed; throws KUBECONFIG_UNUSABLE.
 */
export function writeKubeconfig(paths: readonly string[], entries: KubeconfigEntries): readonly string[] {
  return replaceKubeconfigFiles(paths, () => {
    const sources = paths.map(open)
    const { user, context, cluster } = entries
    const { name, ...place } = context
    try {
      const touched = [
        put(sources, 'users', user.name, { exec: execOf(user.exec) }),
        put(sources, 'contexts', name, place),
        ...(cluster === undefined ? [] : [put(sources, 'clusters', cluster.name, clusterOf(cluster))]),
        makeCurrent(sources, name),
      ]
      return [...new Set(touched)].map(({ file, document }) => ({ file, text: document.text() }))
    } catch (error) {
      if (error instanceof PortcullisError) throw error
      // anchors and aliases of YAML in what is changed
      throw unusable(paths.join(', '), errorText(error))
    }
  })
}

function open(path: string): Source {
  const file = readKubeconfigFile(path)
  let document: EditableYaml
  try {
    document = editYaml(file.text ?? 'apiVersion: v1\nkind: Config\n')
  } catch (error) {
    throw unusable(path, errorText(error))
  }
  const { value } = document
  if (value === null) document.set([], { apiVersion: 'v1', kind: 'Config' })
  else if (!isRecord(value) || (value.kind ?? 'Config') !== 'Config')
    throw unusable(path, 'it is no kubeconfig')
  else
    for (const kind of ['clusters', 'contexts', 'users'])
      if (!Array.isArray(value[kind] ?? [])) throw unusable(path, `${kind} is no list`)
  return { file, document }
}

const defaultSource = (sources: readonly Source[]) =>
  (sources.find(({ file }) => file.text !== undefined) ?? sources.at(-1)) as Source

const INNER = { clusters: 'cluster', contexts: 'context', users: 'user' } as const

/** Sets these keys of the entry and leaves its others as they are; gives the file that it is in. */
function put(sources: readonly Source[], kind: Kind, name: string, content: object): Source {
  const source =
    sources.find(({ document }) => entryOf(document.value, kind, name) !== undefined) ??
    defaultSource(sources)
  const { file, document } = source
  const list = listOf(document.value, kind)
  const index = list.findIndex((entry) => at(entry, 'name') === name)
  const old = at(list[index], INNER[kind])
  const given = Object.entries(content).filter(([, value]) => value !== undefined)
  const entry = { name, [INNER[kind]]: Object.fromEntries(given) }
  if (kind === 'users' && isRecord(old) && Object.keys(old).some((key) => key !== 'exec'))
    throw unusable(file.path, `user ${name} has other credentials already: choose another name (--name)`)
  if (list.length === 0) document.set([kind], [entry])
  else if (index < 0) document.set([kind, list.length], entry)
  else if (!isRecord(old)) document.set([kind, index], entry)
  else for (const [key, value] of given) document.set([kind, index, INNER[kind], key], value)
  return source
}

/** The first file that says which context is current decides. */
function makeCurrent(sources: readonly Source[], name: string): Source {
  const decides = sources.find(({ document }) => isText(at(document.value, 'current-context')))
  const source = decides ?? defaultSource(sources)
  source.document.set(['current-context'], name)
  return source
}

function execOf({ command, args, env }: ExecStanza): object {
  const variables = Object.entries(env).map(([name, value]) => ({ name, value }))
  return {
    apiVersion: 'client.authentication.k8s.io/v1',
    command,
    args,
    ...(variables.length > 0 && { env: variables }),
    interactiveMode: 'IfAvailable',
    provideClusterInfo: true,
  }
}

function clusterOf({ server, certificateAuthority: ca }: KubeCluster): object {
  return {
    ...(server !== undefined && { server }),
    ...(ca !== undefined && { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
  }
}

function stanzaOf(exec: unknown): ExecStanza | undefined {
  const [command, args, env] = ['command', 'args', 'env'].map((key) => at(exec, key))
  if (!isText(command)) return undefined
  const variables = (Array.isArray(env) ? env : []).map((item) => [at(item, 'name'), at(item, 'value')])
  return {
    command,
    args: (Array.isArray(args) ? args : []).map(String),
    env: Object.fromEntries(variables.filter(([name, value]) => isText(name) && typeof value === 'string')),
  }
}

function entryOf(value: unknown, kind: Kind, name: string): unknown {
  return listOf(value, kind).find((entry) => at(entry, 'name') === name)
}

function listOf(value: unknown, kind: Kind): readonly unknown[] {
  const list = at(value, kind)
  return Array.isArray(list) ? list : []
}

const at = (value: unknown, key: string): unknown => (isRecord(value) ? value[key] : undefined)

const unusable = (path: string, reason: string) =>
  new PortcullisError('KUBECONFIG_UNUSABLE', `${path}: ${reason}`)
