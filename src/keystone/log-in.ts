import { PortcullisError } from '../errors.ts'
import { isRecord, isText, isTextList } from '../json.ts'
import type { KeystoneCaller } from './caller.ts'
import { type LoginMethod, loginBody } from './credentials.ts'
import { type KeystoneToken, readTokenBody } from './token-body.ts'

export type LoginOutcome =
  | {
      readonly token: string
      /** What Keystone says the token is good for. */
      readonly says: KeystoneToken
      readonly catalog: readonly unknown[]
    }
  | {
      /** 401, or another 4xx. */
      readonly status: number
      /** Present when what was given is right but not enough: the sets of methods of which one is needed. */
      readonly receipt?: { readonly id: string; readonly needs: readonly (readonly string[])[] }
    }

/**
 * One attempt to log in, never repeated: failed ones are counted and lock accounts. With `receipt` it completes an
 * earlier one that was not enough. Throws what the caller throws, and KEYSTONE_BAD_ANSWER for a 201 without a token.
 */
export async function logIn(parts: {
  call: KeystoneCaller
  /** Of the v3 API, without a slash at its end. */
  url: string
  method: LoginMethod
  /** Whether the answer shall list the services. */
  catalog: boolean
  receipt?: string
  signal: AbortSignal
}): Promise<LoginOutcome> {
  const { status, headers, body } = await parts.call({
    operation: 'login',
    method: 'POST',
    url: `${parts.url}/auth/tokens${parts.catalog ? '' : '?nocatalog'}`,
    ...(parts.receipt !== undefined && { headers: { 'openstack-auth-receipt': parts.receipt } }),
    body: loginBody(parts.method),
    signal: parts.signal,
    retry: false,
    ahead: true,
  })
  if (status !== 201) {
    const id = headers['openstack-auth-receipt']
    const needs = isRecord(body) ? body.required_auth_methods : undefined
    if (!isText(id) || !Array.isArray(needs)) return { status }
    return { status, receipt: { id, needs: needs.filter(isTextList) } }
  }
  const token = headers['x-subject-token']
  const says = readTokenBody(body)
  if (!isText(token) || says === undefined)
    throw new PortcullisError('KEYSTONE_BAD_ANSWER', 'Keystone’s answer to the log-in holds no token')
  const { catalog } = (body as { token: { catalog?: unknown } }).token
  return { token, says, catalog: Array.isArray(catalog) ? catalog : [] }
}
