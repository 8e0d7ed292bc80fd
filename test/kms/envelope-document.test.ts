import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openEnvelope, sealEnvelope } from '../../src/kms/envelope.ts'
import { ROOT } from '../support/source-files.ts'
import { counting, kekOf } from './fixtures.ts'

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
