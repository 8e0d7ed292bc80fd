import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../clock.ts'
import { createKeystoneApi, type KeystoneApi } from './keystone-api.ts'
import { createKeystoneModel, type KeystoneModel } from './keystone-model.ts'
import { createTokenMint, type TokenMint } from './keystone-tokens.ts'

/** What goes wrong with requests until it is set to undefined. */
export type KeystoneFault =
  | { readonly kind: 'hang' }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'reset' }
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly type?: string }
  | { readonly kind: 'truncated' }

export interface SimulatedKeystone {
  /** The root, without /v3. */
  readonly url: string
  readonly model: KeystoneModel
  readonly api: KeystoneApi
  readonly mint: TokenMint
  /** The fault can be for so many requests only, or for one operation only (as in `count`). */
  fail(fault: KeystoneFault | undefined, only?: { times?: number; operation?: string }): void
  /** Requests so far, by `METHOD path` with ids left out. */
  count(operation: string): number
  close(): Promise<void>
}

const MAX_BODY = 114_688

/** A Keystone in memory behind a plain HTTP port of loopback. */
export async function startSimulatedKeystone(options: {
  clock: Clock
  provider?: 'fernet' | 'jws'
  tokenLifetimeMs?: number
  /** Where the API begins, such as `/identity`. */
  prefix?: string
  port?: number
  /** The services that tokens tell of; Keystone alone without it. */
  catalog?: () => readonly object[]
}): Promise<SimulatedKeystone> {
  const { clock, prefix = '' } = options
  const model = createKeystoneModel()
  const mint = createTokenMint(options.provider ?? 'fernet')
  const api = createKeystoneApi({
    model,
    mint,
    clock,
    tokenLifetimeMs: options.tokenLifetimeMs ?? 3_600_000,
    catalog: options.catalog ?? (() => [identity()]),
  })
  const identity = () => ({
    id: 'keystone',
    name: 'keystone',
    type: 'identity',
    endpoints: ['public', 'internal', 'admin'].map((side) => ({
      id: `keystone-${side}`,
      interface: side,
      region: 'RegionOne',
      region_id: 'RegionOne',
      url: `${url}/v3`,
    })),
  })
  const counts = new Map<string, number>()
  let fault: KeystoneFault | undefined
  let left = Number.POSITIVE_INFINITY
  let faulty: string | undefined

  function nextFault(operation: string): KeystoneFault | undefined {
    if (fault === undefined || left <= 0 || (faulty ?? operation) !== operation) return undefined
    left -= 1
    return fault
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname: path, searchParams: query } = new URL(request.url ?? '/', 'http://keystone')
    const operation = `${request.method} ${path.slice(prefix.length).replace(/[0-9a-f]{32}/g, '{id}')}`
    counts.set(operation, (counts.get(operation) ?? 0) + 1)
    const body = await readBody(request)
    const now = nextFault(operation)
    if (now?.kind === 'hang') return
    if (now?.kind === 'reset') return void request.socket.resetAndDestroy()
    if (now?.kind === 'slow') await new Promise<void>((resolve) => clock.after(now.ms, resolve))
    if (now?.kind === 'answer')
      return void response
        .writeHead(now.status, { 'content-type': now.type ?? 'application/json' })
        .end(now.body)
    if (path.replace(/\/$/, '') === prefix || path.replace(/\/$/, '') === `${prefix}/v3`)
      return sendVersions(path.includes('/v3'), request, response)
    if (!path.startsWith(`${prefix}/v3/`)) return sendHtml(response)
    const answer = api.answer({
      method: request.method ?? 'GET',
      path: path.slice(prefix.length),
      query,
      header: (name) => String(request.headers[name] ?? ''),
      body,
    })
    if (answer.status === 404 && answer.body === undefined) return sendHtml(response)
    const text = answer.body === undefined ? '' : JSON.stringify(answer.body)
    response.writeHead(answer.status, {
      'content-type': 'application/json',
      vary: 'X-Auth-Token',
      ...(answer.token && { 'x-subject-token': answer.token }),
      ...(answer.status === 401 && { 'www-authenticate': `Keystone uri="${url}/v3"` }),
    })
    response.end(now?.kind === 'truncated' ? text.slice(0, text.length / 2) : text)
  }

  function sendVersions(one: boolean, request: IncomingMessage, response: ServerResponse): void {
    // as behind a proxy that tells Keystone nothing: host and scheme of the link are those of the inside
    const version = {
      id: 'v3.14',
      status: 'stable',
      links: [{ rel: 'self', href: `http://inside:5000${prefix}/v3/` }],
    }
    response.writeHead(one ? 200 : 300, { 'content-type': 'application/json' })
    response.end(
      request.method === 'HEAD'
        ? ''
        : JSON.stringify(one ? { version } : { versions: { values: [version] } }),
    )
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`
  return {
    url,
    model,
    api,
    mint,
    fail(next, only = {}) {
      fault = next
      left = only.times ?? Number.POSITIVE_INFINITY
      faulty = only.operation
    },
    count: (operation) => counts.get(operation) ?? 0,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function sendHtml(response: ServerResponse): void {
  response.writeHead(404, { 'content-type': 'text/html' }).end('<!doctype html><title>404 Not Found</title>')
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += (chunk as Buffer).length
    if (size > MAX_BODY) throw new Error('too large')
    chunks.push(chunk as Buffer)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    return undefined
  }
}
