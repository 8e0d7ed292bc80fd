import { PortcullisError } from '../errors.ts'
import type { KeystoneCaller } from './caller.ts'
import type { KeystoneEndpoint } from './endpoint.ts'
import type { Session } from './session.ts'
import { type KeystoneToken, readTokenBody } from './token-body.ts'

/**
 * Asks Keystone about a token; undefined when Keystone does not vouch for it. Throws when that cannot be told.
 * `begun` is told when the question leaves.
 */
export type TokenValidation = (
  token: string,
  signal: AbortSignal,
  begun?: () => void,
) => Promise<KeystoneToken | undefined>

/**
 * GET /v3/auth/tokens. With a session (service credentials) the service's token asks about the subject's; without
 * one the token asks about itself, which Keystone allows to everybody. Only in the second case does a 401 speak
 * of the subject. The access-rules header is sent because Keystone denies knowing such tokens without it.
 */
export function createTokenValidation(parts: {
  call: KeystoneCaller
  endpoint: KeystoneEndpoint
  session?: Session | undefined
}): TokenValidation {
  const { call, endpoint, session } = parts

  async function ask(
    subject: string,
    authority: string,
    signal: AbortSignal,
    begun: (() => void) | undefined,
    ahead = false,
  ) {
    return call({
      operation: 'validate',
      url: `${await endpoint(signal)}/auth/tokens?nocatalog`,
      headers: {
        'x-auth-token': authority,
        'x-subject-token': subject,
        'openstack-identity-access-rules': '1.0',
      },
      signal,
      retry: true,
      begun,
      ahead,
    })
  }

  return async (token, signal, begun) => {
    const authority = session === undefined ? token : await session.token(signal)
    let answer = await ask(token, authority, signal, begun)
    if (session !== undefined && answer.status === 401)
      answer = await ask(token, await session.renewed(authority, signal), signal, begun, true)
    if (answer.status === 404 || (session === undefined && answer.status === 401)) return undefined
    if (answer.status !== 200)
      throw new PortcullisError(
        'KEYSTONE_REFUSED_US',
        `Keystone refuses to validate tokens for us (${answer.status})`,
      )
    const known = readTokenBody(answer.body)
    if (known === undefined)
      throw new PortcullisError(
        'KEYSTONE_BAD_ANSWER',
        'Keystone’s answer is no token body that we understand',
      )
    return known
  }
}
