import type { KubernetesClient } from '../kubernetes/client.ts'
import type { Action, Plan, Step } from './plan.ts'

/** What became of the steps of a plan. */
export interface Execution {
  readonly done: Readonly<Record<Action, number>>
  /** Somebody was faster, or the namespace is going: the next comparison shows whether anything is left to do. */
  readonly skipped: number
  /** What the API server refused. */
  readonly failures: readonly { readonly step: Step; readonly refusal: string }[]
  /** Asked to end before all was done. */
  readonly interrupted: boolean
}

const AT_ONCE = 8

/** What another replica, a log-in or a user did meanwhile is no failure. */
const OVERTAKEN: Readonly<Record<Action, readonly string[]>> = {
  create: ['exists', 'terminating'],
  update: ['conflict', 'absent', 'terminating'],
  delete: ['conflict', 'absent'],
}

/**
 * Carries a plan out, stage by stage. A refusal of one step does not stop the others; an API server that cannot be
 * reached does: throws HTTP_... or KUBERNETES_....
 */
export async function execute(plan: Plan, client: KubernetesClient, signal: AbortSignal): Promise<Execution> {
  const done = { create: 0, update: 0, delete: 0 }
  const failures: { step: Step; refusal: string }[] = []
  let skipped = 0

  async function take(step: Step): Promise<void> {
    const answer = await send(step, client)
    if (typeof answer !== 'string' || answer === 'deleted') done[step.action] += 1
    else if (OVERTAKEN[step.action].includes(answer)) skipped += 1
    else failures.push({ step, refusal: answer })
  }

  for (const stage of plan.stages) {
    const steps = stage.values()
    let broken = false
    const work = async () => {
      for (const step of steps) {
        if (signal.aborted || broken) return
        await take(step).catch((error) => {
          broken = true
          throw error
        })
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
  }
  return { done, skipped, failures, interrupted: signal.aborted }
}

function send(step: Step, client: KubernetesClient) {
  const { resource, name, namespace } = step
  const where = { name, ...(namespace !== undefined && { namespace }) }
  if (step.action === 'create') return client.create(resource, step.object)
  if (step.action === 'update') return client.patch(resource, where, step.patch)
  return client.delete(resource, { ...where, uid: step.uid })
}
