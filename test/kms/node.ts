import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Clock } from '../../src/clock.ts'
import { createHttpClient } from '../../src/http/client.ts'
import { createBarbican } from '../../src/kms/barbican.ts'
import { createBarbicanCaller } from '../../src/kms/barbican-caller.ts'
import { createBarbicanMetrics } from '../../src/kms/barbican-metrics.ts'
import type { KeySet } from '../../src/kms/kek-store.ts'
import { createKeyCheck } from '../../src/kms/key-check.ts'
import { createKeySchedule } from '../../src/kms/key-schedule.ts'
import { createKeyring } from '../../src/kms/keyring.ts'
import { createKmsMetrics } from '../../src/kms/kms-metrics.ts'
import { createKmsService } from '../../src/kms/kms-service.ts'
import { createLog } from '../../src/log.ts'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'
import { createSimulatedBarbican } from '../../src/simulator/barbican.ts'

/** A simulated Barbican behind HTTP, and a session whose token is good until `revoke`. */
export async function startBarbican(t: { teardown(run: () => void): void }, clock: Clock) {
  let good = 'token-1'
  const simulated = createSimulatedBarbican({
    clock,
    project: (token) => (token === good ? 'demo' : undefined),
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
}) {
  const { barbican: store, keySet, clock } = options
  const lines: string[] = []
  const log = createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } })
  const registry = createMetricsRegistry()
  const keyring = createKeyring({ store, keySet, clock, log })
  const schedule = createKeySchedule(clock)
  const check = createKeyCheck({
    store,
    keySet,
    keyring,
    schedule,
    clock,
    log,
    refreshMs: 60_000,
    offlineGraceMs: 4 * 3_600_000,
  })
  const metrics = createKmsMetrics({ registry, keyring, schedule, check, clock })
  const service = createKmsService({ keyring, schedule, check, clock, log, metrics })
  return { service, keyring, schedule, check, registry, lines }
}
