import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Kek } from './kek.ts'

/**
 * The envelope around a DEK seed. docs/kms-envelope.md writes the format down byte by byte:
 *
 *     format (1) | nonce (12) | AES-256-GCM ciphertext (as long as the seed) | tag (16)
 *
 * The additional authenticated data is the format byte and the key id, so neither can be exchanged.
 */
export const ENVELOPE_FORMAT = 1
const NONCE_BYTES = 12
const TAG_BYTES = 16
const OVERHEAD = 1 + NONCE_BYTES + TAG_BYTES

/** What kube-apiserver takes as ciphertext at most (contracts C.1). */
export const MAX_CIPHERTEXT_BYTES = 1024
export const MAX_PLAINTEXT_BYTES = MAX_CIPHERTEXT_BYTES - OVERHEAD

/** Tells our envelopes from barbican-kms-plugin's ciphertexts, which have no annotation. An FQDN (contracts C.1). */
export const FORMAT_ANNOTATION = 'format.kms.portcullis.internal'
export const FORMAT_ANNOTATION_VALUE = String(ENVELOPE_FORMAT)

/** Wraps 1 to 995 bytes. The nonce is random: only tests pass one, for the vectors in the document. */
export function sealEnvelope(
  kek: Kek,
  plaintext: Uint8Array,
  nonce: Uint8Array = randomBytes(NONCE_BYTES),
): Buffer {
  const cipher = createCipheriv('aes-256-gcm', kek.envelopeKey, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(authenticated(kek))
  const body = cipher.update(plaintext)
  cipher.final()
  return Buffer.concat([Buffer.of(ENVELOPE_FORMAT), nonce, body, cipher.getAuthTag()])
}

/** Unwraps what `sealEnvelope` made under the same KEK; undefined for anything else. */
export function openEnvelope(kek: Kek, envelope: Uint8Array): Buffer | undefined {
  if (envelope[0] !== ENVELOPE_FORMAT || envelope.length <= OVERHEAD) return undefined
  const nonce = envelope.subarray(1, 1 + NONCE_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', kek.envelopeKey, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(authenticated(kek))
  decipher.setAuthTag(envelope.subarray(-TAG_BYTES))
  const plaintext = decipher.update(envelope.subarray(1 + NONCE_BYTES, -TAG_BYTES))
  try {
    decipher.final()
    return plaintext
  } catch {
    plaintext.fill(0)
    return undefined
  }
}

function authenticated(kek: Kek): Buffer {
  return Buffer.concat([Buffer.of(ENVELOPE_FORMAT), Buffer.from(kek.id)])
}
