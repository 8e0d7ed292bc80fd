import { type CallMetrics, createCallMetrics } from '../metrics/call-metrics.ts'
import type { MetricsRegistry } from '../metrics/registry.ts'

const OPERATIONS = ['discovery', 'login', 'validate', 'groups', 'list'] as const
/** The last two are of commands that people run: nobody counts those. */
export type KeystoneOperation = (typeof OPERATIONS)[number] | 'places' | 'revoke'

export type KeystoneMetrics = CallMetrics<KeystoneOperation>

export const createKeystoneMetrics = (registry: MetricsRegistry): KeystoneMetrics =>
  createCallMetrics<readonly KeystoneOperation[]>(registry, 'Keystone', OPERATIONS)
