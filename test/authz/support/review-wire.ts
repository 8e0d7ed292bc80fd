import { ask2, JSON_TYPE } from '../../support/wire.ts'

const EXTRA = 'alpha.kubernetes.io/identity'

export interface Caller {
  readonly user?: string
  readonly roles?: readonly string[]
  readonly projectId?: string
  readonly projectName?: string
  readonly domainId?: string
}

/** Who asks, as the compatible mapping names them (with `domainId`, as the qualified one does). */
export function extraOf({ roles = [], projectId = 'p1', projectName = 'demo', domainId }: Caller) {
  return {
    [`${EXTRA}/roles`]: roles,
    [`${EXTRA}/project/id`]: [projectId],
    [`${EXTRA}/project/name`]: [projectName],
    ...(domainId !== undefined && { [`${EXTRA}/project/domain/id`]: [domainId] }),
  }
}

/** A SubjectAccessReview as kube-apiserver writes it: v1beta1 spells the groups `group` (contracts B.2). */
export function accessReview(
  version: 'v1' | 'v1beta1',
  caller: Caller,
  attributes: Readonly<Record<string, unknown>>,
): string {
  const groups = [caller.projectId ?? 'p1', 'system:authenticated']
  const spec = {
    ...attributes,
    user: caller.user ?? 'alice',
    ...(version === 'v1' ? { groups } : { group: groups }),
    extra: extraOf(caller),
    uid: '42',
  }
  const review = {
    kind: 'SubjectAccessReview',
    apiVersion: `authorization.k8s.io/${version}`,
    metadata: { creationTimestamp: null },
    spec,
    status: { allowed: false },
  }
  return `${JSON.stringify(review)}\n`
}

export async function authorize(
  server: { url: string; ca: string },
  body: string,
  path = '/authorize?timeout=3s',
) {
  const reply = await ask2(server.url, { method: 'POST', path, headers: JSON_TYPE, body }, { ca: server.ca })
  return {
    code: reply.status,
    answer: JSON.parse(reply.text) as Record<string, unknown>,
    headers: reply.headers,
  }
}
