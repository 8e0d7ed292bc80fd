import type { KubernetesObject } from '../kubernetes/object.ts'
import { isOwned, ownerLabels } from './ownership.ts'
import type { Obstacle, Step } from './plan.ts'
import { mergePatch, type TemplateKind, type TemplateObject } from './template.ts'

/** The object that a template makes in a namespace. */
export function templatedObject(
  namespace: string,
  { kind, name, labels, content }: TemplateObject,
): KubernetesObject {
  return { metadata: { name, namespace, labels: { ...labels, ...ownerLabels } }, [kind.field]: content }
}

/**
 * Compares the objects of one kind in a namespace with the template's, whose content must be spelt as the API server
 * spells it. Ours that the template no longer has are deleted; others' stay.
 */
export function templateSteps(
  namespace: string,
  kind: TemplateKind,
  wanted: readonly TemplateObject[],
  live: ReadonlyMap<string, KubernetesObject>,
): { steps: readonly Step[]; obstacles: readonly Obstacle[] } {
  const steps: Step[] = []
  const obstacles: Obstacle[] = []
  const common = { resource: kind.resource, namespace }
  const names = new Set(wanted.map(({ name }) => name))
  for (const item of wanted) {
    const { name } = item
    const object = live.get(name)
    const should = templatedObject(namespace, item)
    if (object === undefined)
      steps.push({ ...common, action: 'create', name, object: should, reason: 'missing' })
    else if (!isOwned(object.metadata)) obstacles.push({ ...common, name, what: 'not_ours' })
    else {
      const patch = changes(object, should, kind)
      if (patch !== undefined) steps.push({ ...common, action: 'update', name, patch, reason: 'different' })
    }
  }
  for (const { metadata } of live.values()) {
    const { name, uid, deletionTimestamp } = metadata
    if (isOwned(metadata) && !names.has(name) && uid !== undefined && deletionTimestamp === undefined)
      steps.push({ ...common, action: 'delete', name, uid, reason: 'not_in_template' })
  }
  return { steps, obstacles }
}

function changes(
  object: KubernetesObject,
  should: KubernetesObject,
  { field }: TemplateKind,
): object | undefined {
  const content = mergePatch(object[field] ?? {}, should[field])
  const labels = mergePatch(object.metadata.labels ?? {}, {
    ...object.metadata.labels,
    ...should.metadata.labels,
  })
  if (content === undefined && labels === undefined) return undefined
  const { resourceVersion } = object.metadata
  return {
    metadata: { resourceVersion, ...(labels !== undefined && { labels }) },
    ...(content !== undefined && { [field]: content }),
  }
}
