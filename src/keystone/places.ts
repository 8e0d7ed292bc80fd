import { PortcullisError } from '../errors.ts'
import { isRecord, isText } from '../json.ts'
import type { KeystoneCaller } from './caller.ts'

/** Where a user can get a token for. */
export type Place =
  | {
      readonly kind: 'project'
      readonly id: string
      readonly name: string
      readonly domainId: string
      readonly enabled: boolean
    }
  | { readonly kind: 'domain'; readonly id: string; readonly name: string; readonly enabled: boolean }
  | { readonly kind: 'system' }

export interface AskedWith {
  readonly call: KeystoneCaller
  /** Of the v3 API, without a slash at its end. */
  readonly url: string
  readonly token: string
  readonly signal: AbortSignal
}

/**
 * GET /v3/auth/projects, /domains and /system: all that the user of this token has a role on, whatever the token's own
 * scope; by name. Undefined when Keystone does not take the token; throws KEYSTONE_BAD_ANSWER and what the caller throws.
 */
export async function listPlaces(asked: AskedWith): Promise<readonly Place[] | undefined> {
  const places: Place[] = []
  for (const kind of ['project', 'domain', 'system'] as const) {
    const list = await listOf(kind === 'system' ? kind : `${kind}s`, asked)
    if (list === undefined) return undefined
    const read = list.map((item) => readPlace(kind, item))
    if (read.includes(undefined)) throw badAnswer(kind)
    places.push(...(read as Place[]).sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)))
  }
  return places
}

const nameOf = (place: Place) => (place.kind === 'system' ? '' : place.name)

async function listOf(kind: string, { call, url, token, signal }: AskedWith) {
  const { status, body } = await call({
    operation: 'places',
    url: `${url}/auth/${kind}`,
    headers: { 'x-auth-token': token, 'openstack-identity-access-rules': '1.0' },
    signal,
    retry: true,
  })
  if (status === 401 || status === 404) return undefined
  const list = isRecord(body) ? body[kind] : undefined
  if (status !== 200 || !Array.isArray(list)) throw badAnswer(kind)
  return list as readonly unknown[]
}

function readPlace(kind: Place['kind'], item: unknown): Place | undefined {
  if (kind === 'system') return { kind }
  if (!isRecord(item) || !isText(item.id) || !isText(item.name)) return undefined
  const { id, name, domain_id: domainId } = item
  const enabled = item.enabled !== false
  if (kind === 'domain') return { kind, id, name, enabled }
  return isText(domainId) ? { kind, id, name, domainId, enabled } : undefined
}

const badAnswer = (kind: string) =>
  new PortcullisError('KEYSTONE_BAD_ANSWER', `Keystone’s answer is no list of ${kind}`)
