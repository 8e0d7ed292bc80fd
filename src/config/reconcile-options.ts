import { durationOption, integerOption, type OptionValues, switchOption, textOption } from './option.ts'

/** What the reconciler may do; alike for `portcullis serve`, `sync plan` and `sync run`. */
export const reconcileOptions = {
  'sync-template-dir': textOption(
    'Directory of YAML files: what every namespace of a project gets (labels, quotas, limits, network policies, roles).',
    { value: 'DIR' },
  ),
  'sync-template-configmap-name': textOption('The same as a ConfigMap in kube-system, a file a key.'),
  adopt: switchOption('Take over namespaces and role bindings that k8s-keystone-auth made.'),
  'prune-namespaces': switchOption('Delete namespaces of deleted projects after --prune-grace.'),
  'prune-grace': durationOption('How long the namespace of a deleted project stays.', {
    max: '8760h',
    fallback: '168h',
  }),
  'max-removals': integerOption(
    'Percentage of owned objects that one run may remove or mark; beyond it nothing is changed.',
    { min: 0, max: 100, fallback: 25 },
  ),
}

export type ReconcileConfig = OptionValues<typeof reconcileOptions>
