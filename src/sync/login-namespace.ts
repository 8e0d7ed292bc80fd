import { PortcullisError } from '../errors.ts'
import type { Refusal } from '../kubernetes/answer.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { type KubernetesObject, NAMESPACES } from '../kubernetes/object.ts'
import type { LoginSyncMetrics } from './login-sync-metrics.ts'
import { isOwned, ownerLabels, PROJECT_ID, projectAnnotations } from './ownership.ts'
import type { SyncProject } from './sync-rules.ts'

/**
 * Makes the namespace of a project if there is none. One that is there is taken as it is, whoever made it, unless it says
 * that it belongs to another project. Throws HTTP_... and KUBERNETES_....
 */
export async function ensureNamespace(
  client: KubernetesClient,
  name: string,
  project: SyncProject,
  metrics: LoginSyncMetrics,
): Promise<'there' | 'of_another_project'> {
  const found = await client.get(NAMESPACES, { name })
  if (found !== 'absent') return judge(given(found, 'read'), project)
  const made = await client.create(NAMESPACES, {
    metadata: {
      name,
      labels: ownerLabels,
      annotations: projectAnnotations({ ...project, domain: project.domain.id }),
    },
  })
  if (made === 'exists') return judge(given(await client.get(NAMESPACES, { name }), 'read'), project)
  given(made, 'create')
  metrics.changed('namespace', 'create')
  return 'there'
}

function judge({ metadata }: KubernetesObject, project: SyncProject): 'there' | 'of_another_project' {
  if (metadata.deletionTimestamp !== undefined)
    throw new PortcullisError('KUBERNETES_SERVER_ERROR', 'a project’s namespace is still being deleted')
  const owner = metadata.annotations?.[PROJECT_ID]
  const another = isOwned(metadata) && owner !== undefined && owner !== project.id
  return another ? 'of_another_project' : 'there'
}

/** The answer, when it is no refusal. */
export function given<T extends object>(answer: T | Refusal, verb: string, plural = 'namespaces'): T {
  if (typeof answer !== 'string') return answer
  throw new PortcullisError(
    'KUBERNETES_REFUSED_US',
    `the Kubernetes API refuses to ${verb} ${plural} (${answer})${answer === 'forbidden' ? ': check the RBAC of Portcullis' : ''}`,
  )
}
