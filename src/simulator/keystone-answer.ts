/** What a request is answered with; without a body an unknown URL is meant. */
export interface ApiAnswer {
  readonly status: number
  readonly body?: object
  /** Goes into X-Subject-Token. */
  readonly token?: string
}

const TITLES = { 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found' } as const

export function failure(code: keyof typeof TITLES, message: string): ApiAnswer {
  return { status: code, body: { error: { code, message, title: TITLES[code] } } }
}

/** All that Keystone says of a wrong password, an unknown user, a missing role and a bad X-Auth-Token. */
export const unauthorized = () => failure(401, 'The request you have made requires authentication.')

export const forbidden = (action: string) =>
  failure(403, `You are not authorized to perform the requested action: ${action}.`)

export const malformed = (missing: string, where: string) =>
  failure(
    400,
    `Expecting to find ${missing} in ${where}. The server could not comply with the request since it is ` +
      'either malformed or otherwise incorrect. The client is assumed to be in error.',
  )
