import { createTtlCache } from '../cache/ttl-cache.ts'
import type { Clock } from '../clock.ts'
import { PortcullisError } from '../errors.ts'
import { isRecord, isText } from '../json.ts'
import type { KeystoneCaller } from './caller.ts'
import type { KeystoneEndpoint } from './endpoint.ts'
import type { Group } from './token-body.ts'

export interface UserGroups {
  /** The groups of a user, asked with the user's own token; undefined when Keystone does not take the token. */
  fetch(request: {
    readonly userId: string
    readonly token: string
    readonly signal: AbortSignal
    /** Whether the token was validated already (`KeystoneCall.ahead`). */
    readonly ahead: boolean
    /** Told when the question leaves. */
    readonly begun?: () => void
  }): Promise<readonly Group[] | undefined>
  /** What is known already and holds for a token that was issued at `issuedAt` (milliseconds since the epoch). */
  known(userId: string, issuedAt: number): readonly Group[] | undefined
}

const MAX_USERS = 50_000

/**
 * GET /v3/users/{id}/groups. The answer is kept per user, and holds only for tokens issued before it was asked:
 * Keystone revokes all tokens of a user who leaves a group, so such a token, valid now, proves that
 * nothing was taken away since. A token issued later always asks anew. Both times are Keystone's own (its Date
 * header), so that our clock does not matter.
 */
export function createUserGroups(parts: {
  call: KeystoneCaller
  endpoint: KeystoneEndpoint
  clock: Clock
  /** Milliseconds; bounds what an identity backend changes without telling Keystone (LDAP). */
  ttlMs: number
}): UserGroups {
  const cache = createTtlCache<{ groups: readonly Group[]; askedAt: number }>({
    max: MAX_USERS,
    clock: parts.clock,
  })
  return {
    known(userId, issuedAt) {
      const entry = cache.get(userId)
      // Keystone's times are whole seconds: a token of the very second in which we asked may be younger
      return entry !== undefined && issuedAt + 1000 <= entry.askedAt ? entry.groups : undefined
    },
    async fetch({ userId, token, signal, ahead, begun }) {
      const start = parts.clock.monotonic()
      const answer = await parts.call({
        operation: 'groups',
        url: `${await parts.endpoint(signal)}/users/${encodeURIComponent(userId)}/groups`,
        headers: { 'x-auth-token': token, 'openstack-identity-access-rules': '1.0' },
        signal,
        retry: true,
        ahead,
        begun,
      })
      if (answer.status === 401 || answer.status === 404) return undefined
      if (answer.status !== 200)
        throw new PortcullisError(
          'KEYSTONE_REFUSED_US',
          `Keystone refuses to tell a user’s groups (${answer.status})`,
        )
      const groups = readGroups(answer.body)
      const answeredAt = Date.parse(String(answer.headers.date))
      const askedAt = answeredAt - (parts.clock.monotonic() - start)
      if (!Number.isNaN(askedAt)) cache.set(userId, { groups, askedAt }, parts.ttlMs)
      return groups
    },
  }
}

function readGroups(body: unknown): readonly Group[] {
  const list = isRecord(body) && Array.isArray(body.groups) ? body.groups : undefined
  const more =
    isRecord(body) && (body.truncated === true || (isRecord(body.links) && isText(body.links.next)))
  const groups = list?.map((group) =>
    isRecord(group) && isText(group.name) && isText(group.domain_id)
      ? { name: group.name, domainId: group.domain_id }
      : undefined,
  )
  if (groups === undefined || groups.includes(undefined) || more)
    throw new PortcullisError('KEYSTONE_BAD_ANSWER', 'Keystone’s answer is no complete list of groups')
  return groups as Group[]
}
