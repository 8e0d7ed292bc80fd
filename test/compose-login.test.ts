import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import t, { type Test } from 'tap'
import { createAttempt } from '../src/compose-login.ts'
import type { LoginMethod } from '../src/keystone/credentials.ts'
import { errorCode } from './support/error-code.ts'
import { createManualClock } from './support/manual-clock.ts'
import { until } from './support/until.ts'

const METHOD: LoginMethod = {
  kind: 'user',
  user: { id: 'alice' },
  password: 'secret-of-alice',
  scope: undefined,
}

/** A server that is asked to log in, and attempts at it under a clock by hand. */
async function world(t: Test, answer: (response: ServerResponse) => void) {
  const asked: { path: string | undefined; headers: IncomingHttpHeaders }[] = []
  const connections = new Set<Socket>()
  const server = createServer(({ url, headers }, response) => {
    asked.push({ path: url, headers })
    answer(response)
  }).listen(0, '127.0.0.1')
  server.on('connection', (socket) => {
    connections.add(socket)
    socket.on('close', () => connections.delete(socket))
  })
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const clock = createManualClock()
  const attempt = createAttempt({ clock, version: '0', deadlineMs: 5000 })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v3`
  return { asked, connections, clock, attempt, url }
}

t.test('an attempt that completes another hands its receipt over; the first one has none', async (t) => {
  const { asked, attempt, url, connections } = await world(t, (response) => {
    response.writeHead(401, { 'openstack-auth-receipt': 'receipt-1', 'content-type': 'application/json' })
    response.end('{"receipt":{},"required_auth_methods":[["password","totp"]]}')
  })
  t.strictSame(await attempt({ url, tls: {}, method: METHOD }), {
    url,
    outcome: { status: 401, receipt: { id: 'receipt-1', needs: [['password', 'totp']] } },
  })
  await attempt({ url, tls: {}, method: METHOD, receipt: 'receipt-1' })
  t.strictSame(
    asked.map(({ path, headers }) => [path, headers['openstack-auth-receipt']]),
    [
      ['/v3/auth/tokens?nocatalog', undefined],
      ['/v3/auth/tokens?nocatalog', 'receipt-1'],
    ],
  )
  await until('its connections are closed', () => connections.size === 0, 2000)
})

t.test('an attempt ends at the deadline, all that it costs included', async (t) => {
  const { asked, attempt, url, clock } = await world(t, () => {})
  let ended: unknown
  void errorCode(attempt({ url: url.replace('/v3', ''), tls: {}, method: METHOD })).then((code) => {
    ended = code
  })
  await until('it asks for the versions', () => asked.length === 1)
  await clock.advance(4999)
  t.equal(ended, undefined)
  await clock.advance(1)
  await until('it ends', () => ended !== undefined)
  t.equal(ended, 'HTTP_TIMEOUT')
})
