import type { AskedWith } from './places.ts'

/**
 * DELETE /v3/auth/tokens: a token ends itself. `gone` when it was no good any more, `kept` when Keystone does not
 * end it (tokens of application credentials with access rules). Throws what the caller throws.
 */
export async function revokeToken({
  call,
  url,
  token,
  signal,
}: AskedWith): Promise<'revoked' | 'gone' | 'kept'> {
  const { status } = await call({
    operation: 'revoke',
    method: 'DELETE',
    url: `${url}/auth/tokens`,
    headers: { 'x-auth-token': token, 'x-subject-token': token, 'openstack-identity-access-rules': '1.0' },
    signal,
    retry: true,
  })
  if (status === 204) return 'revoked'
  return status === 401 ? 'gone' : 'kept'
}
