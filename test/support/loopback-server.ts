import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer, type ServerOptions } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Test } from 'tap'

export interface LoopbackServer {
  /** Without a slash at its end. */
  readonly url: string
  /** Connections that were made so far, and those that are open. */
  readonly made: readonly Socket[]
  open(): number
}

/** A server on a free port of loopback that ends with the test; over TLS with a certificate. */
export async function startLoopbackServer(
  t: Pick<Test, 'teardown'>,
  listener: RequestListener,
  tls?: ServerOptions,
): Promise<LoopbackServer> {
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  const made: Socket[] = []
  server.on('connection', (socket) => made.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    for (const socket of made) socket.destroy()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    made,
    open: () => made.filter(({ destroyed }) => !destroyed).length,
  }
}

/** The URL of a port of loopback where nobody listens. */
export async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return `http://127.0.0.1:${port}`
}
