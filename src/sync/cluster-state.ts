import type { KubernetesObject } from '../kubernetes/object.ts'
import type { TemplateKind } from './template.ts'

/** All objects of the kinds that we look after, ours and others. */
export interface ClusterState {
  readonly namespaces: readonly KubernetesObject[]
  readonly bindings: readonly KubernetesObject[]
  /** None of a kind that no template can hold in this run. */
  readonly templated: ReadonlyMap<TemplateKind, readonly KubernetesObject[]>
}

/** Objects by namespace and then by name. */
export type ByNamespace = (namespace: string) => ReadonlyMap<string, KubernetesObject>

const NONE: ReadonlyMap<string, KubernetesObject> = new Map()

export function byNamespace(objects: readonly KubernetesObject[]): ByNamespace {
  const index = new Map<string, Map<string, KubernetesObject>>()
  for (const object of objects) {
    const { namespace = '', name } = object.metadata
    const names = index.get(namespace)
    if (names === undefined) index.set(namespace, new Map([[name, object]]))
    else names.set(name, object)
  }
  return (namespace) => index.get(namespace) ?? NONE
}
