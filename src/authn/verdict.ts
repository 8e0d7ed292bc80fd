import type { ErrorCode } from '../errors.ts'

/** Why a token is not taken: it will not be taken at the next try either, so the no may be cached. */
export const REFUSALS = [
  'misshapen',
  'expired',
  'bad_signature',
  'unknown_to_keystone',
  'wrong_scope',
  'not_allowed',
  'access_rules',
  'reserved_name',
  'audience',
] as const
export type Refusal = (typeof REFUSALS)[number]

/** Why a token could not be checked: the next try may go well, so nobody may cache it. */
export const FAILURES = [
  'unreachable',
  'timeout',
  'overloaded',
  'server_error',
  'bad_answer',
  'wrong_url',
  'refused_us',
  'internal',
] as const
export type Failure = (typeof FAILURES)[number]

export type Verdict =
  | {
      readonly kind: 'authenticated'
      /** The JSON text of `status.user`. */
      readonly user: string
      /** Milliseconds since the epoch. */
      readonly expiresAt: number
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'failed'; readonly failure: Failure }

const BY_CODE: Partial<Record<ErrorCode, Failure>> = {
  HTTP_UNREACHABLE: 'unreachable',
  HTTP_TIMEOUT: 'timeout',
  HTTP_OVERLOADED: 'overloaded',
  HTTP_ANSWER_TOO_LARGE: 'bad_answer',
  KEYSTONE_SERVER_ERROR: 'server_error',
  KEYSTONE_BAD_ANSWER: 'bad_answer',
  KEYSTONE_WRONG_URL: 'wrong_url',
  KEYSTONE_REFUSED_US: 'refused_us',
}

export const failureOf = (code: ErrorCode | undefined): Failure => (code && BY_CODE[code]) ?? 'internal'

/** `status.error` for each failure: the apiserver logs it, and shows it to those who ask by the TokenReview API. */
export const FAILURE_TEXTS: Readonly<Record<Failure, string>> = {
  unreachable: 'Keystone cannot be reached',
  timeout: 'Keystone did not answer in time',
  overloaded: 'too many tokens are being checked',
  server_error: 'Keystone answers with a server error',
  bad_answer: 'Keystone’s answer could not be understood',
  wrong_url: 'what answers at the Keystone URL is not Keystone',
  refused_us: 'Keystone refuses to check tokens for us',
  internal: 'the token could not be checked',
}
