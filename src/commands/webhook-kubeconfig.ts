import { systemClock } from '../clock.ts'
import { helpText } from '../config/help.ts'
import { fileOption, type Option, textOption, urlOption } from '../config/option.ts'
import { readOptions } from '../config/read-options.ts'
import { serveOptions } from '../config/serve-options.ts'
import { readConfigFile } from '../files/watched-file.ts'
import { writeYaml } from '../files/yaml.ts'
import { ensureOwnCertificate } from '../server/own-certificate.ts'
import type { Command } from './world.ts'

export const WEBHOOK_KUBECONFIG_OPTIONS = {
  server: {
    ...urlOption('URL of the webhook as kube-apiserver reaches it.'),
    fallback: 'https://127.0.0.1:8443/webhook',
  } as Option<string>,
  'ca-file': fileOption(
    'Authority of the serving certificate, PEM; default: the one that the server made for itself.',
  ),
  'state-dir': serveOptions('portcullis')['state-dir'],
  'client-certificate': fileOption('Path, as kube-apiserver sees it, of its certificate towards us.'),
  'client-key': fileOption('Path, as kube-apiserver sees it, of the key of that certificate.'),
  name: {
    ...textOption('Name of cluster, user and context in the file.'),
    fallback: 'portcullis',
  } as Option<string>,
}

/** `portcullis webhook-kubeconfig`: the file for --authentication-token-webhook-config-file and its like. */
export const webhookKubeconfig: Command = async (argv, world) => {
  if (argv.includes('--help') || argv.includes('-h')) {
    world.print(
      helpText(
        'portcullis webhook-kubeconfig [flags]',
        'Prints the kubeconfig that kube-apiserver needs.',
        WEBHOOK_KUBECONFIG_OPTIONS,
      ),
    )
    return 0
  }
  const { values } = readOptions(WEBHOOK_KUBECONFIG_OPTIONS, { argv, env: world.env })
  const host = new URL(values.server).hostname.replace(/^\[|\]$/g, '')
  const caFile =
    values.caFile ??
    (await ensureOwnCertificate({ stateDir: values.stateDir, names: [host], now: systemClock.now() })).caFile
  const { name } = values
  const certificate = {
    ...(values.clientCertificate && { 'client-certificate': values.clientCertificate }),
    ...(values.clientKey && { 'client-key': values.clientKey }),
  }
  world.print(
    writeYaml({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name,
          cluster: {
            server: values.server,
            'certificate-authority-data': Buffer.from(readConfigFile(caFile)).toString('base64'),
          },
        },
      ],
      users: [{ name, user: certificate }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    }),
  )
  return 0
}
