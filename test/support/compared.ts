import type { KeystoneInventory } from '../../src/keystone/inventory.ts'
import type { KubernetesObject } from '../../src/kubernetes/object.ts'
import { runAtOnce } from '../../src/steps.ts'
import { difference, type ReconcileRules } from '../../src/sync/difference.ts'
import type { Plan, Step } from '../../src/sync/plan.ts'
import { EMPTY_TEMPLATE, TEMPLATE_KINDS, type TemplateKind } from '../../src/sync/template.ts'
import { EVERYTHING } from './reconcile-rules.ts'
import { INVENTORY, usernameOf } from './two-domains.ts'

export const NOW = Date.parse('2026-06-01T12:00:00Z')
export const [QUOTA, POLICY] = [TEMPLATE_KINDS[0], TEMPLATE_KINDS[2]] as [TemplateKind, TemplateKind]

interface Found {
  readonly namespaces?: readonly KubernetesObject[]
  readonly bindings?: readonly KubernetesObject[]
  /** Where there is a template: its quotas and network policies. */
  readonly quotas?: readonly KubernetesObject[]
  readonly policies?: readonly KubernetesObject[]
}

/** The plan for a cluster with these objects; everything is kept in step with the two domains unless told otherwise. */
export function compared(
  { namespaces = [], bindings = [], quotas, policies = [] }: Found,
  rules: Partial<ReconcileRules> = {},
  inventory: KeystoneInventory = INVENTORY,
): Plan {
  const kinds: [TemplateKind, readonly KubernetesObject[]][] = [
    [QUOTA, quotas ?? []],
    [POLICY, policies],
  ]
  const templated = new Map(quotas === undefined ? [] : kinds)
  const all: ReconcileRules = { ...EVERYTHING, template: EMPTY_TEMPLATE, usernameOf, ...rules }
  return runAtOnce(difference(all, inventory, { namespaces, bindings, templated }, NOW))
}

/** `delete rolebindings web/x: revoked` for each step of each stage. */
export const lines = ({ stages }: Plan): readonly (readonly string[])[] =>
  stages.map((stage) => stage.map(lineOf).sort())

const lineOf = ({ action, resource, namespace, name, reason }: Step) =>
  `${action} ${resource.plural} ${namespace === undefined ? '' : `${namespace}/`}${name}: ${reason}`
