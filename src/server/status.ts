const REASONS: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
}

/** A Kubernetes Status object (meta/v1) that says what is wrong with a request. */
export function statusObject(code: number, message: string) {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: REASONS[code] ?? (code < 500 ? 'BadRequest' : 'InternalError'),
    code,
  }
}
