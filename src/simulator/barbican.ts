import { randomBytes, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../clock.ts'

export interface SimulatedSecret {
  readonly id: string
  readonly project: string
  readonly name: string
  readonly created: number
  readonly expires: number | undefined
  readonly payload: Buffer
  readonly metadata: Record<string, string>
  /** Whether it may be read (a private secret of somebody else may not). */
  readable: boolean
}

/** What goes wrong with every request until it is taken away. */
export type BarbicanFault =
  | { readonly kind: 'hang' }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'payload'; readonly body: string | Buffer; readonly type: string }

export interface SimulatedBarbican {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
  /** Puts a secret there without a request. */
  store(secret: Partial<SimulatedSecret>): SimulatedSecret
  readonly secrets: Map<string, SimulatedSecret>
  fault: BarbicanFault | undefined
  /** Orders stay PENDING for so many looks. */
  pendingLooks: number
  quotaReached: boolean
  /** The latest requests by method and path, newest last. */
  readonly seen: string[]
}

interface Answer {
  readonly status: number
  readonly json?: unknown
  readonly octets?: Buffer
}

const MAX_BODY = 25_000
const MAX_SEEN = 10_000

/** Barbican in memory: the part of the Key Manager API v1 that Portcullis uses, answering as Barbican 15 does. */
export function createSimulatedBarbican(options: {
  clock: Clock
  /** The project of a token that is good, and whether a role in it allows the Key Manager. */
  access: (token: string) => { readonly project: string; readonly allowed: boolean } | undefined
}): SimulatedBarbican {
  const { clock } = options
  const secrets = new Map<string, SimulatedSecret>()
  const orders = new Map<string, { looks: number; secretId: string }>()
  const self: SimulatedBarbican = {
    handle,
    store,
    secrets,
    fault: undefined,
    pendingLooks: 0,
    quotaReached: false,
    seen: [],
  }

  function store(given: Partial<SimulatedSecret>): SimulatedSecret {
    const secret = {
      id: randomUUID(),
      project: 'demo',
      name: 'kek',
      created: clock.now(),
      expires: undefined,
      payload: randomBytes(32),
      metadata: {},
      readable: true,
      ...given,
    }
    secrets.set(secret.id, secret)
    return secret
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://barbican')
    self.seen.push(`${request.method} ${url.pathname}`)
    if (self.seen.length > MAX_SEEN) self.seen.shift()
    const { fault } = self
    if (fault?.kind === 'hang') return
    if (fault?.kind === 'slow') await new Promise<void>((resolve) => clock.after(fault.ms, resolve))
    const body = await bodyOf(request)
    if (fault?.kind === 'status') return send(response, { status: fault.status })
    if (fault?.kind === 'payload' && url.pathname.endsWith('/payload')) {
      response.writeHead(200, { 'content-type': fault.type }).end(fault.body)
      return
    }
    const access = options.access(String(request.headers['x-auth-token']))
    const origin = `http://${request.headers.host}`
    if (access === undefined) return send(response, { status: 401, json: { error: { code: 401 } } })
    if (!access.allowed) return send(response, failed(403, 'not allowed'))
    send(response, route(request.method ?? 'GET', url, body, access.project, origin))
  }

  function route(method: string, url: URL, body: unknown, project: string, origin: string): Answer {
    const [, version, kind, id, part] = url.pathname.split('/')
    const route = `${method} ${kind}${id === undefined ? '' : '/id'}${part === undefined ? '' : `/${part}`}`
    const secret = secrets.get(id ?? '')
    if (version !== 'v1') return failed(404, 'Not Found')
    if (route === 'GET secrets') return list(url.searchParams, project, origin)
    if (route === 'POST secrets') return create(body, project, origin)
    if (route === 'POST orders') return order(body, project, origin)
    if (route === 'GET orders/id') return look(id ?? '', origin)
    if (kind !== 'secrets' || secret === undefined || expired(secret)) return failed(404, 'Secret not found.')
    if (secret.project !== project || !secret.readable) return failed(403, 'not allowed')
    if (route === 'GET secrets/id') return { status: 200, json: shown(secret, origin) }
    if (route === 'DELETE secrets/id') {
      secrets.delete(secret.id)
      return { status: 204 }
    }
    if (route === 'GET secrets/id/payload')
      return { status: secret.payload.length === 0 ? 204 : 200, octets: secret.payload }
    if (route === 'GET secrets/id/metadata') return { status: 200, json: { metadata: secret.metadata } }
    if (route === 'PUT secrets/id/metadata') {
      for (const key of Object.keys(secret.metadata)) delete secret.metadata[key]
      Object.assign(secret.metadata, (body as { metadata: object }).metadata)
      return { status: 201, json: { metadata_ref: `${origin}/v1/secrets/${secret.id}/metadata` } }
    }
    return failed(405, 'Method Not Allowed')
  }

  const expired = (secret: SimulatedSecret) => secret.expires !== undefined && secret.expires <= clock.now()

  function list(query: URLSearchParams, project: string, origin: string): Answer {
    const all = [...secrets.values()]
      .filter((secret) => secret.project === project && !expired(secret))
      .filter((secret) => query.get('name') === null || secret.name === query.get('name'))
      .toSorted((a, b) => a.created - b.created)
    const offset = Number(query.get('offset') ?? 0)
    const limit = Math.min(Number(query.get('limit') ?? 10), 100)
    const page = all.slice(offset, offset + limit).map((secret) => shown(secret, origin))
    return { status: 200, json: { secrets: page, total: all.length } }
  }

  /** Base64 is decoded leniently, as Barbican does: what is stored may be anything. */
  function create(body: unknown, project: string, origin: string): Answer {
    const { name, payload, expiration } = body as { name?: string; payload?: string; expiration?: string }
    const secret = store({
      project,
      name: name ?? '',
      payload: Buffer.from(payload ?? '', 'base64'),
      expires: expiration === undefined ? undefined : Date.parse(`${expiration}Z`),
    })
    return { status: 201, json: { secret_ref: `${origin}/v1/secrets/${secret.id}` } }
  }

  function order(body: unknown, project: string, origin: string): Answer {
    if (self.quotaReached) return failed(403, 'Creation not allowed because a quota has been reached.')
    const { name, bit_length: bits } = (body as { meta: { name: string; bit_length: number } }).meta
    const secret = store({ project, name, payload: randomBytes(bits / 8) })
    const id = randomUUID()
    orders.set(id, { looks: self.pendingLooks, secretId: secret.id })
    return { status: 202, json: { order_ref: `${origin}/v1/orders/${id}` } }
  }

  function look(id: string, origin: string): Answer {
    const order = orders.get(id)
    if (order === undefined) return failed(404, 'Order not found.')
    const pending = order.looks-- > 0
    const secretRef = `${origin}/v1/secrets/${order.secretId}`
    return {
      status: 200,
      json: pending ? { status: 'PENDING' } : { status: 'ACTIVE', secret_ref: secretRef },
    }
  }

  return self
}

const failed = (code: number, description: string): Answer => ({
  status: code,
  json: { code, title: 'failed', description },
})

function shown(secret: SimulatedSecret, origin: string): object {
  const date = (ms: number) => new Date(ms).toISOString().replace('Z', '000')
  return {
    secret_ref: `${origin}/v1/secrets/${secret.id}`,
    name: secret.name,
    status: 'ACTIVE',
    secret_type: 'symmetric',
    created: date(secret.created),
    expiration: secret.expires === undefined ? null : date(secret.expires),
    content_types: { default: 'application/octet-stream' },
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += (chunk as Buffer).length
    if (size <= MAX_BODY) chunks.push(chunk as Buffer)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    return undefined
  }
}

function send(response: ServerResponse, { status, json, octets }: Answer): void {
  const type = octets === undefined ? 'application/json' : 'application/octet-stream'
  response.writeHead(status, { 'content-type': type }).end(octets ?? JSON.stringify(json ?? {}))
}
