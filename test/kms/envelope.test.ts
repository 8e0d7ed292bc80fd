import crypto, { createDecipheriv, randomBytes } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import t from 'tap'
import {
  ENVELOPE_FORMAT,
  FORMAT_ANNOTATION,
  FORMAT_ANNOTATION_VALUE,
  MAX_CIPHERTEXT_BYTES,
  MAX_PLAINTEXT_BYTES,
  openEnvelope,
  sealEnvelope,
} from '../../src/kms/envelope.ts'
import { counting, KEK_ID, kekOf, spoiled } from './fixtures.ts'

const KEK = kekOf(counting(0, 32))
const SEED = counting(0x80, 32)

/** The secret's length, the derived key, and the envelope of SEED with the nonce 40 41 … 4b. */
const VECTORS = [
  [
    32,
    '51c8f8f713bafa197caddf0af9cfdb50d24b58e8d0c5ed3aa0b5db3cb5db608e',
    '01404142434445464748494a4b151f998cf81b5186348dda995b70655519c187ee93ac3c0f511af6335e8a166506b7367c127762fa2bd0e176550b09b3',
  ],
  [
    24,
    '3f4dfe6b421a4f84515d644efca399bc4e6a13c5bfc3650df6cd97310d83c5ff',
    '01404142434445464748494a4befd3c1824a205fd325c2cfc65c55abfdfd40820144dc00bdbf6333e98f82680cf567f9a33e448a1419d16c1683419e19',
  ],
  [
    16,
    '3ab58e1860036e893f890d1fff6fa015af70232e8bb40ef51d835099cb4e9375',
    '01404142434445464748494a4b7fc23fcb84f4bce12565d860e5e9c931db62e39da4c43647cd09ae3976d5cc8d0aa659bfa9ad6bdc525736662e728edf',
  ],
] as const

t.test('the envelope is byte by byte that of the known vectors', async (t) => {
  for (const [length, derived, envelope] of VECTORS) {
    const kek = kekOf(counting(0, length))
    t.equal(kek.envelopeKey.export().toString('hex'), derived)
    t.equal(sealEnvelope(kek, SEED, counting(0x40, 12)).toString('hex'), envelope)
    t.same(openEnvelope(kek, Buffer.from(envelope, 'hex')), SEED)
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

t.test('the parts are where the format says: 1, nonce, as many bytes as the seed, tag of 16', async (t) => {
  for (const length of [1, 32, 995]) {
    const envelope = sealEnvelope(KEK, counting(3, length), counting(0x40, 12))
    t.equal(envelope.length, 1 + 12 + length + 16)
    t.equal(envelope[0], 1)
    t.same(envelope.subarray(1, 13), counting(0x40, 12))
    const decipher = createDecipheriv('aes-256-gcm', KEK.envelopeKey, envelope.subarray(1, 13))
    decipher.setAAD(Buffer.concat([Buffer.of(1), Buffer.from(KEK_ID)]))
    decipher.setAuthTag(envelope.subarray(-16))
    t.same(decipher.update(envelope.subarray(13, -16)), counting(3, length))
    decipher.final()
  }
  t.equal(sealEnvelope(KEK, SEED).subarray(1, 13).equals(sealEnvelope(KEK, SEED).subarray(1, 13)), false)
})

t.test('the limits and the annotation are those of the contract', async (t) => {
  t.equal(MAX_CIPHERTEXT_BYTES, 1024)
  t.equal(MAX_PLAINTEXT_BYTES, 995)
  t.equal(sealEnvelope(KEK, Buffer.alloc(MAX_PLAINTEXT_BYTES)).length, MAX_CIPHERTEXT_BYTES)
  t.equal(ENVELOPE_FORMAT, 1)
  t.equal(FORMAT_ANNOTATION, 'format.kms.portcullis.internal')
  t.equal(FORMAT_ANNOTATION_VALUE, '1')
})

t.test('an empty seed makes nothing that opens, and another format byte is refused', async (t) => {
  t.equal(openEnvelope(KEK, sealEnvelope(KEK, Buffer.alloc(0))), undefined)
  for (const format of [0, 2, 3, 129]) {
    const envelope = sealEnvelope(KEK, SEED)
    envelope[0] = format
    t.equal(openEnvelope(KEK, envelope), undefined)
  }
})

t.test('what was decrypted is zeroed when the tag is wrong', async (t) => {
  const envelope = sealEnvelope(KEK, SEED)
  envelope.writeUInt8((envelope.at(-1) as number) ^ 1, envelope.length - 1)
  const decrypted: Buffer[] = []
  const original = crypto.createDecipheriv
  crypto.createDecipheriv = ((...parameters: Parameters<typeof original>) => {
    const decipher = original(...parameters)
    const update = decipher.update.bind(decipher)
    const recorded = (bytes: Buffer) => {
      decrypted.push(update(bytes))
      return decrypted.at(-1)
    }
    return Object.assign(decipher, { update: recorded })
  }) as typeof original
  syncBuiltinESMExports()
  try {
    t.equal(openEnvelope(KEK, envelope), undefined)
  } finally {
    crypto.createDecipheriv = original
    syncBuiltinESMExports()
  }
  t.same(decrypted, [Buffer.alloc(32)])
})
