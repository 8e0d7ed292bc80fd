import { createHash } from 'node:crypto'
import type { Clock } from '../clock.ts'
import type { MetricsRegistry } from '../metrics/registry.ts'
import type { KeyCheck } from './key-check.ts'
import type { KeySchedule } from './key-schedule.ts'
import type { Keyring } from './keyring.ts'
import { KMS_OUTCOMES, type KmsOutcome } from './kms-service.ts'

export type KmsMethod = 'status' | 'encrypt' | 'decrypt'

export interface KmsMetrics {
  called(method: KmsMethod, outcome: KmsOutcome, milliseconds: number): void
  legacyDecrypt(): void
  readonly legacyDecrypts: () => number
}

const DAY_MS = 86_400_000

export function createKmsMetrics(options: {
  registry: MetricsRegistry
  keyring: Keyring
  schedule: KeySchedule
  check: KeyCheck
  clock: Clock
}): KmsMetrics {
  const { registry, keyring, schedule, check, clock } = options
  const labels = { method: ['status', 'encrypt', 'decrypt'], outcome: KMS_OUTCOMES } as const
  const total = registry.counter('kms_operations_total', 'KMS calls by method and outcome.', labels)
  const seconds = registry.histogram('kms_operation_seconds', 'Duration of KMS calls by method.', {
    method: labels.method,
  })
  const legacy = registry.counter(
    'kms_legacy_decrypts_total',
    'Seeds decrypted that barbican-kms-plugin had encrypted; none left means that the migration is done.',
    {},
  )
  let legacyDecrypts = 0
  registry.gauge('kms_keys_loaded', 'Keys in memory.', () => keyring.size)
  registry.gauge('kms_ready', '1 while Status answers with a key, else 0.', () =>
    Number(check.standing() === 'ok'),
  )
  registry.gauge('kms_key_check_age_seconds', 'Time since Barbican last vouched for the current key.', () =>
    inSeconds(check.sinceVerified() ?? Number.NaN),
  )
  registry.gauge(
    'kms_current_key_expiry_days',
    'Days until the current key expires; NaN when it does not.',
    () => {
      const expires = schedule.current()?.expires ?? Number.NaN
      return (expires - clock.now()) / DAY_MS
    },
  )
  registry.gaugeBy(
    'kms_key_age_seconds',
    'Age of each key, by the hash that kube-apiserver uses.',
    'key_id_hash',
    () =>
      check.secrets().map(({ id, created }) => [keyIdHash(id), inSeconds(clock.now() - created)] as const),
  )
  registry.gaugeBy('kms_current_key', '1 for the key that Status names.', 'key_id_hash', () => {
    const current = schedule.current()
    return current === undefined ? [] : [[keyIdHash(current.id), 1] as const]
  })
  return {
    called(method, outcome, milliseconds) {
      total.add({ method, outcome })
      seconds.observe({ method }, inSeconds(milliseconds))
    },
    legacyDecrypt() {
      legacyDecrypts++
      legacy.add({})
    },
    legacyDecrypts: () => legacyDecrypts,
  }
}

/** As in kube-apiserver's own apiserver_envelope_encryption_* metrics (contracts C.8). */
function keyIdHash(id: string): string {
  return `sha256:${createHash('sha256').update(id).digest('hex')}`
}

const inSeconds = (ms: number) => ms / 1000
