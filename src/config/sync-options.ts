import { choiceOption, fileOption, type OptionValues, textOption } from './option.ts'
import { reconcileOptions } from './reconcile-options.ts'
import { serveOptions } from './serve-options.ts'

const serve = serveOptions('portcullis')

/** Flags of `portcullis sync plan` and `sync run`. */
export const syncOptions = {
  'keystone-url': serve['keystone-url'],
  'keystone-ca-file': serve['keystone-ca-file'],
  kubeconfig: fileOption('How to reach the Kubernetes API; default: as a pod of the cluster.', {
    env: ['KEYSTONE_KUBECONFIG_FILE'],
  }),
  identity: serve.identity,
  'namespace-format': serve['namespace-format'],
  'sync-config-file': serve['sync-config-file'],
  'sync-configmap-name': textOption('ConfigMap in kube-system with the key syncConfig.', {
    env: ['KEYSTONE_SYNC_CONFIGMAP_NAME'],
  }),
  ...reconcileOptions,
  output: choiceOption('How the difference is printed.', ['text', 'json'], 'text'),
}

export type SyncConfig = OptionValues<typeof syncOptions>
