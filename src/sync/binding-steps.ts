import { isRecord } from '../json.ts'
import { type KubernetesObject, ROLE_BINDINGS } from '../kubernetes/object.ts'
import { isOwned, isUnclaimed, ownerLabels } from './ownership.ts'
import type { Obstacle, Reason, Step } from './plan.ts'
import { roleBinding } from './role-binding.ts'
import type { WantedBinding } from './wanted-bindings.ts'

/** What becomes of the role bindings of one namespace: deletions come before creations, since a roleRef cannot be changed. */
export interface BindingSteps {
  readonly deletions: readonly Step[]
  readonly others: readonly Step[]
  readonly obstacles: readonly Obstacle[]
}

/**
 * Compares the bindings of a namespace with those that should be there. What is not ours stays; with `adopt`, what
 * k8s-keystone-auth made counts as ours. `complete` is false where nothing may be added.
 */
export function bindingSteps(
  namespace: string,
  options: { adopt: boolean; complete: boolean; surplus: Reason },
  wanted: ReadonlyMap<string, WantedBinding>,
  live: ReadonlyMap<string, KubernetesObject>,
): BindingSteps {
  const deletions: Step[] = []
  const others: Step[] = []
  const obstacles: Obstacle[] = []
  const common = { resource: ROLE_BINDINGS, namespace }

  function remove({ metadata: { name, uid, deletionTimestamp } }: KubernetesObject, reason: Reason): void {
    if (uid !== undefined && deletionTimestamp === undefined)
      deletions.push({ ...common, action: 'delete', name, uid, reason })
  }

  for (const [name, object] of live) {
    const ours = isOwned(object.metadata)
    const adopted = !ours && options.adopt && isOfKeystoneAuth(object)
    const binding = wanted.get(name)
    if (!ours && !adopted) {
      if (binding !== undefined && options.complete)
        obstacles.push({ resource: ROLE_BINDINGS, namespace, name, what: 'not_ours' })
      continue
    }
    if (binding === undefined) {
      remove(object, options.surplus)
      continue
    }
    if (!options.complete) continue
    const { kind, name: role } = isRecord(object.roleRef) ? object.roleRef : {}
    const should = () => roleBinding(namespace, binding.grant, binding.target)
    if (kind !== binding.target.kind || role !== binding.target.name) {
      remove(object, 'different')
      others.push({ ...common, action: 'create', name, object: should(), reason: 'different' })
    } else if (adopted || onlyUser(object) !== binding.grant.username) {
      const metadata = { resourceVersion: object.metadata.resourceVersion, labels: ownerLabels }
      const patch = { metadata, subjects: should().subjects }
      others.push({ ...common, action: 'update', name, patch, reason: adopted ? 'adopted' : 'different' })
    }
  }
  if (options.complete)
    for (const [name, binding] of wanted)
      if (!live.has(name)) {
        const object = roleBinding(namespace, binding.grant, binding.target)
        others.push({ ...common, action: 'create', name, object, reason: 'missing' })
      }
  return { deletions, others, obstacles }
}

/** The name of the user whom a binding is for; undefined if it is for others, too. */
function onlyUser({ subjects }: KubernetesObject): unknown {
  const [subject, more] = Array.isArray(subjects) ? subjects : []
  return isRecord(subject) && subject.kind === 'User' && more === undefined ? subject.name : undefined
}

/** k8s-keystone-auth makes no marks: its bindings are told by their form, `<user id>_<role>` of one user to that ClusterRole. */
function isOfKeystoneAuth(object: KubernetesObject): boolean {
  const { metadata, roleRef } = object
  const role = /^[0-9a-f]{32,64}_(.+)$/.exec(metadata.name)?.[1]
  return (
    isUnclaimed(metadata) &&
    isRecord(roleRef) &&
    roleRef.kind === 'ClusterRole' &&
    roleRef.name === role &&
    onlyUser(object) !== undefined
  )
}
