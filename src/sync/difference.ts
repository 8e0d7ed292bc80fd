import type { KeystoneInventory, KeystoneProject } from '../keystone/inventory.ts'
import { type KubernetesObject, NAMESPACES } from '../kubernetes/object.ts'
import type { Steps } from '../steps.ts'
import { bindingSteps } from './binding-steps.ts'
import { byNamespace, type ClusterState } from './cluster-state.ts'
import { keptNamespace, markedNamespace, markedSince, newNamespace, stateOf } from './namespace-steps.ts'
import { isOwned, isUnclaimed, PROJECT_ID } from './ownership.ts'
import type { Obstacle, Plan, Reason, Step } from './plan.ts'
import type { RoleTable } from './role-table.ts'
import { EMPTY_TEMPLATE, type Template } from './template.ts'
import { templateSteps } from './template-steps.ts'
import { type UsernameOf, type WantedBinding, wantedBindings } from './wanted-bindings.ts'

/** What should be, as the operator says it. */
export interface ReconcileRules {
  /** Whether namespaces are made for projects. */
  readonly namespaces: boolean
  /** Whether role bindings are made for role assignments. */
  readonly bindings: boolean
  readonly inScope: (project: KeystoneProject) => boolean
  /** Undefined for a project that has none. */
  readonly namespaceOf: (project: KeystoneProject) => string | undefined
  readonly roles: RoleTable
  readonly usernameOf: UsernameOf
  /** Spelt as the API server spells it. */
  readonly template: Template
  /** Take over what k8s-keystone-auth made. */
  readonly adopt: boolean
  /** How long the namespace of a deleted project stays (milliseconds); undefined: for ever. */
  readonly pruneAfterMs: number | undefined
}

const NO_BINDINGS: ReadonlyMap<string, WantedBinding> = new Map()

/**
 * Compares the cluster, which was looked at first, with Keystone, which was looked at afterwards: what the cluster has and
 * Keystone does not justify is then surely out of date. A pure function, namespace by namespace.
 */
export function* difference(
  rules: ReconcileRules,
  inventory: KeystoneInventory,
  state: ClusterState,
  now: number,
): Steps<Plan> {
  const projects = new Map(inventory.projects.map((project) => [project.id, project]))
  const byName = new Map<string | undefined, KeystoneProject>(
    inventory.projects.map((project) => [rules.namespaceOf(project), project]),
  )
  const wanted = wantedBindings(inventory.assignments, rules)
  const bindings = byNamespace(state.bindings)
  const templated = [...state.templated].map(([kind, objects]) => [kind, byNamespace(objects)] as const)
  const wantedOf = (project: KeystoneProject) =>
    rules.bindings && project.enabled ? wanted(project) : NO_BINDINGS
  const [removals, namespaces, others, prunes]: [Step[], Step[], Step[], Step[]] = [[], [], [], []]
  const obstacles: Obstacle[] = []
  const vanished: string[] = []
  const served = new Set<string>()

  function compareBindings(
    namespace: string,
    project: KeystoneProject | undefined,
    options: { adopt: boolean; complete: boolean; surplus: Reason },
  ): void {
    // who does not want bindings to be kept in step loses none either
    if (!rules.bindings) return
    const should = project === undefined ? NO_BINDINGS : wantedOf(project)
    const found = bindingSteps(namespace, options, should, bindings(namespace))
    removals.push(...found.deletions)
    others.push(...found.others)
    obstacles.push(...found.obstacles)
  }

  function compareTemplate(namespace: string): void {
    for (const [kind, objects] of templated) {
      const items = rules.template.objects.filter((item) => item.kind === kind)
      const found = templateSteps(namespace, kind, items, objects(namespace))
      for (const step of found.steps) (step.action === 'delete' ? removals : others).push(step)
      obstacles.push(...found.obstacles)
    }
  }

  function keep(object: KubernetesObject, project: KeystoneProject, adopted: boolean): void {
    const { name } = object.metadata
    served.add(project.id)
    const complete = rules.inScope(project)
    const step = keptNamespace(object, project, complete ? rules.template : EMPTY_TEMPLATE, adopted)
    if (step !== undefined) namespaces.push(step)
    compareBindings(name, project, { adopt: rules.adopt, complete, surplus: 'revoked' })
    if (complete) compareTemplate(name)
  }

  function mark(object: KubernetesObject, projectId: string, known: KeystoneProject | undefined): void {
    const { name, uid } = object.metadata
    const state = known === undefined ? 'deleted' : 'disabled'
    if (state === 'deleted' && stateOf(object.metadata) !== 'deleted') vanished.push(projectId)
    const step = markedNamespace(object, state, now)
    compareBindings(name, undefined, { adopt: rules.adopt, complete: false, surplus: `project_${state}` })
    if (step !== undefined) namespaces.push(step)
    else if (state === 'deleted' && rules.pruneAfterMs !== undefined && uid !== undefined)
      if (now - markedSince(object.metadata) >= rules.pruneAfterMs) {
        vanished.push(projectId)
        prunes.push({ action: 'delete', resource: NAMESPACES, name, uid, reason: 'grace_over' })
      }
  }

  /** A namespace that does not carry our label. */
  function look(object: KubernetesObject): void {
    const { metadata } = object
    const project = byName.get(metadata.name)
    const active = project?.enabled && rules.namespaces && rules.inScope(project)
    if (active && rules.adopt && isUnclaimed(metadata)) keep(object, project, true)
    else {
      if (active) obstacles.push({ resource: NAMESPACES, name: metadata.name, what: 'not_ours' })
      // what we put there at a log-in is taken away all the same
      compareBindings(metadata.name, project, { adopt: false, complete: false, surplus: 'revoked' })
    }
  }

  for (const object of state.namespaces) {
    yield
    const { metadata } = object
    if (metadata.deletionTimestamp !== undefined) served.add(metadata.annotations?.[PROJECT_ID] ?? '')
    else if (!isOwned(metadata)) look(object)
    else {
      const id = metadata.annotations?.[PROJECT_ID] ?? byName.get(metadata.name)?.id
      const project = id === undefined ? undefined : projects.get(id)
      if (id === undefined) obstacles.push({ resource: NAMESPACES, name: metadata.name, what: 'unclear' })
      else if (project?.enabled) keep(object, project, false)
      else mark(object, id, project)
    }
  }

  const taken = new Set(state.namespaces.map(({ metadata }) => metadata.name))
  if (rules.namespaces)
    for (const project of inventory.projects) {
      yield
      const name = rules.namespaceOf(project)
      if (name === undefined || taken.has(name) || served.has(project.id)) continue
      if (!project.enabled || !rules.inScope(project)) continue
      namespaces.push(newNamespace(name, project, rules.template))
      compareBindings(name, project, { adopt: false, complete: true, surplus: 'revoked' })
      compareTemplate(name)
    }

  const revocations = removals.filter(({ reason }) => reason !== 'different' && reason !== 'not_in_template')
  const marks = namespaces.filter(
    ({ reason }) => reason === 'project_disabled' || reason === 'project_deleted',
  )
  return {
    stages: [removals, namespaces, others, prunes],
    obstacles,
    vanished,
    owned: [...state.namespaces, ...state.bindings].filter(({ metadata }) => isOwned(metadata)).length,
    removals: revocations.length + marks.length,
  }
}
