import { createDecipheriv } from 'node:crypto'
import type { Kek } from './kek.ts'

/** The lengths that kube-apiserver's 32-byte seeds give: an IV, the seed and a full block of padding. */
const IV_BYTES = 16
const SEED_BYTES = 32
const BLOCK_BYTES = 16
export const LEGACY_CIPHERTEXT_BYTES = IV_BYTES + SEED_BYTES + BLOCK_BYTES

/**
 * Opens what barbican-kms-plugin wrote: `IV | AES-CBC(seed, PKCS#7)` under the secret's own bytes. There is no MAC,
 * so only the exact shape is let through: all 16 padding bytes must be right. Whoever can write to etcd can
 * still change the first 32 bytes unnoticed here (docs/limitations.md); kube-apiserver's own AES-GCM under the
 * wrong seed then fails.
 */
export function openLegacyCiphertext(kek: Kek, ciphertext: Uint8Array): Buffer | undefined {
  if (ciphertext.length !== LEGACY_CIPHERTEXT_BYTES) return undefined
  const algorithm = `aes-${(kek.legacyKey.symmetricKeySize as number) * 8}-cbc`
  const decipher = createDecipheriv(algorithm, kek.legacyKey, ciphertext.subarray(0, IV_BYTES))
  decipher.setAutoPadding(false)
  const padded = Buffer.concat([decipher.update(ciphertext.subarray(IV_BYTES)), decipher.final()])
  const wrongPadding = padded.subarray(SEED_BYTES).reduce((sum, byte) => sum | (byte ^ BLOCK_BYTES), 0)
  if (wrongPadding === 0) return padded.subarray(0, SEED_BYTES)
  padded.fill(0)
  return undefined
}
