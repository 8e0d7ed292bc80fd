import type { MetricsRegistry } from './registry.ts'

const OUTCOMES = ['ok', 'refused', 'failed'] as const

/** Counts and times the calls to one remote service. */
export interface CallMetrics<Operation extends string> {
  called(operation: Operation, outcome: (typeof OUTCOMES)[number], milliseconds: number): void
}

/** `<service>_calls_total` and `<service>_call_duration_seconds`, by operation and outcome. */
export function createCallMetrics<const O extends readonly string[]>(
  registry: MetricsRegistry,
  service: 'Keystone' | 'Barbican' | 'Kubernetes',
  operations: O,
): CallMetrics<O[number]> {
  const labels = { operation: operations, outcome: OUTCOMES }
  const name = service.toLowerCase()
  const calls = registry.counter(
    `${name}_calls_total`,
    `Calls to ${service} by operation and outcome.`,
    labels,
  )
  const seconds = registry.histogram(`${name}_call_duration_seconds`, `Time of calls to ${service}.`, labels)
  return {
    called(operation, outcome, milliseconds) {
      calls.add({ operation, outcome })
      seconds.observe({ operation, outcome }, milliseconds / 1000)
    },
  }
}
