import { isRecord, isText } from '../json.ts'

/** A Kubernetes object as its API gives it; in lists apiVersion and kind are left out. */
export interface KubernetesObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMetadata
  readonly [field: string]: unknown
}

export interface ObjectMetadata {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  /** Set while the object is being deleted. */
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** A kind of objects and where the API keeps it. */
export interface Resource {
  /** `v1`, `rbac.authorization.k8s.io/v1`. */
  readonly apiVersion: string
  readonly kind: string
  readonly plural: string
}

export const NAMESPACES: Resource = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces' }
export const CONFIG_MAPS: Resource = { apiVersion: 'v1', kind: 'ConfigMap', plural: 'configmaps' }
export const ROLE_BINDINGS: Resource = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  plural: 'rolebindings',
}
export const LEASES: Resource = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' }

/** The value if it is an object with a name; what else it holds is for those who read it to check. */
export function asObject(value: unknown): KubernetesObject | undefined {
  if (!isRecord(value) || !isRecord(value.metadata) || !isText(value.metadata.name)) return undefined
  const { labels, annotations } = value.metadata
  return isTextMap(labels) && isTextMap(annotations) ? (value as unknown as KubernetesObject) : undefined
}

const isTextMap = (value: unknown) =>
  value === undefined || (isRecord(value) && Object.values(value).every((text) => typeof text === 'string'))
