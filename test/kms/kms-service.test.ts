import fc from 'fast-check'
import t from 'tap'
import { openEnvelope, sealEnvelope } from '../../src/kms/envelope.ts'
import type { Standing } from '../../src/kms/key-check.ts'
import { KMS_OUTCOMES } from '../../src/kms/kms-service.ts'
import { counting, legacyCiphertext } from './fixtures.ts'
import { ENVELOPE, FORMAT, OLD, SEED, serving, UID, YOUNG } from './kms-service-world.ts'
import { uuid } from './memory-store.ts'

const REASONS: readonly [Exclude<Standing, 'ok'>, RegExp][] = [
  ['starting', /no key has been loaded/],
  ['revoked', /no longer gives out the current key/],
  ['expired', /expired/],
  ['stale', /within the offline grace/],
]

t.test('the outcomes are those that docs/errors.md names', async (t) => {
  t.same(KMS_OUTCOMES, ['ok', 'invalid', 'refused', 'unknown_key', 'unavailable'])
})

t.test('Status names the current key, and the version and health that kube-apiserver wants', async (t) => {
  const { service, state, calls, lines } = serving()
  t.strictSame(service.status(), {
    outcome: 'ok',
    value: { version: 'v2', healthz: 'ok', keyId: YOUNG.id },
  })
  state.current = OLD.id
  t.match(service.status(), { value: { keyId: OLD.id } })
  t.same(calls, [
    ['status', 'ok', 0],
    ['status', 'ok', 0],
  ])
  t.same(lines, [], 'it is asked too often for the log')
})

t.test('no standing key: Status and Encrypt are unavailable and say why, Decrypt goes on', async (t) => {
  const { service, state, calls, lines } = serving()
  const ciphertext = sealEnvelope(YOUNG, SEED)
  for (const [standing, reason] of REASONS) {
    state.standing = standing
    t.match(service.status(), { outcome: 'unavailable', reason })
    t.match(service.encrypt({ plaintext: SEED, uid: UID }), { outcome: 'unavailable', reason })
    const request = { ciphertext, uid: UID, keyId: YOUNG.id, annotations: ENVELOPE }
    t.strictSame(await service.decrypt(request), { outcome: 'ok', value: { plaintext: SEED } })
    t.match(
      lines.splice(0).map(({ msg, ...line }) => [msg, line]),
      [
        ['Status failed', { level: 'warn', reason }],
        ['Encrypt failed', { level: 'warn', uid: UID, outcome: 'unavailable', reason }],
        ['Decrypted a seed', { level: 'debug', uid: UID, keyId: YOUNG.id }],
      ],
    )
    t.same(calls.splice(0), [
      ['status', 'unavailable', 0],
      ['encrypt', 'unavailable', 0],
      ['decrypt', 'ok', 7],
    ])
  }
})

t.test('a key that stands but is not in memory, or none at all, is no key yet', async (t) => {
  for (const id of [uuid(3), undefined]) {
    const { service, state } = serving()
    state.current = id
    const answer = { outcome: 'unavailable', reason: /no key has been loaded/ }
    t.match(service.status(), answer)
    t.match(service.encrypt({ plaintext: SEED, uid: UID }), answer)
  }
})

t.test('Encrypt seals under the key that Status names, with the one annotation', async (t) => {
  const { service, state, calls, lines } = serving()
  for (const kek of [YOUNG, OLD]) {
    state.current = kek.id
    const answer = service.encrypt({ plaintext: SEED, uid: UID })
    if (answer.outcome !== 'ok') return t.fail(answer.reason)
    const { ciphertext, ...rest } = answer.value
    t.strictSame(rest, { keyId: kek.id, annotations: ENVELOPE })
    t.same(openEnvelope(kek, ciphertext), SEED)
    t.strictSame(lines.splice(0), [{ level: 'info', uid: UID, keyId: kek.id, msg: 'Encrypted a seed' }])
    t.same(calls.splice(0), [['encrypt', 'ok', 0]])
  }
})

t.test('Encrypt takes 1 to 995 bytes, whatever the key says', async (t) => {
  const { service, state, calls } = serving()
  for (const length of [1, 2, 32, 500, 994, 995])
    t.equal(service.encrypt({ plaintext: Buffer.alloc(length), uid: UID }).outcome, 'ok', `${length}`)
  state.standing = 'stale'
  calls.length = 0
  for (const length of [0, 996, 997, 1024, 5000])
    t.match(service.encrypt({ plaintext: Buffer.alloc(length), uid: UID }), {
      outcome: 'invalid',
      reason: /plaintext.*1 to 995 bytes/,
    })
  t.same(calls[0], ['encrypt', 'invalid', 0])
})

t.test('Decrypt opens what either key sealed, current or not', async (t) => {
  const { service, asked, lines, calls, legacy } = serving()
  for (const kek of [OLD, YOUNG]) {
    const request = { ciphertext: sealEnvelope(kek, SEED), uid: UID, keyId: kek.id, annotations: ENVELOPE }
    t.strictSame(await service.decrypt(request), { outcome: 'ok', value: { plaintext: SEED } })
  }
  t.same(asked, [OLD.id, YOUNG.id])
  t.match(lines, [
    { level: 'debug', uid: UID, keyId: OLD.id, msg: 'Decrypted a seed' },
    { level: 'debug', uid: UID, keyId: YOUNG.id, msg: 'Decrypted a seed' },
  ])
  t.same(calls, [
    ['decrypt', 'ok', 7],
    ['decrypt', 'ok', 7],
  ])
  t.equal(legacy(), 0)
})

t.test('without an annotation the ciphertext is that of barbican-kms-plugin, and is counted', async (t) => {
  const { service, legacy } = serving()
  const ciphertext = legacyCiphertext(counting(2, 16), SEED)
  const request = { ciphertext, uid: UID, keyId: YOUNG.id, annotations: {} }
  t.strictSame(await service.decrypt(request), { outcome: 'ok', value: { plaintext: SEED } })
  t.equal(legacy(), 1)
  const refused = { outcome: 'refused', reason: /not made by this key, or it was changed/ }
  t.match(await service.decrypt({ ...request, keyId: OLD.id }), refused)
  t.match(await service.decrypt({ ...request, annotations: ENVELOPE }), refused)
  t.match(await service.decrypt({ ...request, ciphertext: sealEnvelope(YOUNG, SEED) }), refused)
  t.equal(legacy(), 1, 'only what was opened is counted')
})

t.test('annotations are exactly the one of this plugin, or none', async (t) => {
  const { service, asked } = serving()
  const ciphertext = sealEnvelope(YOUNG, SEED)
  const other = { 'local-kek.kms.kubernetes.io': Buffer.from('1') }
  for (const annotations of [
    { [FORMAT]: Buffer.from('2') },
    { [FORMAT]: Buffer.from('') },
    { [FORMAT]: Buffer.from('11') },
    { [FORMAT]: Buffer.from('1\n') },
    { [FORMAT]: Buffer.of(0xb1) },
    { [FORMAT.toUpperCase()]: Buffer.from('1') },
    { [`${FORMAT}.`]: Buffer.from('1') },
    other,
    { ...ENVELOPE, ...other },
    { ...other, ...ENVELOPE },
  ])
    t.match(
      await service.decrypt({ ciphertext, uid: UID, keyId: YOUNG.id, annotations }),
      { outcome: 'invalid', reason: /annotations/ },
      Object.keys(annotations).join(),
    )
  t.same(asked, [], 'no key is asked for')
})

t.test('lengths of ciphertext and key id are bounded before a key is asked for', async (t) => {
  const { service, asked, calls, lines } = serving()
  const decrypt = (bytes: number, idBytes: number) =>
    service.decrypt({
      ciphertext: Buffer.alloc(bytes),
      uid: UID,
      keyId: 'k'.repeat(idBytes),
      annotations: ENVELOPE,
    })
  for (const bytes of [0, 1025, 1026, 5000])
    t.match(await decrypt(bytes, 36), { outcome: 'invalid', reason: /ciphertext.*1 to 1024 bytes/ })
  for (const bytes of [0, 1025, 1026, 5000])
    t.match(await decrypt(61, bytes), { outcome: 'invalid', reason: /key id.*1 to 1024 bytes/ })
  t.same(asked, [])
  t.same(calls[0], ['decrypt', 'invalid', 0])
  t.match(lines[0], {
    level: 'warn',
    uid: UID,
    keyId: 'k'.repeat(36),
    outcome: 'invalid',
    msg: 'Decrypt failed',
  })
  for (const [bytes, idBytes] of [
    [1, 1],
    [600, 500],
    [1024, 1024],
  ] as const)
    t.equal((await decrypt(bytes, idBytes)).outcome, 'unknown_key')
})

t.test('a key that is unknown and one that cannot be had now have their own outcomes', async (t) => {
  const { service, state, calls, lines } = serving()
  const request = { ciphertext: sealEnvelope(YOUNG, SEED), uid: UID, keyId: uuid(3), annotations: ENVELOPE }
  t.match(await service.decrypt(request), { outcome: 'unknown_key', reason: /not one of this plugin/ })
  state.missing = 'unavailable'
  t.match(await service.decrypt(request), { outcome: 'unavailable', reason: /could not be loaded in time/ })
  t.same(calls, [
    ['decrypt', 'unknown_key', 7],
    ['decrypt', 'unavailable', 7],
  ])
  t.match(
    lines.map(({ level, msg, uid, keyId, outcome, reason }) => [level, msg, uid, keyId, outcome, reason]),
    [
      ['warn', 'Decrypt failed', UID, uuid(3), 'unknown_key', /not one of this plugin/],
      ['warn', 'Decrypt failed', UID, uuid(3), 'unavailable', /could not be loaded/],
    ],
  )
})

t.test('uid and key id are logged only if they look like ones', async (t) => {
  const { service, lines } = serving()
  const shown = async (text: string) => {
    service.encrypt({ plaintext: SEED, uid: text })
    await service.decrypt({ ciphertext: SEED, uid: text, keyId: text || ' ', annotations: {} })
    return lines.splice(0).flatMap(({ uid, keyId, msg }) => (msg === 'Decrypt failed' ? [uid, keyId] : [uid]))
  }
  for (const text of [UID, 'a', 'A.b-c_9', 'x'.repeat(64)]) t.same(await shown(text), [text, text, text])
  for (const text of ['', 'x'.repeat(65), `${UID}\n`, `\n${UID}`, 'a b', '{"level":"fatal"}', 'ü', 'a/b'])
    t.same(await shown(text), ['malformed', 'malformed', 'malformed'], text)
})

t.test('what Encrypt makes of any seed, Decrypt gives back, as kube-apiserver stores it', async (t) => {
  const { service } = serving()
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 995 }), async (plaintext) => {
      const sealed = service.encrypt({ plaintext, uid: UID })
      if (sealed.outcome !== 'ok') throw new Error(sealed.reason)
      const answer = await service.decrypt({ ...sealed.value, uid: UID })
      t.same(answer, { outcome: 'ok', value: { plaintext: Buffer.from(plaintext) } })
    }),
    { numRuns: 30 },
  )
})
