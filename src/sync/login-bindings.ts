import { isDeepStrictEqual } from 'node:util'
import { PortcullisError } from '../errors.ts'
import { isRecord } from '../json.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { type KubernetesObject, ROLE_BINDINGS } from '../kubernetes/object.ts'
import { given } from './login-namespace.ts'
import type { LoginSyncMetrics } from './login-sync-metrics.ts'
import { isOwned, isUnclaimed } from './ownership.ts'
import { bindingPrefix, roleBinding } from './role-binding.ts'
import type { RoleTable } from './role-table.ts'

export interface UserRoles {
  readonly userId: string
  /** The user's name in Kubernetes. */
  readonly username: string
  readonly roles: readonly string[]
  /** The token has all roles of the user in the project, so bindings of others are to go. */
  readonly complete: boolean
}

/** Somebody else changed the same bindings meanwhile, which is looked at anew, at most so often. */
const ROUNDS = 4

/**
 * Makes the bindings of one user in one namespace those of the user's roles, as k8s-keystone-auth does: what is named after
 * the user and stands for a role that is gone is deleted, nobody else's is touched. Gives the names of bindings that are
 * something else and stay so. Throws HTTP_... and KUBERNETES_....
 */
export async function ensureBindings(
  client: KubernetesClient,
  namespace: string,
  user: UserRoles,
  table: RoleTable,
  metrics: LoginSyncMetrics,
): Promise<readonly string[]> {
  const wanted = wantedBindings(namespace, user, table)
  for (let round = 0; round < ROUNDS; round += 1) {
    const list = given(await client.list(ROLE_BINDINGS, { namespace }), 'list', 'rolebindings')
    const live = list.items.filter(({ metadata }) => metadata.name.startsWith(bindingPrefix(user.userId)))
    const steps = stepsOf(wanted, live, user)
    let settled = true
    for (const { action, object } of steps.todo) {
      const answer = await perform(client, action, object)
      const raced = answer === 'exists' || answer === 'conflict' || answer === 'absent'
      // a binding that is deleted to be made anew needs the next round
      if (raced || (action === 'delete' && wanted.has(object.metadata.name))) settled = false
      if (raced) continue
      if (answer !== 'deleted') given(answer, action, 'rolebindings')
      metrics.changed('role_binding', action)
    }
    if (settled) return steps.foreign
  }
  throw new PortcullisError('KUBERNETES_SERVER_ERROR', 'role bindings change faster than they can be made')
}

/** A role with a sign that no path can hold is no ClusterRole either. */
function wantedBindings(namespace: string, { userId, username, roles }: UserRoles, table: RoleTable) {
  const wanted = new Map<string, KubernetesObject>()
  for (const role of roles) {
    const target = table(role)
    if (target === undefined || /[/%]/.test(role)) continue
    const binding = roleBinding(namespace, { userId, username, role }, target)
    wanted.set(binding.metadata.name, binding)
  }
  return wanted
}

interface Step {
  readonly action: 'create' | 'update' | 'delete'
  readonly object: KubernetesObject
}

function stepsOf(
  wanted: ReadonlyMap<string, KubernetesObject>,
  live: readonly KubernetesObject[],
  { complete }: UserRoles,
): { todo: readonly Step[]; foreign: readonly string[] } {
  const todo: Step[] = []
  const foreign: string[] = []
  const names = new Set(live.map(({ metadata }) => metadata.name))
  for (const [name, object] of wanted) if (!names.has(name)) todo.push({ action: 'create', object })
  for (const object of live) {
    const should = wanted.get(object.metadata.name)
    const same = should !== undefined && sameGrant(object, should)
    if (same || object.metadata.deletionTimestamp !== undefined) continue
    if (!isOwned(object.metadata) && !isOfKeystoneAuth(object)) {
      if (should !== undefined) foreign.push(object.metadata.name)
    } else if (should === undefined) {
      if (complete) todo.push({ action: 'delete', object })
    } else if (isDeepStrictEqual(object.roleRef, should.roleRef)) {
      const { name, namespace, resourceVersion } = object.metadata
      const metadata = { name, ...(namespace && { namespace }), ...(resourceVersion && { resourceVersion }) }
      todo.push({ action: 'update', object: { metadata, subjects: should.subjects } })
    } else {
      // the role of a binding cannot be changed
      todo.push({ action: 'delete', object })
    }
  }
  return { todo, foreign }
}

const sameGrant = (one: KubernetesObject, other: KubernetesObject) =>
  isDeepStrictEqual(one.roleRef, other.roleRef) && isDeepStrictEqual(one.subjects, other.subjects)

/** k8s-keystone-auth makes no marks: its bindings are told by their form, one user bound to the ClusterRole of the name. */
function isOfKeystoneAuth({ metadata, roleRef, subjects }: KubernetesObject): boolean {
  const [subject, more] = Array.isArray(subjects) ? subjects : []
  return (
    isUnclaimed(metadata) &&
    isRecord(roleRef) &&
    roleRef.kind === 'ClusterRole' &&
    metadata.name.endsWith(`_${String(roleRef.name)}`) &&
    isRecord(subject) &&
    subject.kind === 'User' &&
    more === undefined
  )
}

function perform(client: KubernetesClient, action: Step['action'], object: KubernetesObject) {
  const { name, namespace, uid } = object.metadata
  const where = { name, ...(namespace !== undefined && { namespace }) }
  if (action === 'create') return client.create(ROLE_BINDINGS, object)
  if (action === 'update') return client.patch(ROLE_BINDINGS, where, object)
  return client.delete(ROLE_BINDINGS, { ...where, ...(uid !== undefined && { uid }) })
}
