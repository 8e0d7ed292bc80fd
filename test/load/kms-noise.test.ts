import { randomBytes, randomInt } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { FORMAT_ANNOTATION } from '../../src/kms/envelope.ts'
import type { DecryptRequest } from '../../src/kms/kms-service.ts'
import { startPlugin } from '../kms/node.ts'

const uid = '5c1b7c04-7c5f-4a3c-9a36-3f3a4a4d1f00'
const pick = <T>(items: readonly T[]): T => items[randomInt(items.length)] as T
const NOISE = randomBytes(1024 * 1024)
const KNOWN = new Set(['ok', 'invalid', 'refused', 'unknown_key', 'unavailable'])

function heapAfterCollection(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** A request that is nearly right, or not at all. */
function strange(good: Omit<DecryptRequest, 'uid'>): DecryptRequest {
  const bytes = () => {
    const start = randomInt(NOISE.length - 2000)
    return NOISE.subarray(start, start + pick([0, 1, 12, 28, 29, 30, 61, 64, 80, 1024, 1025]))
  }
  const twisted = Buffer.from(good.ciphertext)
  twisted[randomInt(twisted.length)] = randomInt(256)
  const name = () =>
    pick([FORMAT_ANNOTATION, '__proto__', 'constructor', '', 'a.b', bytes().toString('latin1')])
  return {
    ciphertext: pick([bytes(), twisted, twisted.subarray(0, randomInt(twisted.length))]),
    keyId: pick([good.keyId, good.keyId.toUpperCase(), '', '../x', bytes().toString('latin1'), '__proto__']),
    annotations: pick([good.annotations, {}, Object.fromEntries([[name(), bytes()]])]),
    uid: pick([uid, '', 'x'.repeat(5000), bytes().toString('latin1')]),
  }
}

t.test(
  '100,000 strange requests: an outcome for each, nothing decrypted but the untouched, memory flat',
  async (t) => {
    const { service, client, errors, secret, simulated } = await startPlugin(t, { level: 'fatal' })
    const sealed = service.encrypt({ plaintext: randomBytes(32), uid })
    if (sealed.outcome !== 'ok') return t.fail('no key')
    const good = sealed.value
    const asked = simulated.seen.length
    const one = async () => {
      const request = strange(good)
      const answer = await service.decrypt(request)
      if (!KNOWN.has(answer.outcome)) t.fail(`unexpected outcome ${answer.outcome}`)
      const untouched =
        Buffer.compare(request.ciphertext, good.ciphertext) === 0 && request.keyId === good.keyId
      if (answer.outcome === 'ok' && !untouched) t.fail('something that was changed was decrypted')
    }
    const run = async (count: number) => {
      for (let i = 0; i < count; i++) await one()
      return heapAfterCollection()
    }
    const warm = await run(40_000)
    const after = await run(57_000)
    t.ok(after - warm < 2 * 1024 * 1024, `${Math.round((after - warm) / 1024)} KiB more`)
    for (let i = 0; i < 3000; i += 50)
      await Promise.all(Array.from({ length: 50 }, () => client.decrypt(strange(good)).catch(() => {})))
    t.same(errors, [])
    t.equal(simulated.seen.length, asked, 'none of them reached Barbican')
    t.equal((await client.status()).keyId, secret.id)
    t.equal((await client.decrypt({ ...good, uid })).plaintext.length, 32)
  },
)
