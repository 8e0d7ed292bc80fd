import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { join } from 'node:path'

interface Stored {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown }
  readonly [field: string]: unknown
}

/** What it does instead of answering, until told otherwise: 500, nothing at all, 403. */
export type ApiFault = 'error' | 'hang' | 'refused'

/**
 * As much of a Kubernetes API as Portcullis asks for, in memory and over plain HTTP, for faults that a real one
 * cannot be made to show.
 */
export interface FakeApiserver {
  readonly url: string
  /** A kubeconfig that leads to it, in this folder. */
  kubeconfig(folder: string): string
  /** Method and path of each request so far; the query of lists and watches too. */
  readonly requests: readonly string[]
  /** Puts an object and tells the watches, unless `silently`. */
  put(path: string, object: Stored, options?: { silently?: boolean }): void
  /** Takes an object away and tells the watches. */
  remove(path: string): void
  /** Names of the objects of a collection. */
  names(path: string): readonly string[]
  object(path: string): Stored | undefined
  fail(fault: ApiFault | undefined): void
  /** Sends this line to all watches. */
  tell(event: object): void
  /** Breaks all watches off. */
  breakWatches(): void
  readonly watches: number
  /** How many are open. */
  readonly connections: number
  close(): Promise<void>
}

export async function startFakeApiserver(options: { pageSize?: number } = {}): Promise<FakeApiserver> {
  const objects = new Map<string, Stored>()
  const watches = new Set<{ collection: string; response: ServerResponse }>()
  const requests: string[] = []
  let version = 1
  let fault: ApiFault | undefined
  const server = createServer((request, response) => void answer(request, response))
  const connections = new Set<Socket>()
  server.on('connection', (socket) => {
    connections.add(socket)
    socket.on('close', () => connections.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://fake')
    requests.push(`${request.method} ${request.url}`)
    let body = ''
    for await (const chunk of request) body += chunk
    if (fault === 'hang') return
    if (fault === 'error') return status(response, 500, 'InternalError')
    if (fault === 'refused') return status(response, 403, 'Forbidden')
    if (searchParams.has('watch'))
      return watch(pathname, Number(searchParams.get('resourceVersion')), response)
    const collection = /\/(namespaces|configmaps|rolebindings)$/.test(pathname)
    if (request.method === 'POST') return create(pathname, JSON.parse(body), response)
    if (collection) return list(pathname, searchParams.get('continue'), response)
    const found = objects.get(pathname)
    if (found === undefined) return status(response, 404, 'NotFound')
    send(response, 200, found)
  }

  const send = (response: ServerResponse, code: number, value: object) => {
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }
  const status = (response: ServerResponse, code: number, reason: string) =>
    send(response, code, { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, code })
  const of = (collection: string) =>
    [...objects].filter(([path]) => path.slice(0, path.lastIndexOf('/')) === collection).map(([, one]) => one)

  function create(collection: string, object: Stored, response: ServerResponse): void {
    const path = `${collection}/${object.metadata.name}`
    if (objects.has(path)) status(response, 409, 'AlreadyExists')
    else {
      put(path, object)
      send(response, 201, objects.get(path) as Stored)
    }
  }

  function list(collection: string, from: string | null, response: ServerResponse): void {
    const all = of(collection)
    const start = Number(from ?? 0)
    const end = start + (options.pageSize ?? 500)
    const next = end < all.length ? { continue: String(end) } : {}
    send(response, 200, {
      metadata: { resourceVersion: String(version), ...next },
      items: all.slice(start, end),
    })
  }

  function watch(collection: string, since: number, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    const entry = { collection, response }
    watches.add(entry)
    response.on('close', () => watches.delete(entry))
    for (const object of of(collection))
      if (Number(object.metadata.resourceVersion) > since) event(entry, { type: 'MODIFIED', object })
  }

  const event = ({ response }: { response: ServerResponse }, value: object) =>
    response.write(`${JSON.stringify(value)}\n`)

  function put(path: string, object: Stored, { silently = false } = {}): void {
    version += 1
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
    objects.set(path, stored)
    for (const one of watches)
      if (!silently && path.startsWith(`${one.collection}/`)) event(one, { type: 'MODIFIED', object: stored })
  }

  return {
    url: `http://127.0.0.1:${port}`,
    kubeconfig(folder) {
      const path = join(folder, 'fake.kubeconfig')
      const file = {
        clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}` } }],
        users: [{ name: 'u', user: {} }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
        'current-context': 'x',
      }
      writeFileSync(path, JSON.stringify(file))
      return path
    },
    requests,
    put,
    remove(path) {
      const object = objects.get(path)
      objects.delete(path)
      version += 1
      for (const one of watches)
        if (path.startsWith(`${one.collection}/`)) event(one, { type: 'DELETED', object })
    },
    names: (collection) => of(collection).map(({ metadata }) => metadata.name),
    object: (path) => objects.get(path),
    fail(next) {
      fault = next
    },
    tell(value) {
      for (const one of watches) event(one, value)
    },
    breakWatches() {
      for (const { response } of watches) response.destroy()
    },
    get watches() {
      return watches.size
    },
    get connections() {
      return connections.size
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
