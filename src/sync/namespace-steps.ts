import type { KeystoneProject } from '../keystone/inventory.ts'
import { type KubernetesObject, NAMESPACES } from '../kubernetes/object.ts'
import { ownerLabels, PROJECT_STATE, PROJECT_STATE_SINCE, projectAnnotations } from './ownership.ts'
import type { Reason, Step } from './plan.ts'
import { mergePatch, type Template } from './template.ts'

const identity = ({ id, name, domain }: KeystoneProject) => ({ id, name, domain: domain.id })

export function newNamespace(name: string, project: KeystoneProject, template: Template): Step {
  const object = {
    metadata: {
      name,
      labels: { ...template.labels, ...ownerLabels },
      annotations: { ...template.annotations, ...projectAnnotations(identity(project)) },
    },
  }
  return { action: 'create', resource: NAMESPACES, name, object, reason: 'missing' }
}

/** Makes the labels and annotations of a namespace what they should be for a project that is there; nothing if they are. */
export function keptNamespace(
  { metadata }: KubernetesObject,
  project: KeystoneProject,
  template: Template,
  adopted: boolean,
): Step | undefined {
  const wasMarked = metadata.labels?.[PROJECT_STATE] !== undefined
  const reason = adopted ? 'adopted' : wasMarked ? 'project_back' : 'different'
  return changed(metadata, reason, {
    labels: { ...template.labels, ...ownerLabels, [PROJECT_STATE]: undefined },
    annotations: {
      ...template.annotations,
      ...projectAnnotations(identity(project)),
      [PROJECT_STATE_SINCE]: undefined,
    },
  })
}

/** Marks the namespace of a project that Keystone has disabled or deleted, with the time at which we saw it first. */
export function markedNamespace(
  { metadata }: KubernetesObject,
  state: 'disabled' | 'deleted',
  now: number,
): Step | undefined {
  if (stateOf(metadata) === state && !Number.isNaN(markedSince(metadata))) return undefined
  return changed(metadata, `project_${state}`, {
    labels: { [PROJECT_STATE]: state },
    annotations: { [PROJECT_STATE_SINCE]: new Date(now).toISOString() },
  })
}

export const stateOf = (metadata: KubernetesObject['metadata']) => metadata.labels?.[PROJECT_STATE]

/** Milliseconds since the epoch; NaN if nothing readable stands there. */
export const markedSince = (metadata: KubernetesObject['metadata']) =>
  Date.parse(metadata.annotations?.[PROJECT_STATE_SINCE] ?? '')

type Texts = Readonly<Record<string, string | undefined>>

/** What others have written beside stays; a text that is undefined goes. */
function changed(
  metadata: KubernetesObject['metadata'],
  reason: Reason,
  should: { labels: Texts; annotations: Texts },
): Step | undefined {
  const { name, resourceVersion, labels, annotations } = metadata
  const patch = mergePatch(
    { labels: labels ?? {}, annotations: annotations ?? {} },
    { labels: { ...labels, ...should.labels }, annotations: { ...annotations, ...should.annotations } },
  )
  if (patch === undefined) return undefined
  return {
    action: 'update',
    resource: NAMESPACES,
    name,
    patch: { metadata: { resourceVersion, ...(patch as object) } },
    reason,
  }
}
