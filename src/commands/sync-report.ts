import type { Obstacle, Step } from '../sync/plan.ts'
import { ACTIONS, stepsOf } from '../sync/plan.ts'
import type { Execution } from '../sync/plan-execution.ts'
import type { Comparison } from '../sync/reconciler.ts'

const PAST = { create: 'created', update: 'updated', delete: 'deleted' } as const
const WHAT = { not_ours: 'is not ours', unclear: 'is ours, but does not say of which project' } as const

/** Names of roles are Keystone's: what a terminal would obey is not printed. */
const nameOf = ({ namespace, name }: { namespace?: string; name: string }) =>
  (namespace === undefined ? name : `${namespace}/${name}`).replace(/\p{Cc}/gu, '?')

/** The difference for people: a line for each step. */
export function planText({ plan, projects }: Comparison): string {
  const steps = stepsOf(plan)
  const rows = steps.map((step) => {
    const { action, resource, reason } = step
    return `${action.padEnd(6)} ${resource.kind.padEnd(13)} ${nameOf(step)}  (${reason.replaceAll('_', ' ')})\n`
  })
  const notes = plan.obstacles.map(
    (obstacle) => `note:  ${obstacle.resource.kind.padEnd(13)} ${nameOf(obstacle)} ${WHAT[obstacle.what]}\n`,
  )
  const counts = ACTIONS.map(
    (action) => `${steps.filter((step) => step.action === action).length} to ${action}`,
  )
  return `${rows.join('')}${notes.join('')}${projects} projects, ${plan.owned} owned objects: ${counts.join(', ')}\n`
}

/** What was done, for people. */
export function executionText({ done, skipped, failures }: Execution): string {
  const rows = failures.map(
    ({ step, refusal }) => `failed: ${step.action} ${step.resource.kind} ${nameOf(step)}: ${refusal}\n`,
  )
  const counts = ACTIONS.map((action) => `${done[action]} ${PAST[action]}`)
  return `${rows.join('')}${counts.join(', ')}, ${skipped} overtaken by others, ${failures.length} failed\n`
}

const place = ({ resource, namespace, name }: Step | Obstacle) => ({
  kind: resource.kind,
  ...(namespace !== undefined && { namespace }),
  name,
})

/** The same as one JSON object. */
export function syncJson({ plan, projects, refused }: Comparison, execution: Execution | undefined): string {
  const report = {
    projects,
    owned: plan.owned,
    removals: plan.removals,
    ...(refused !== undefined && { refused: refused.code }),
    steps: stepsOf(plan).map((step) => ({ action: step.action, ...place(step), reason: step.reason })),
    obstacles: plan.obstacles.map((obstacle) => ({ ...place(obstacle), what: obstacle.what })),
    ...(execution !== undefined && {
      done: execution.done,
      skipped: execution.skipped,
      failed: execution.failures.map(({ step, refusal }) => ({
        action: step.action,
        ...place(step),
        refusal,
      })),
    }),
  }
  return `${JSON.stringify(report, undefined, 2)}\n`
}
