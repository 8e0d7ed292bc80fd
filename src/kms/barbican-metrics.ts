import { type CallMetrics, createCallMetrics } from '../metrics/call-metrics.ts'
import type { MetricsRegistry } from '../metrics/registry.ts'

const OPERATIONS = ['describe', 'payload', 'list', 'metadata', 'order'] as const
export type BarbicanOperation = (typeof OPERATIONS)[number]

export type BarbicanMetrics = CallMetrics<BarbicanOperation>

export const createBarbicanMetrics = (registry: MetricsRegistry): BarbicanMetrics =>
  createCallMetrics(registry, 'Barbican', OPERATIONS)
