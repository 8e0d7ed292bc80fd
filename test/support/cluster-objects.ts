import type { KubernetesObject } from '../../src/kubernetes/object.ts'
import { ownerLabels } from '../../src/sync/ownership.ts'

type Texts = Readonly<Record<string, string>>

/** A namespace as the API server has it; ours and of this project unless `more` says otherwise. */
export const namespaceOf = (
  { id, name, domain }: { id: string; name: string; domain: { id: string } },
  more: { name?: string; labels?: Texts; annotations?: Texts; [field: string]: unknown } = {},
): KubernetesObject => {
  const { labels, annotations, ...rest } = more
  return {
    metadata: {
      name: id,
      uid: `uid-${more.name ?? id}`,
      resourceVersion: `v-${more.name ?? id}`,
      labels: { ...ownerLabels, ...labels },
      annotations: {
        'portcullis.dev/project-id': id,
        'portcullis.dev/project-name': name,
        'portcullis.dev/project-domain': domain.id,
        ...annotations,
      },
      ...rest,
    },
  }
}

/** A binding as the API server has it: ours, of a user to the ClusterRole of the role’s name, unless `more` says otherwise. */
export const bindingOf = (
  namespace: string,
  user: { id: string },
  username: string,
  role: string,
  more: { labels?: Texts; [field: string]: unknown } = {},
): KubernetesObject => {
  const name = `${user.id}_${role}`
  return {
    metadata: {
      name,
      namespace,
      uid: `uid-${namespace}/${name}`,
      resourceVersion: `v-${name}`,
      labels: ownerLabels,
      ...more,
    },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: username }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  }
}
