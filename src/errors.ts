/**
 * Every error that Portcullis raises on purpose has one of these codes. docs/errors.md has a row for each
 * (test/documentation.test.ts holds the two together).
 */
export const ERROR_CODES = [
  'CONFIG_INVALID',
  'FILE_UNREADABLE',
  'CERTIFICATE_INVALID',
  'POLICY_INVALID',
  'ROLE_MAPPING_INVALID',
  'SYNC_CONFIG_INVALID',
  'TEMPLATE_INVALID',
  'SYNC_TOO_MANY_REMOVALS',
  'HTTP_UNREACHABLE',
  'HTTP_TIMEOUT',
  'HTTP_OVERLOADED',
  'HTTP_ANSWER_TOO_LARGE',
  'KEYSTONE_WRONG_URL',
  'KEYSTONE_BAD_ANSWER',
  'KEYSTONE_REFUSED_US',
  'KEYSTONE_SERVER_ERROR',
  'LOGIN_INCOMPLETE',
  'LOGIN_REFUSED',
  'KUBECONFIG_INVALID',
  'KUBERNETES_REFUSED_US',
  'KUBERNETES_SERVER_ERROR',
  'KUBERNETES_BAD_ANSWER',
  'KEK_UNUSABLE',
  'KEK_UNAVAILABLE',
  'BARBICAN_BAD_ANSWER',
  'BARBICAN_REFUSED_US',
  'BARBICAN_SERVER_ERROR',
  'KMS_SOCKET_UNUSABLE',
  'KMS_SOCKET_IN_USE',
  'KMS_CALL_FAILED',
  'PROMPT_CANCELLED',
  'KUBECONFIG_UNUSABLE',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/**
 * The one error class of the project. The message is for people: it says what is wrong and what to do, and
 * never holds a token, a password, a key or a text that a remote server chose.
 */
export class PortcullisError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'PortcullisError'
    this.code = code
  }
}

/** A short text for any thrown value, for logs and messages. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/**
 * Whether an error was raised on purpose. Told by its name: a package holds the class more than once, in the small
 * file that kubectl waits for and in the rest.
 */
export function isPortcullisError(error: unknown): error is PortcullisError {
  return error instanceof Error && error.name === 'PortcullisError'
}
