import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import {
  FORMAT_ANNOTATION,
  FORMAT_ANNOTATION_VALUE,
  MAX_CIPHERTEXT_BYTES,
  MAX_PLAINTEXT_BYTES,
  openEnvelope,
  sealEnvelope,
} from './envelope.ts'
import type { Kek } from './kek.ts'
import type { KeyCheck, Standing } from './key-check.ts'
import type { KeySchedule } from './key-schedule.ts'
import type { Keyring } from './keyring.ts'
import type { KmsMetrics } from './kms-metrics.ts'
import { openLegacyCiphertext } from './legacy-ciphertext.ts'

export const KMS_OUTCOMES = ['ok', 'invalid', 'refused', 'unknown_key', 'unavailable'] as const
export type KmsOutcome = (typeof KMS_OUTCOMES)[number]

/** What a call ends with. The reason is one of a few constant texts: kube-apiserver shows it on /healthz. */
export type KmsAnswer<T> =
  | { readonly outcome: 'ok'; readonly value: T }
  | { readonly outcome: Exclude<KmsOutcome, 'ok'>; readonly reason: string }

export interface EncryptRequest {
  readonly plaintext: Uint8Array
  readonly uid: string
}

export interface EncryptResponse {
  readonly ciphertext: Uint8Array
  readonly keyId: string
  readonly annotations: Readonly<Record<string, Uint8Array>>
}

export interface DecryptRequest {
  readonly ciphertext: Uint8Array
  readonly uid: string
  readonly keyId: string
  readonly annotations: Readonly<Record<string, Uint8Array>>
}

export interface StatusResponse {
  readonly version: 'v2'
  readonly healthz: 'ok'
  readonly keyId: string
}

export interface DecryptResponse {
  readonly plaintext: Uint8Array
}

/** The three calls of KMS v2 (contracts C.1) on plain types; nothing here throws. */
export interface KmsService {
  status(): KmsAnswer<StatusResponse>
  encrypt(request: EncryptRequest): KmsAnswer<EncryptResponse>
  decrypt(request: DecryptRequest): Promise<KmsAnswer<DecryptResponse>>
}

const MAX_KEY_ID_BYTES = 1024

const NO_CURRENT_KEY: Readonly<Record<Exclude<Standing, 'ok'>, string>> = {
  starting: 'no key has been loaded from Barbican yet',
  revoked: 'Barbican no longer gives out the current key: it was deleted or access was taken away',
  expired: 'the current key has expired: rotate',
  stale: 'Barbican has not vouched for the current key within the offline grace',
}

export function createKmsService(options: {
  keyring: Keyring
  schedule: KeySchedule
  check: Pick<KeyCheck, 'standing'>
  clock: Clock
  log: Log
  metrics: KmsMetrics
}): KmsService {
  const { keyring, schedule, check, clock, log, metrics } = options

  /** The KEK that Status names and Encrypt uses, if new data may be put under it. */
  function currentKek(): KmsAnswer<Kek> {
    const standing = check.standing()
    const kek = keyring.get(schedule.current()?.id ?? '')
    if (standing === 'ok' && kek !== undefined) return { outcome: 'ok', value: kek }
    return { outcome: 'unavailable', reason: NO_CURRENT_KEY[standing === 'ok' ? 'starting' : standing] }
  }

  function encrypt({ plaintext }: EncryptRequest): KmsAnswer<EncryptResponse> {
    if (plaintext.length === 0 || plaintext.length > MAX_PLAINTEXT_BYTES)
      return invalid(`the plaintext must have 1 to ${MAX_PLAINTEXT_BYTES} bytes`)
    const current = currentKek()
    if (current.outcome !== 'ok') return current
    const annotations = { [FORMAT_ANNOTATION]: Buffer.from(FORMAT_ANNOTATION_VALUE) }
    const ciphertext = sealEnvelope(current.value, plaintext)
    return { outcome: 'ok', value: { ciphertext, keyId: current.value.id, annotations } }
  }

  async function decrypt(request: DecryptRequest): Promise<KmsAnswer<DecryptResponse>> {
    const { ciphertext, keyId } = request
    if (ciphertext.length === 0 || ciphertext.length > MAX_CIPHERTEXT_BYTES)
      return invalid(`the ciphertext must have 1 to ${MAX_CIPHERTEXT_BYTES} bytes`)
    if (keyId.length === 0 || keyId.length > MAX_KEY_ID_BYTES)
      return invalid(`the key id must have 1 to ${MAX_KEY_ID_BYTES} bytes`)
    const format = formatOf(request.annotations)
    if (format === undefined) return invalid('the annotations are not ones that this plugin writes')
    const kek = await keyring.find(keyId)
    if (kek === 'unknown') return { outcome: 'unknown_key', reason: 'the key id is not one of this plugin' }
    if (kek === 'unavailable')
      return { outcome: 'unavailable', reason: 'the key could not be loaded in time' }
    const plaintext =
      format === 'legacy' ? openLegacyCiphertext(kek, ciphertext) : openEnvelope(kek, ciphertext)
    if (plaintext === undefined)
      return { outcome: 'refused', reason: 'the ciphertext was not made by this key, or it was changed' }
    if (format === 'legacy') metrics.legacyDecrypt()
    return { outcome: 'ok', value: { plaintext } }
  }

  return {
    status() {
      const started = clock.monotonic()
      const current = currentKek()
      const answer: KmsAnswer<StatusResponse> =
        current.outcome === 'ok'
          ? { outcome: 'ok', value: { version: 'v2', healthz: 'ok', keyId: current.value.id } }
          : current
      metrics.called('status', answer.outcome, clock.monotonic() - started)
      if (answer.outcome !== 'ok') log.warn({ reason: answer.reason }, 'Status failed')
      return answer
    },
    encrypt(request) {
      const started = clock.monotonic()
      const answer = encrypt(request)
      metrics.called('encrypt', answer.outcome, clock.monotonic() - started)
      const uid = loggable(request.uid)
      if (answer.outcome === 'ok') log.info({ uid, keyId: answer.value.keyId }, 'Encrypted a seed')
      else log.warn({ uid, outcome: answer.outcome, reason: answer.reason }, 'Encrypt failed')
      return answer
    },
    async decrypt(request) {
      const started = clock.monotonic()
      const answer = await decrypt(request)
      metrics.called('decrypt', answer.outcome, clock.monotonic() - started)
      const [uid, keyId] = [loggable(request.uid), loggable(request.keyId)]
      if (answer.outcome === 'ok') log.debug({ uid, keyId }, 'Decrypted a seed')
      else log.warn({ uid, keyId, outcome: answer.outcome, reason: answer.reason }, 'Decrypt failed')
      return answer
    },
  }
}

/** Exactly our one annotation, or none as barbican-kms-plugin writes; anything else is nothing of ours. */
function formatOf(annotations: DecryptRequest['annotations']): 'envelope' | 'legacy' | undefined {
  const entries = Object.entries(annotations)
  if (entries.length === 0) return 'legacy'
  const [[name, value]] = entries as [[string, Uint8Array]]
  const ours = entries.length === 1 && name === FORMAT_ANNOTATION
  return ours && Buffer.from(value).toString('latin1') === FORMAT_ANNOTATION_VALUE ? 'envelope' : undefined
}

function invalid(reason: string) {
  return { outcome: 'invalid', reason } as const
}

/** What stands in a request is logged only if it looks like the uuid that it should be. */
function loggable(text: string): string {
  return /^[\w.-]{1,64}$/.test(text) ? text : 'malformed'
}
