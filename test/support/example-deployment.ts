import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { containerProgram, exampleDocuments, exampleText } from './examples.ts'
import type { TestUser } from './keystone-admin.ts'
import type { KubeApiserver } from './kube-apiserver.ts'
import type { startProgram } from './program.ts'
import { ROOT } from './source-files.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** What the pods of examples/deployment/ find: files in a folder of their own, arguments and environment. */
export interface ExampleDeployment {
  /** Certificates and clouds.yaml. */
  readonly folder: string
  readonly name: string
  readonly argv: readonly string[]
  /** Quicker than in the manifest; `PORTCULLIS_KUBECONFIG` is still to be added. */
  readonly env: Readonly<Record<string, string>>
  /** The kubeconfig with which kube-apiserver asks it, if it has a port of its own. */
  readonly tokenWebhook: string
}

/** Makes the files; `service` reads Keystone's lists. Without a port it gets a free one. */
export function exampleDeployment(
  t: Parameters<typeof startProgram>[0],
  options: { keystoneUrl: string; service: TestUser; port?: string },
): ExampleDeployment {
  const folder = temporaryFolder(t)
  const { keystoneUrl, service, port = '0' } = options
  execFileSync('sh', [join(ROOT, 'examples/make-certificates.sh'), folder])
  const auth = { auth_url: keystoneUrl, user_id: service.id, password: service.password, system_scope: 'all' }
  writeFileSync(join(folder, 'clouds.yaml'), JSON.stringify({ clouds: { portcullis: { auth } } }))
  const fill = (text: string) =>
    text
      .replaceAll('/etc/portcullis/tls', folder)
      .replaceAll('/etc/portcullis/openstack', folder)
      .replaceAll('https://keystone.example.org/v3', keystoneUrl)
      .replaceAll('=:8443', `=127.0.0.1:${port}`)
      .replaceAll('=:8081', '=127.0.0.1:0')
      .replace('--shutdown-delay=10s', '--shutdown-delay=0')
  const manifest = exampleDocuments('deployment/portcullis.yaml', fill).find(
    ({ kind }) => kind === 'Deployment',
  )
  const { name, argv, env } = containerProgram(manifest)
  const tokenWebhook = join(folder, 'webhook.kubeconfig')
  writeFileSync(
    tokenWebhook,
    exampleText('webhook.kubeconfig')
      .replace('127.0.0.1:8443', `127.0.0.1:${port}`)
      .replaceAll('/etc/kubernetes/portcullis', folder),
  )
  const quicker = { PORTCULLIS_LEASE_DURATION: '2s', PORTCULLIS_MAX_REMOVALS: '100' }
  return { folder, name, argv, env: { ...env, ...quicker }, tokenWebhook }
}

/** The Deployment's rights and configuration, kept to the projects of one domain: a test's Keystone has others too. */
export function exampleObjects(domain: string): ReturnType<typeof exampleDocuments> {
  const configuration = exampleDocuments('deployment/configuration.yaml')
  const sync = configuration.find(({ metadata }) => metadata.name === 'portcullis-sync')
  sync.data.syncConfig += `projects-allowlist: [{domain: ${domain}}]\n`
  return [...exampleDocuments('deployment/rbac.yaml'), ...configuration]
}

/** A kubeconfig with a token of the service account that examples/deployment/rbac.yaml makes; gives its path. */
export async function accountKubeconfig(
  apiserver: KubeApiserver,
  folder: string,
  account = 'portcullis',
): Promise<string> {
  const made = await apiserver.kubectl(['create', 'token', account, '-n', 'kube-system'])
  if (made.code !== 0) throw new Error(made.stderr)
  const path = join(folder, `${new URL(apiserver.url).port}.kubeconfig`)
  const cluster = {
    server: apiserver.url,
    'certificate-authority-data': Buffer.from(apiserver.ca).toString('base64'),
  }
  writeFileSync(
    path,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: { token: made.stdout.trim() } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  )
  return path
}
