import { PortcullisError } from '../errors.ts'
import type { HttpAnswer } from '../http/client.ts'
import { isRecord, isText } from '../json.ts'
import { type BarbicanCaller, jsonOf } from './barbican-caller.ts'
import { isRefusal, type KekStore, NEVER, type SecretInfo } from './kek-store.ts'

/** Barbican as rotation needs it, beside reading keys. */
export interface Barbican extends KekStore {
  /** Orders a new AES-256 key of this name inside Barbican; gives the order's id. */
  order(name: string): Promise<string>
  /** The id of the ordered secret, undefined while Barbican still works on it. */
  ordered(orderId: string): Promise<string | undefined>
  /** Sets the metadata `activate_at` of a secret that has no metadata yet. */
  activate(id: string, at: number): Promise<void>
}

const PAGE = 100
const MAX_PAGES = 10
const OCTETS = 'application/octet-stream'
const UUID_AT_END = /\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i

export function createBarbican(call: BarbicanCaller): Barbican {
  async function page(name: string, offset: number) {
    const query = new URLSearchParams({ name, limit: `${PAGE}`, offset: `${offset}`, sort: 'created:asc' })
    const answer = await call({ operation: 'list', path: `/secrets?${query}` })
    if (isRefusal(answer)) return answer
    const body = jsonOf(answer)
    if (!isRecord(body) || !Array.isArray(body.secrets) || typeof body.total !== 'number')
      throw nonsense('list')
    return { secrets: body.secrets.map(secretInfo), total: body.total }
  }

  return {
    async describe(id) {
      try {
        const answer = await call({ operation: 'describe', path: `/secrets/${id}` })
        return isRefusal(answer) ? answer : secretInfo(jsonOf(answer))
      } catch (error) {
        // access rules of an application credential that allow the payload alone answer 401
        if (error instanceof PortcullisError && error.code === 'BARBICAN_REFUSED_US') return 'forbidden'
        throw error
      }
    },
    async payload(id) {
      const answer = await call({ operation: 'payload', path: `/secrets/${id}/payload`, accept: OCTETS })
      if (isRefusal(answer)) return answer
      if (answer.status === 204) return answer.body // what Barbican made of invalid base64: no bytes at all
      if (mediaType(answer) !== OCTETS) {
        answer.body.fill(0)
        throw nonsense('payload')
      }
      return answer.body
    },
    async list(name) {
      const found: SecretInfo[] = []
      for (let pages = 0; pages < MAX_PAGES; pages++) {
        const answer = await page(name, found.length)
        if (isRefusal(answer)) return answer
        found.push(...answer.secrets)
        if (answer.secrets.length === 0 || found.length >= answer.total) return found
      }
      throw new PortcullisError(
        'BARBICAN_BAD_ANSWER',
        `there are more than ${PAGE * MAX_PAGES} secrets of that name`,
      )
    },
    async activateAt(id) {
      const answer = await call({ operation: 'metadata', path: `/secrets/${id}/metadata` })
      if (isRefusal(answer)) return NEVER
      const body = jsonOf(answer)
      if (!isRecord(body) || !isRecord(body.metadata)) throw nonsense('metadata')
      const { activate_at: at } = body.metadata
      if (at === undefined) return undefined
      const time = isText(at) ? utc(at) : Number.NaN
      return Number.isNaN(time) ? NEVER : time
    },
    async order(name) {
      const meta = { name, algorithm: 'aes', bit_length: 256, mode: 'gcm', payload_content_type: OCTETS }
      const answer = await call({
        operation: 'order',
        method: 'POST',
        path: '/orders',
        body: { type: 'key', meta },
      })
      if (isRefusal(answer))
        throw new PortcullisError(
          'BARBICAN_REFUSED_US',
          'Barbican refuses the order of a key: the role creator or member is missing, or a quota is reached',
        )
      const body = jsonOf(answer)
      return idOf(isRecord(body) ? body.order_ref : undefined)
    },
    async ordered(orderId) {
      const answer = await call({ operation: 'order', path: `/orders/${orderId}` })
      const body = isRefusal(answer) ? undefined : jsonOf(answer)
      if (!isRecord(body) || !isText(body.status)) throw nonsense('order')
      if (body.status === 'ERROR')
        throw new PortcullisError(
          'BARBICAN_SERVER_ERROR',
          `Barbican could not carry out the order ${orderId}`,
        )
      return body.status === 'ACTIVE' ? idOf(body.secret_ref) : undefined
    },
    async activate(id, at) {
      const metadata = { activate_at: new Date(at).toISOString() }
      const path = `/secrets/${id}/metadata`
      const answer = await call({ operation: 'metadata', method: 'PUT', path, body: { metadata } })
      if (isRefusal(answer))
        throw new PortcullisError(
          'BARBICAN_REFUSED_US',
          `Barbican refuses to take metadata for the secret ${id}`,
        )
    },
  }
}

function secretInfo(body: unknown): SecretInfo {
  if (!isRecord(body) || !isText(body.created)) throw nonsense('secret')
  const created = utc(body.created)
  const expires = isText(body.expiration) ? utc(body.expiration) : undefined
  if (Number.isNaN(created) || Number.isNaN(expires)) throw nonsense('secret')
  return {
    id: idOf(body.secret_ref),
    name: isText(body.name) ? body.name : '',
    active: body.status === 'ACTIVE',
    created,
    ...(expires !== undefined && { expires }),
  }
}

/** References are believed for their id alone: behind a proxy their host is often that of the inside. */
function idOf(reference: unknown): string {
  const id = isText(reference) ? UUID_AT_END.exec(reference)?.[1] : undefined
  if (id === undefined) throw nonsense('reference')
  return id
}

/** Barbican writes UTC without saying so. */
function utc(text: string): number {
  return Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(text) ? text : `${text}Z`)
}

const mediaType = ({ headers }: HttpAnswer) =>
  String(headers['content-type']).split(';')[0]?.trim().toLowerCase()

const nonsense = (what: string) =>
  new PortcullisError(
    'BARBICAN_BAD_ANSWER',
    `Barbican's answer is no ${what}: is it Barbican at that endpoint?`,
  )
