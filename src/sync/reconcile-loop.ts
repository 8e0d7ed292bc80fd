import { type Clock, pause } from '../clock.ts'
import { errorText, PortcullisError } from '../errors.ts'
import type { Log } from '../log.ts'
import { ACTIONS } from './plan.ts'
import type { Execution } from './plan-execution.ts'
import type { ReconcileMetrics, RunOutcome } from './reconcile-metrics.ts'
import type { Comparison, Reconciler } from './reconciler.ts'

/** Reconciles at once and then at every interval for as long as this replica leads. */
export interface ReconcileLoop {
  /** Runs until the signal says that the lead is over. */
  run(lead: AbortSignal): Promise<void>
  /** What went wrong last time; undefined if nothing did. */
  readonly fault: () => string | undefined
}

export function createReconcileLoop(parts: {
  reconciler: Reconciler
  /** Whether anything is to be kept in step at the moment. */
  wanted: () => boolean
  intervalMs: number
  clock: Clock
  log: Log
  metrics: ReconcileMetrics
  leading: () => boolean
}): ReconcileLoop {
  const { reconciler, clock, log, metrics } = parts
  let fault: string | undefined
  let obstacles = 0
  let lastSuccess: number | undefined
  metrics.watch({ leading: parts.leading, obstacles: () => obstacles, lastSuccess: () => lastSuccess })

  async function once(lead: AbortSignal): Promise<RunOutcome> {
    const start = clock.monotonic()
    const comparison = await reconciler.plan()
    obstacles = comparison.plan.obstacles.length
    const execution = await reconciler.apply(comparison, lead)
    for (const action of ACTIONS) metrics.changed(action, execution.done[action])
    const milliseconds = Math.round(clock.monotonic() - start)
    log.info({ ...counts(comparison, execution), milliseconds }, 'Reconciled')
    for (const line of refusals(execution)) log.error(line, 'The Kubernetes API refused changes')
    if (comparison.templateFault !== undefined)
      log.error({ err: comparison.templateFault }, 'Kept the old template, the new one is not usable')
    fault = faultOf(comparison, execution)
    if (execution.interrupted) return 'interrupted'
    if (fault !== undefined) return 'incomplete'
    lastSuccess = clock.now()
    return Object.values(execution.done).some((count) => count > 0) ? 'changed' : 'unchanged'
  }

  async function turn(lead: AbortSignal): Promise<void> {
    const start = clock.monotonic()
    let outcome: RunOutcome
    try {
      outcome = await once(lead)
    } catch (error) {
      fault = errorText(error)
      const code = error instanceof PortcullisError ? error.code : undefined
      outcome = code === 'SYNC_TOO_MANY_REMOVALS' ? 'refused' : 'failed'
      log.error({ code, err: fault }, 'Could not reconcile')
    }
    metrics.ran(outcome, clock.monotonic() - start)
  }

  return {
    fault: () => fault,
    async run(lead) {
      while (!lead.aborted) {
        if (parts.wanted()) await turn(lead)
        await pause(clock, parts.intervalMs, lead)
      }
      fault = undefined
    },
  }
}

function counts({ plan, projects }: Comparison, { done, skipped, failures }: Execution) {
  const { owned, obstacles } = plan
  return { projects, owned, ...done, skipped, failed: failures.length, obstacles: obstacles.length }
}

/** One line for each kind of refusal, with numbers instead of names. */
function refusals({ failures }: Execution) {
  const lines = new Map<string, { action: string; resource: string; refusal: string; count: number }>()
  for (const { step, refusal } of failures) {
    const resource = step.resource.plural
    const key = `${step.action} ${resource} ${refusal}`
    const line = lines.get(key) ?? { action: step.action, resource, refusal, count: 0 }
    lines.set(key, { ...line, count: line.count + 1 })
  }
  return lines.values()
}

function faultOf({ templateFault }: Comparison, { failures }: Execution): string | undefined {
  if (failures.length > 0) return `the Kubernetes API refused ${failures.length} changes`
  return templateFault === undefined ? undefined : 'the template is not usable; the old one holds'
}
