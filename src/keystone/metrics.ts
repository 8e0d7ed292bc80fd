import { type CallMetrics, createCallMetrics } from '../metrics/call-metrics.ts'
import type { MetricsRegistry } from '../metrics/registry.ts'

const OPERATIONS = ['discovery', 'login', 'validate', 'groups', 'list'] as const
export type KeystoneOperation = (typeof OPERATIONS)[number]

export type KeystoneMetrics = CallMetrics<KeystoneOperation>

export const createKeystoneMetrics = (registry: MetricsRegistry): KeystoneMetrics =>
  createCallMetrics(registry, 'Keystone', OPERATIONS)
