import crypto, { hkdfSync, randomBytes } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import t from 'tap'
import { createKek } from '../../src/kms/kek.ts'
import { counting, KEK_ID, kekOf } from './fixtures.ts'

const OTHER_ID = '0b6f4f6e-6a53-4d3b-9f0e-2f4b8d1c7a11'

t.test('an AES key of 16, 24 or 32 bytes makes a KEK, and its payload is zeroed', async (t) => {
  for (const length of [16, 24, 32]) {
    const payload = counting(1, length)
    const kek = createKek(KEK_ID, payload)
    t.equal(kek.id, KEK_ID)
    t.same(kek.legacyKey.export(), counting(1, length), 'legacy ciphertexts are under the bytes themselves')
    t.same(payload, Buffer.alloc(length))
  }
})

t.test('a payload of any other length is unusable: the error names the secret and its length', async (t) => {
  for (const length of [0, 1, 8, 15, 17, 20, 23, 25, 28, 31, 33, 48, 64, 995]) {
    const payload = counting(1, length)
    t.throws(() => createKek(OTHER_ID, payload), {
      code: 'KEK_UNUSABLE',
      message: new RegExp(`${OTHER_ID} .*\\b${length} bytes.*16, 24 or 32`),
    })
    t.same(payload, Buffer.alloc(length), 'zeroed as well')
  }
})

t.test('the envelope key is derived by HKDF-SHA256 with its label, always 32 bytes', async (t) => {
  for (const length of [16, 24, 32]) {
    const secret = randomBytes(length)
    const expected = Buffer.from(hkdfSync('sha256', secret, '', 'portcullis kms envelope 1', 32))
    t.same(kekOf(secret).envelopeKey.export(), expected)
    t.same(kekOf(secret, OTHER_ID).envelopeKey.export(), expected, 'alike on every node and under every id')
  }
})

t.test('the derived bytes are zeroed once they are in the key', async (t) => {
  const derived: ArrayBuffer[] = []
  const original = crypto.hkdfSync
  crypto.hkdfSync = (...parameters) => {
    const bytes = original(...parameters)
    derived.push(bytes)
    return bytes
  }
  syncBuiltinESMExports()
  try {
    kekOf(counting(0, 32))
  } finally {
    crypto.hkdfSync = original
    syncBuiltinESMExports()
  }
  t.same(
    derived.map((bytes) => Buffer.from(bytes)),
    [Buffer.alloc(32)],
  )
})
