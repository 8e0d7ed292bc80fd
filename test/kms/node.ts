import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, systemClock } from '../../src/clock.ts'
import { composeKms } from '../../src/compose-kms.ts'
import { createHttpClient } from '../../src/http/client.ts'
import { createBarbican } from '../../src/kms/barbican.ts'
import { createBarbicanCaller } from '../../src/kms/barbican-caller.ts'
import { createBarbicanMetrics } from '../../src/kms/barbican-metrics.ts'
import { connectKms, createKmsGrpcServer } from '../../src/kms/grpc.ts'
import type { KeySet } from '../../src/kms/kek-store.ts'
import { listenOnSocket } from '../../src/kms/socket.ts'
import { createLog, type LogLevel } from '../../src/log.ts'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'
import { createSimulatedBarbican } from '../../src/simulator/barbican.ts'
import { counting } from './fixtures.ts'

type Test = { teardown(run: () => void): void }

/** A simulated Barbican behind HTTP, and a session whose token is good until `revoke`. */
export async function startBarbican(t: Test, clock: Clock) {
  let good = 'token-1'
  const simulated = createSimulatedBarbican({
    clock,
    access: (token) => (token === good ? { project: 'demo', allowed: true } : undefined),
  })
  const server = createServer((request, response) => void simulated.handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const http = createHttpClient({ userAgent: 'test', connections: 32 })
  t.teardown(async () => {
    await http.close()
    server.closeAllConnections()
    server.close()
  })
  let token = good
  const session = {
    token: async () => token,
    renewed: async () => {
      token = good
      return token
    },
    serviceUrl: async () => url,
  }
  const metrics = createMetricsRegistry()
  const call = createBarbicanCaller({
    http,
    session,
    endpoint: undefined,
    deadlineMs: 1000,
    clock,
    metrics: createBarbicanMetrics(metrics),
  })
  return {
    simulated,
    url,
    barbican: createBarbican(call),
    metrics,
    revoke: () => {
      good = `token-${Math.random()}`
    },
  }
}

/** One instance of the plugin without its socket: what compose puts together. */
export function createNode(options: {
  barbican: Awaited<ReturnType<typeof startBarbican>>['barbican']
  keySet: KeySet
  clock: Clock
  level?: LogLevel
}) {
  const { barbican: store, keySet, clock } = options
  const lines: string[] = []
  const log = createLog({
    level: options.level ?? 'debug',
    destination: { write: (line) => void lines.push(line) },
  })
  const registry = createMetricsRegistry()
  const refreshMs = 60_000
  const offlineGraceMs = 4 * 3_600_000
  const kms = composeKms({ store, keySet, clock, log, registry, refreshMs, offlineGraceMs })
  return { ...kms, registry, lines }
}

/** A directory for sockets: those of the test runner are too deep for a socket's path. */
export function socketDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'kms-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  return directory
}

/** One instance on a socket, with a client; its one key is the first of the simulated Barbican. */
export async function startPlugin(
  t: Test,
  options: { path?: string; replaceRunning?: boolean; check?: boolean; level?: LogLevel } = {},
) {
  const path = options.path ?? join(socketDirectory(t), 'kms.sock')
  const clock = systemClock
  const { barbican, simulated } = await startBarbican(t, clock)
  const secret = simulated.store({ payload: counting(0, 32) })
  const node = createNode({
    barbican,
    keySet: { ids: [secret.id] },
    clock,
    ...(options.level && { level: options.level }),
  })
  if (options.check ?? true) await node.check.run()
  const errors: unknown[] = []
  const server = createKmsGrpcServer({
    service: node.service,
    report: node.report,
    failed: (error) => errors.push(error),
    clock,
  })
  const replaceRunning = options.replaceRunning ?? false
  const socket = await listenOnSocket({ path, replaceRunning, accept: server.serve })
  const stop = async () => {
    socket.close()
    await server.stop(500)
  }
  const client = connectKms({ path, deadlineMs: 3000, clock })
  t.teardown(async () => {
    client.close()
    await stop()
  })
  return { path, client, stop, socket, secret, errors, simulated, ...node }
}
