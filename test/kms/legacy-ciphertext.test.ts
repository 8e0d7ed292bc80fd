import { createCipheriv, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { LEGACY_CIPHERTEXT_BYTES, openLegacyCiphertext } from '../../src/kms/legacy-ciphertext.ts'
import { counting, flippedBits, kekOf, legacyCiphertext } from './fixtures.ts'

const SECRET = counting(0, 32)
const SEED = counting(0x80, 32)

/** Encrypts 48 bytes as they are: a test chooses the padding. */
function unpadded(secret: Uint8Array, bytes: Uint8Array): Buffer {
  const iv = counting(7, 16)
  const cipher = createCipheriv(`aes-${secret.length * 8}-cbc`, secret, iv).setAutoPadding(false)
  return Buffer.concat([iv, cipher.update(bytes), cipher.final()])
}

t.test('a seed that barbican-kms-plugin wrapped is 64 bytes, and opens for each key size', async (t) => {
  t.equal(LEGACY_CIPHERTEXT_BYTES, 64)
  for (const size of [16, 24, 32]) {
    const secret = counting(size, size)
    t.same(openLegacyCiphertext(kekOf(secret), legacyCiphertext(secret, SEED)), SEED)
  }
})

t.test('any seed of 32 bytes opens under the secret that wrapped it, and under no other', async (t) => {
  const bytes = fc.uint8Array({ minLength: 32, maxLength: 32 })
  fc.assert(
    fc.property(bytes, bytes, bytes, (secret, other, seed) => {
      fc.pre(!Buffer.from(secret).equals(other))
      const ciphertext = legacyCiphertext(secret, seed)
      t.same(openLegacyCiphertext(kekOf(secret), ciphertext), Buffer.from(seed))
      t.equal(openLegacyCiphertext(kekOf(other), ciphertext), undefined)
    }),
    { numRuns: 30 },
  )
})

t.test('a seed of any other length is refused, though its padding is right', async (t) => {
  for (const length of [0, 1, 15, 16, 17, 31, 33, 40, 47, 48, 64, 100])
    t.equal(openLegacyCiphertext(kekOf(SECRET), legacyCiphertext(SECRET, randomBytes(length))), undefined)
  const valid = legacyCiphertext(SECRET, SEED)
  t.equal(openLegacyCiphertext(kekOf(SECRET), valid.subarray(0, 63)), undefined)
  t.equal(openLegacyCiphertext(kekOf(SECRET), valid.subarray(16)), undefined)
  t.equal(openLegacyCiphertext(kekOf(SECRET), Buffer.concat([valid, Buffer.alloc(1)])), undefined)
})

t.test('each of the 16 bytes of padding must be 16', async (t) => {
  const padded = Buffer.concat([SEED, Buffer.alloc(16, 16)])
  t.same(openLegacyCiphertext(kekOf(SECRET), unpadded(SECRET, padded)), SEED)
  for (let index = 32; index < 48; index++)
    for (const value of [0, 1, 15, 17, 255]) {
      const wrong = Buffer.from(padded)
      wrong[index] = value
      t.equal(openLegacyCiphertext(kekOf(SECRET), unpadded(SECRET, wrong)), undefined, `${index}: ${value}`)
    }
  const shorter = Buffer.concat([counting(0, 47), Buffer.of(1)])
  t.equal(openLegacyCiphertext(kekOf(SECRET), unpadded(SECRET, shorter)), undefined, 'PKCS#7, but no seed')
})

t.test('a flipped bit in the last 32 bytes is refused', async (t) => {
  const opened = [...flippedBits(legacyCiphertext(SECRET, SEED), 32)].filter((ciphertext) =>
    openLegacyCiphertext(kekOf(SECRET), ciphertext),
  )
  t.same(opened, [])
})

t.test('what was decrypted is zeroed when it is refused', async (t) => {
  const original = Buffer.concat
  const made: Buffer[] = []
  const wrong = unpadded(SECRET, counting(1, 48))
  Buffer.concat = (...parameters) => {
    const buffer = original(...parameters)
    made.push(buffer)
    return buffer
  }
  try {
    t.equal(openLegacyCiphertext(kekOf(SECRET), wrong), undefined)
  } finally {
    Buffer.concat = original
  }
  t.same(made, [Buffer.alloc(48)])
})
