import type { KubernetesObject } from '../kubernetes/object.ts'
import { ownerLabels } from './ownership.ts'

const RBAC = 'rbac.authorization.k8s.io'

/** A role of a user in a project, as the binding in the project's namespace says it. */
export interface Grant {
  readonly userId: string
  /** The user's name in Kubernetes. */
  readonly username: string
  /** The role's name in Keystone. */
  readonly role: string
}

/** The beginning of the names of all bindings of a user. */
export const bindingPrefix = (userId: string) => `${userId}_`

/** The binding that k8s-keystone-auth makes: to the ClusterRole of the role's name unless another role is meant. */
export function roleBinding(
  namespace: string,
  { userId, username, role }: Grant,
  roleRef: { readonly kind: 'ClusterRole' | 'Role'; readonly name: string } = {
    kind: 'ClusterRole',
    name: role,
  },
): KubernetesObject {
  return {
    metadata: { name: bindingPrefix(userId) + role, namespace, labels: ownerLabels },
    subjects: [{ kind: 'User', apiGroup: RBAC, name: username }],
    roleRef: { apiGroup: RBAC, ...roleRef },
  }
}
