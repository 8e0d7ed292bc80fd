import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openEnvelope, sealEnvelope } from '../../src/kms/envelope.ts'
import { createKek } from '../../src/kms/kek.ts'
import { openLegacyCiphertext } from '../../src/kms/legacy-ciphertext.ts'
import { ROOT } from '../support/source-files.ts'
import { counting, flippedBits, KEK_ID, kekOf, legacyCiphertext, spoiled } from './fixtures.ts'

const KEK = kekOf(counting(0, 32))
const SEED = counting(0x80, 32)

t.test('the envelope is the one that docs/kms-envelope.md writes down', async (t) => {
  const page = readFileSync(join(ROOT, 'docs/kms-envelope.md'), 'utf8')
  const vectors = [...page.matchAll(/^\| `000102…(..)` \| `([0-9a-f]{64})` \| `([0-9a-f]{122})` \|$/gm)]
  t.equal(vectors.length, 3)
  for (const [, last, derived, envelope] of vectors) {
    const kek = kekOf(counting(0, Number.parseInt(last as string, 16) + 1))
    t.equal(kek.envelopeKey.export().toString('hex'), derived)
    t.equal(sealEnvelope(kek, SEED, counting(0x40, 12)).toString('hex'), envelope)
    t.same(openEnvelope(kek, Buffer.from(envelope as string, 'hex')), SEED)
  }
})

t.test('an envelope opens to the seed it was made of, and no two are alike', async (t) => {
  const seen = new Set<string>()
  for (const length of [1, 31, 32, 33, 995]) {
    const seed = randomBytes(length)
    t.same(openEnvelope(KEK, sealEnvelope(KEK, seed)), seed)
    seen.add(sealEnvelope(KEK, SEED).toString('hex'))
  }
  t.equal(seen.size, 5)
})

t.test('every truncation and every flipped bit of an envelope is refused', async (t) => {
  const opened = [...spoiled(sealEnvelope(KEK, SEED))].filter((envelope) => openEnvelope(KEK, envelope))
  t.same(opened, [])
})

t.test('an envelope does not open under another key, nor the same key under another id', async (t) => {
  const envelope = sealEnvelope(KEK, SEED)
  t.equal(openEnvelope(kekOf(counting(1, 32)), envelope), undefined)
  const opened = [...spoiled(Buffer.from(KEK_ID))]
    .map((id) => kekOf(counting(0, 32), id.toString('latin1')))
    .filter((kek) => openEnvelope(kek, envelope))
  t.same(opened, [])
})

t.test(
  'a secret that is no AES key is refused, and its bytes are zeroed like those of a good one',
  async (t) => {
    for (const length of [0, 1, 15, 17, 31, 33, 64]) {
      const payload = randomBytes(length)
      t.throws(() => createKek(KEK_ID, payload), { code: 'KEK_UNUSABLE' })
      t.same(payload, Buffer.alloc(length))
    }
    const payload = randomBytes(32)
    createKek(KEK_ID, payload)
    t.same(payload, Buffer.alloc(32))
  },
)

t.test('what barbican-kms-plugin wrote opens, for each key size', async (t) => {
  for (const size of [16, 24, 32]) {
    const secret = randomBytes(size)
    t.same(openLegacyCiphertext(kekOf(secret), legacyCiphertext(secret, SEED)), SEED)
  }
})

t.test('a legacy ciphertext of any length but 64 bytes is refused', async (t) => {
  const secret = counting(0, 32)
  const opened = Array.from({ length: 100 }, (_, length) => length)
    .filter((length) => length !== 32)
    .filter((length) => openLegacyCiphertext(KEK, legacyCiphertext(secret, randomBytes(length))))
  t.same(opened, [])
  const good = legacyCiphertext(secret, SEED)
  for (let length = 0; length < good.length; length++)
    t.equal(openLegacyCiphertext(KEK, good.subarray(0, length)), undefined)
})

t.test(
  'a legacy ciphertext is refused when its last 32 bytes were touched or the key is wrong',
  async (t) => {
    const good = legacyCiphertext(counting(0, 32), SEED)
    t.same(
      [...flippedBits(good, 32)].filter((ciphertext) => openLegacyCiphertext(KEK, ciphertext)),
      [],
    )
    t.equal(openLegacyCiphertext(kekOf(counting(9, 32)), good), undefined)
  },
)
