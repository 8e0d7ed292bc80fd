import type { Clock } from '../clock.ts'
import { errorText, PortcullisError } from '../errors.ts'
import { withDeadline } from '../http/deadline.ts'
import type { InventoryReader, KeystoneInventory } from '../keystone/inventory.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { type KubernetesObject, NAMESPACES, type Resource, ROLE_BINDINGS } from '../kubernetes/object.ts'
import { runInSlices } from '../steps.ts'
import type { ClusterState } from './cluster-state.ts'
import { difference, type ReconcileRules } from './difference.ts'
import type { Plan } from './plan.ts'
import { type Execution, execute } from './plan-execution.ts'
import { EMPTY_TEMPLATE, TEMPLATE_KINDS, type Template } from './template.ts'
import type { TemplateSource } from './template-source.ts'

export interface Reconciler {
  /** Compares; changes nothing. Throws when either side cannot be read whole. */
  plan(): Promise<Comparison>
  /** Makes it true, unless the comparison was refused: then throws that. */
  apply(comparison: Comparison, signal: AbortSignal): Promise<Execution>
}

export interface Comparison {
  readonly plan: Plan
  readonly projects: number
  /** Why the plan must not be carried out. */
  readonly refused: PortcullisError | undefined
  /** What is wrong with the template; the one before, or none, was used. */
  readonly templateFault: string | undefined
}

/** For the three lists, which Keystone works on for seconds where there are thousands of projects. */
const KEYSTONE_DEADLINE_MS = 120_000
/** So many removals are never suspicious. */
const ALWAYS_ALLOWED = 10

export function createReconciler(parts: {
  client: KubernetesClient
  inventory: InventoryReader
  /** As they are now. */
  rules: () => Omit<ReconcileRules, 'template'>
  /** Undefined where there is none: then no object of a template's kind is looked at. */
  template: TemplateSource | undefined
  /** How many of a hundred owned objects one run may remove. */
  maxRemovals: number
  clock: Clock
}): Reconciler {
  const { client, inventory, clock } = parts
  let lastTemplate: Template | undefined

  async function readTemplate() {
    if (parts.template === undefined) return { template: EMPTY_TEMPLATE, usable: true, fault: undefined }
    try {
      lastTemplate = await parts.template()
      return { template: lastTemplate, usable: true, fault: undefined }
    } catch (error) {
      const usable = lastTemplate !== undefined
      return { template: lastTemplate ?? EMPTY_TEMPLATE, usable, fault: errorText(error) }
    }
  }

  async function list(resource: Resource): Promise<readonly KubernetesObject[]> {
    const found = await client.list(resource)
    if (typeof found !== 'string') return found.items
    throw new PortcullisError(
      'KUBERNETES_REFUSED_US',
      `the Kubernetes API refuses to list ${resource.plural} (${found}): check the RBAC of Portcullis`,
    )
  }

  async function readState(templated: boolean): Promise<ClusterState> {
    const kinds = templated ? TEMPLATE_KINDS : []
    const [namespaces, bindings, ...others] = await Promise.all([
      list(NAMESPACES),
      list(ROLE_BINDINGS),
      ...kinds.map(({ resource }) => list(resource)),
    ])
    return {
      namespaces,
      bindings,
      templated: new Map(kinds.map((kind, index) => [kind, others[index] ?? []])),
    }
  }

  /** Before a namespace is marked or deleted, Keystone is asked for that very project: a list can be short for other reasons. */
  async function confirmVanished({ vanished }: Plan): Promise<void> {
    for (const project of new Set(vanished))
      if (await withDeadline(clock, KEYSTONE_DEADLINE_MS, (signal) => inventory.knows(project, signal)))
        throw new PortcullisError(
          'KEYSTONE_BAD_ANSWER',
          'Keystone’s list of projects lacks one that Keystone knows: nothing is changed',
        )
  }

  return {
    async plan() {
      const rules = parts.rules()
      const { template, usable, fault } = await readTemplate()
      // the cluster first: what it has and Keystone, looked at later, does not justify is surely out of date
      const state = await readState(parts.template !== undefined && usable)
      const found: KeystoneInventory = await withDeadline(clock, KEYSTONE_DEADLINE_MS, inventory.read)
      // a namespace without its network policies would stand open
      const all = { ...rules, template, namespaces: rules.namespaces && usable }
      const plan = await runInSlices(difference(all, found, state, clock.now()), clock)
      const refused = tooMany(plan, parts.maxRemovals)
      if (refused === undefined) await confirmVanished(plan)
      return { plan, projects: found.projects.length, refused, templateFault: fault }
    },
    async apply({ plan, refused }, signal) {
      if (refused !== undefined) throw refused
      return execute(plan, client, signal)
    },
  }
}

/** A Keystone that shows us half of what it has looks like a Keystone where half was deleted. */
function tooMany({ removals, owned }: Plan, percent: number): PortcullisError | undefined {
  if (removals <= Math.max(ALWAYS_ALLOWED, (owned * percent) / 100)) return undefined
  return new PortcullisError(
    'SYNC_TOO_MANY_REMOVALS',
    `${removals} of ${owned} owned objects would be removed or marked, more than ${percent} %: nothing is changed. ` +
      'Look at it with `portcullis sync plan`; if it is right, run `portcullis sync run --max-removals 100`',
  )
}
