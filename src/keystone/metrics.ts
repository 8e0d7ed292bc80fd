import type { MetricsRegistry } from '../metrics/registry.ts'

const OPERATIONS = ['discovery', 'login', 'validate', 'groups'] as const
export type KeystoneOperation = (typeof OPERATIONS)[number]

const OUTCOMES = ['ok', 'refused', 'failed'] as const

export interface KeystoneMetrics {
  called(operation: KeystoneOperation, outcome: (typeof OUTCOMES)[number], milliseconds: number): void
}

export function createKeystoneMetrics(registry: MetricsRegistry): KeystoneMetrics {
  const labels = { operation: OPERATIONS, outcome: OUTCOMES }
  const calls = registry.counter(
    'keystone_calls_total',
    'Calls to Keystone by operation and outcome.',
    labels,
  )
  const seconds = registry.histogram('keystone_call_duration_seconds', 'Time of calls to Keystone.', labels)
  return {
    called(operation, outcome, milliseconds) {
      calls.add({ operation, outcome })
      seconds.observe({ operation, outcome }, milliseconds / 1000)
    },
  }
}
