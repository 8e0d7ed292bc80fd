import type { KubernetesObject } from '../kubernetes/object.ts'
import { ownerLabels, type ProjectIdentity, projectAnnotations } from './ownership.ts'
import type { RoleTarget } from './role-table.ts'

/** The namespace of a project. */
export function namespaceObject(name: string, project: ProjectIdentity): KubernetesObject {
  return { metadata: { name, labels: ownerLabels, annotations: projectAnnotations(project) } }
}

/** What a role binding says: one user, one role. */
export interface Binding {
  readonly name: string
  readonly username: string
  readonly target: RoleTarget
}

/** k8s-keystone-auth's name of the binding of one user's one role. */
export const bindingName = (userId: string, role: string) => `${userId}_${role}`

export function roleBindingObject(namespace: string, { name, username, target }: Binding): KubernetesObject {
  return {
    metadata: { name, namespace, labels: ownerLabels },
    roleRef: { apiGroup: RBAC, ...target },
    subjects: [{ apiGroup: RBAC, kind: 'User', name: username }],
  }
}

export const RBAC = 'rbac.authorization.k8s.io'
