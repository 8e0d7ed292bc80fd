import type { Clock } from '../clock.ts'
import type { KeyCheck } from './key-check.ts'
import type { KeySchedule } from './key-schedule.ts'
import type { Keyring } from './keyring.ts'
import type { KmsMetrics } from './kms-metrics.ts'

/** What one instance tells its operator; the fields of src/kms/report.proto. */
export interface KmsReport {
  readonly standing: string
  readonly currentKeyId: string
  readonly nextKeyId: string
  readonly nextActivatesAt: number
  readonly verifiedSecondsAgo: number
  readonly legacyDecrypts: number
  readonly keys: readonly {
    readonly id: string
    readonly ageSeconds: number
    readonly loaded: boolean
    readonly expiresInSeconds: number
  }[]
}

export function createKmsReport(parts: {
  keyring: Keyring
  schedule: KeySchedule
  check: KeyCheck
  metrics: KmsMetrics
  clock: Clock
}): () => KmsReport {
  const { keyring, schedule, check, metrics, clock } = parts
  return () => {
    const next = schedule.next()
    const verified = check.sinceVerified()
    return {
      standing: check.standing(),
      currentKeyId: schedule.current()?.id ?? '',
      nextKeyId: next?.id ?? '',
      nextActivatesAt: next?.activatesAt ?? 0,
      verifiedSecondsAgo: verified === undefined ? -1 : verified / 1000,
      legacyDecrypts: metrics.legacyDecrypts(),
      keys: check.secrets().map(({ id, created, expires }) => ({
        id,
        ageSeconds: (clock.now() - created) / 1000,
        loaded: keyring.get(id) !== undefined,
        expiresInSeconds: expires === undefined ? -1 : (expires - clock.now()) / 1000,
      })),
    }
  }
}
