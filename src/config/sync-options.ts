import { choiceOption, type OptionValues } from './option.ts'
import { reconcileOptions } from './reconcile-options.ts'
import { serveOptions } from './serve-options.ts'

const serve = serveOptions('portcullis')

/** Flags of `portcullis sync plan` and `sync run`. */
export const syncOptions = {
  'keystone-url': serve['keystone-url'],
  'keystone-ca-file': serve['keystone-ca-file'],
  kubeconfig: serve.kubeconfig,
  identity: serve.identity,
  'namespace-format': serve['namespace-format'],
  'sync-config-file': serve['sync-config-file'],
  'sync-configmap-name': serve['sync-configmap-name'],
  ...reconcileOptions,
  output: choiceOption('How the difference is printed.', ['text', 'json'], 'text'),
}

export type SyncConfig = OptionValues<typeof syncOptions>
