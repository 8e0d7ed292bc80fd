import { PortcullisError } from '../errors.ts'
import { isRecord } from '../json.ts'

/**
 * A no of the Kubernetes API that is an answer, not a failure: `exists` and `conflict` are its 409 (AlreadyExists, or
 * somebody else changed the object), `terminating` a namespace that takes nothing new, `expired` its 410.
 */
export type Refusal = 'absent' | 'exists' | 'conflict' | 'forbidden' | 'terminating' | 'invalid' | 'expired'

/** The JSON object of a 2xx, or the API's own no. Throws KUBERNETES_...; never quotes a body. */
export function readAnswer(
  status: number,
  body: Buffer,
  what: string,
): Readonly<Record<string, unknown>> | Refusal {
  if (status >= 500 || status === 429)
    throw new PortcullisError('KUBERNETES_SERVER_ERROR', `the Kubernetes API answered ${status} to ${what}`)
  if (status === 401)
    throw new PortcullisError(
      'KUBERNETES_REFUSED_US',
      `the Kubernetes API does not know us (${what}): check the credentials of the kubeconfig`,
    )
  const json = parsed(body)
  if (isRecord(json)) {
    if (status >= 200 && status < 300) return json
    const refusal = json.kind === 'Status' ? refusalOf(status, json) : undefined
    if (refusal !== undefined) return refusal
  }
  throw new PortcullisError(
    'KUBERNETES_BAD_ANSWER',
    `${what} was answered with ${status}, but not as the Kubernetes API does: check the server of the kubeconfig`,
  )
}

/** Which no a Status object (meta/v1) is. */
export function refusalOf(code: unknown, status: Readonly<Record<string, unknown>>): Refusal | undefined {
  switch (code) {
    case 404:
      return 'absent'
    case 409:
      return status.reason === 'AlreadyExists' ? 'exists' : 'conflict'
    case 403:
      return isTerminating(status) ? 'terminating' : 'forbidden'
    case 410:
      return 'expired'
    case 400:
    case 422:
      return 'invalid'
    default:
      return undefined
  }
}

function isTerminating({ details }: Readonly<Record<string, unknown>>): boolean {
  const causes = isRecord(details) && Array.isArray(details.causes) ? details.causes : []
  return causes.some((cause) => isRecord(cause) && cause.reason === 'NamespaceTerminating')
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
