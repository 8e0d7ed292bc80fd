import { createCipheriv, randomBytes } from 'node:crypto'
import { createKek, type Kek } from '../../src/kms/kek.ts'

export const KEK_ID = '0b6f4f6e-6a53-4d3b-9f0e-2f4b8d1c7a10'

/** `length` bytes that count upwards. */
export const counting = (from: number, length: number) =>
  Buffer.from(Array.from({ length }, (_, index) => (from + index) & 0xff))

/** A KEK of a copy of `secret`: the original is not zeroed. */
export const kekOf = (secret: Uint8Array, id = KEK_ID): Kek => createKek(id, Buffer.from(secret))

/** A ciphertext in the scheme of barbican-kms-plugin: IV | AES-CBC with PKCS#7 padding under the secret itself. */
export function legacyCiphertext(secret: Uint8Array, plaintext: Uint8Array): Buffer {
  const iv = randomBytes(16)
  const cipher = createCipheriv(`aes-${secret.length * 8}-cbc`, secret, iv)
  return Buffer.concat([iv, cipher.update(plaintext), cipher.final()])
}

export function* flippedBits(bytes: Uint8Array, firstByte = 0): Generator<Buffer> {
  for (let bit = firstByte * 8; bit < bytes.length * 8; bit++) {
    const copy = Buffer.from(bytes)
    copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7))
    yield copy
  }
}

/** Everything that is one truncation, one flipped bit or one more byte away from `bytes`. */
export function* spoiled(bytes: Uint8Array): Generator<Buffer> {
  for (let length = 0; length < bytes.length; length++) yield Buffer.from(bytes.subarray(0, length))
  yield* flippedBits(bytes)
  yield Buffer.concat([bytes, Buffer.alloc(1)])
}
