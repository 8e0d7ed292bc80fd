import type { Clock } from '../clock.ts'
import type { BoundedLog } from '../files/bounded-log.ts'
import { isRecord } from '../json.ts'
import type { Log } from '../log.ts'
import type { ReviewObserver } from './subject-access-review.ts'

const FIELDS = ['user', 'uid', 'group', 'groups', 'resourceAttributes', 'nonResourceAttributes'] as const
const EXTRA_PREFIX = 'alpha.kubernetes.io/identity/'
const MAX_LINE = 64 * 1024
/** Lines wait for a moment of their own, so that no answer waits for the disk; more than these are dropped. */
const MAX_WAITING = 1024

/**
 * Writes what was asked and what was answered as JSON lines, for `policy diff` and `policy test`. Of `extra` only
 * Keystone's identity is kept: another authenticator may put anything there, a credential's name for one.
 */
export function createReviewRecorder(parts: { file: BoundedLog; clock: Clock; log: Log }): ReviewObserver {
  const { file, clock, log } = parts
  const waiting: string[] = []
  let scheduled = false

  function flush(): void {
    scheduled = false
    const lines = waiting.splice(0).join('\n')
    try {
      file.append(lines)
    } catch (error) {
      log.error({ err: (error as NodeJS.ErrnoException).code ?? 'unknown' }, 'Cannot record reviews')
    }
  }

  return (spec, _request, { kind }) => {
    if (!isRecord(spec) || waiting.length >= MAX_WAITING) return
    const kept: Record<string, unknown> = {}
    for (const field of FIELDS) if (spec[field] !== undefined) kept[field] = spec[field]
    if (isRecord(spec.extra))
      kept.extra = Object.fromEntries(
        Object.entries(spec.extra).filter(([key]) => key.startsWith(EXTRA_PREFIX)),
      )
    const line = JSON.stringify({ spec: kept, decision: kind })
    if (line.length > MAX_LINE) return
    waiting.push(line)
    if (!scheduled) {
      scheduled = true
      clock.after(100, flush)
    }
  }
}
