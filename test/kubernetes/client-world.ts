import type { Test } from 'tap'
import { type Clock, systemClock } from '../../src/clock.ts'
import { createGate } from '../../src/http/gate.ts'
import { createKubernetesCaller } from '../../src/kubernetes/caller.ts'
import { createKubernetesClient, type KubernetesClient } from '../../src/kubernetes/client.ts'
import type { ClusterAccess } from '../../src/kubernetes/cluster-access.ts'
import { openConnection } from '../../src/kubernetes/connection.ts'
import { createKubernetesMetrics } from '../../src/kubernetes/metrics.ts'
import { createLog } from '../../src/log.ts'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'

export const PLAIN: Omit<ClusterAccess, 'server'> = {
  ca: undefined,
  serverName: undefined,
  cert: undefined,
  key: undefined,
  token: undefined,
}

/** A client of the API at this URL, or with this access. */
export function makeClient(
  t: Test,
  access: string | (() => ClusterAccess),
  clock: Clock = systemClock,
): KubernetesClient {
  const log = createLog({ level: 'fatal' })
  const read = typeof access === 'string' ? () => ({ server: access, ...PLAIN }) : access
  const connection = openConnection({ read, userAgent: 'test', connections: 4, clock, log })
  t.teardown(() => connection.close())
  return createKubernetesClient(
    createKubernetesCaller({
      connection,
      gate: createGate({ running: 4, waiting: 16 }),
      deadlineMs: 2000,
      clock,
      metrics: createKubernetesMetrics(createMetricsRegistry()),
    }),
  )
}
