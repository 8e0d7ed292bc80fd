import type { MetricsRegistry } from '../metrics/registry.ts'

const OPERATIONS = ['describe', 'payload', 'list', 'metadata', 'order'] as const
export type BarbicanOperation = (typeof OPERATIONS)[number]

const OUTCOMES = ['ok', 'refused', 'failed'] as const

export interface BarbicanMetrics {
  called(operation: BarbicanOperation, outcome: (typeof OUTCOMES)[number], milliseconds: number): void
}

export function createBarbicanMetrics(registry: MetricsRegistry): BarbicanMetrics {
  const labels = { operation: OPERATIONS, outcome: OUTCOMES }
  const calls = registry.counter(
    'barbican_calls_total',
    'Calls to Barbican by operation and outcome.',
    labels,
  )
  const seconds = registry.histogram('barbican_call_duration_seconds', 'Time of calls to Barbican.', labels)
  return {
    called(operation, outcome, milliseconds) {
      calls.add({ operation, outcome })
      seconds.observe({ operation, outcome }, milliseconds / 1000)
    },
  }
}
