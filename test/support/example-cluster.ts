import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { containerProgram, exampleDocuments, exampleText } from './examples.ts'
import type { ApiserverSettings } from './kube-apiserver.ts'
import { testPort } from './ports.ts'
import { type Program, startProgram } from './program.ts'
import { ROOT } from './source-files.ts'
import { temporaryFolder } from './temporary-folder.ts'

type Cleaner = Parameters<typeof startProgram>[0]

const PORTS = { webhooks: testPort(16543), admin: testPort(16581), kmsAdmin: testPort(16582) }

/** A control-plane host that is set up as examples/README.md says, below a folder of its own. */
export interface ExampleCluster {
  /** What stands for /etc/kubernetes/portcullis. */
  readonly folder: string
  readonly adminUrl: string
  readonly kmsAdminUrl: string
  /** The text of an example with what differs here: folders, ports, Keystone, how long kube-apiserver remembers. */
  readonly fill: (text: string) => string
  /** The flags of kubeadm.yaml, for kube-apiserver. */
  readonly settings: ApiserverSettings
  /** Starts what the static pods start; resolves when it serves. */
  startWebhooks(): Promise<Program>
  startKms(): Promise<Program>
}

export async function exampleCluster(
  t: Cleaner,
  options: {
    readonly keystoneUrl: string
    /** The files of policies/, by name. */
    readonly policies: Readonly<Record<string, string>>
    /** The cloud portcullis-kms of clouds.yaml. */
    readonly cloud: Readonly<Record<string, unknown>>
  },
): Promise<ExampleCluster> {
  const folder = temporaryFolder(t)
  const fill = (text: string) =>
    text
      .replaceAll('/etc/kubernetes/portcullis', folder)
      .replaceAll('/run/portcullis', join(folder, 'run'))
      .replaceAll('https://keystone.example.org/v3', options.keystoneUrl)
      .replaceAll('127.0.0.1:8443', `127.0.0.1:${PORTS.webhooks}`)
      .replaceAll('127.0.0.1:8081', `127.0.0.1:${PORTS.admin}`)
      .replaceAll('127.0.0.1:8082', `127.0.0.1:${PORTS.kmsAdmin}`)
      .replace(/authorizedTTL: \d+s/gi, (found) => found.replace(/\d+s/, '1s'))
  execFileSync('sh', [join(ROOT, 'examples/make-certificates.sh'), folder])
  mkdirSync(join(folder, 'run'), { mode: 0o700 })
  mkdirSync(join(folder, 'policies'))
  for (const [name, text] of Object.entries(options.policies))
    writeFileSync(join(folder, 'policies', name), text)
  for (const name of [
    'webhook.kubeconfig',
    'authorization-configuration.yaml',
    'encryption-configuration.yaml',
  ])
    writeFileSync(join(folder, name), fill(exampleText(name)))
  writeFileSync(
    join(folder, 'clouds.yaml'),
    JSON.stringify({ clouds: { 'portcullis-kms': options.cloud } }),
    {
      mode: 0o600,
    },
  )
  const startPod = async (path: string, env: Readonly<Record<string, string>>, ready: string) => {
    const pod = containerProgram(exampleDocuments(`static-pods/${path}`, fill)[0])
    const program = startProgram(t, pod.name, pod.argv, { ...pod.env, ...env })
    await program.logged(ready)
    return program
  }
  return {
    folder,
    adminUrl: `http://127.0.0.1:${PORTS.admin}`,
    kmsAdminUrl: `http://127.0.0.1:${PORTS.kmsAdmin}`,
    fill,
    settings: settingsOf(exampleDocuments('kubeadm.yaml', fill)[0].apiServer.extraArgs),
    startWebhooks: () => startPod('portcullis.yaml', { PORTCULLIS_SHUTDOWN_DELAY: '0' }, 'Serving'),
    startKms: () => startPod('portcullis-kms.yaml', { PORTCULLIS_REFRESH_INTERVAL: '1s' }, 'Listening'),
  }
}

function settingsOf(args: readonly { name: string; value: string }[]): ApiserverSettings {
  const flags = new Map(args.map(({ name, value }) => [name, value]))
  const take = (name: string): string => {
    const value = flags.get(name)
    if (value === undefined) throw new Error(`kubeadm.yaml lacks ${name}`)
    flags.delete(name)
    return value
  }
  return {
    tokenWebhook: take('authentication-token-webhook-config-file'),
    tokenWebhookVersion: take('authentication-token-webhook-version') as 'v1',
    authzConfig: take('authorization-config'),
    encryptionConfig: take('encryption-provider-config'),
    flags: [...flags].map(([name, value]) => `--${name}=${value}`),
  }
}
