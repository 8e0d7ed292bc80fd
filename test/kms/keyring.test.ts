import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { counting } from './fixtures.ts'
import { found, ringed } from './keyring-world.ts'
import { held, settled, uuid } from './memory-store.ts'

t.test('a secret of the key set is described, read once and then kept in memory', async (t) => {
  const { keyring, put, seen, lines, secrets } = ringed()
  const [one, two] = [put(1), put(2)]
  t.equal(keyring.size, 0)
  t.equal(keyring.get(one.id), undefined)
  for (const { id } of [one, two, one, two]) t.equal(await found(keyring, id), `the KEK ${id}`)
  t.same(
    seen,
    [one, two].flatMap(({ id }) => [`describe ${id}`, `payload ${id}`]),
  )
  t.same(keyring.get(one.id)?.legacyKey.export(), counting(1, 32))
  t.same(keyring.get(two.id)?.legacyKey.export(), counting(2, 32))
  t.equal(keyring.size, 2)
  secrets.clear()
  t.equal(await keyring.find(one.id), keyring.get(one.id), 'a key is never dropped')
  t.strictSame(lines, [
    { level: 'info', keyId: one.id, msg: 'Loaded the key' },
    { level: 'info', keyId: two.id, msg: 'Loaded the key' },
  ])
})

t.test('a secret of another name is unknown, and its payload is never asked for', async (t) => {
  const { keyring, put, seen } = ringed()
  const other = put(1, { name: 'kek-of-another-cluster' })
  const nameless = put(2, { name: '' })
  for (const { id } of [other, nameless]) t.equal(await found(keyring, id), 'unknown')
  t.same(seen, [`describe ${other.id}`, `describe ${nameless.id}`])
  t.equal(keyring.size, 0)
})

t.test('an explicit id needs no description, only its payload', async (t) => {
  const { keyring, put, seen } = ringed({ ids: [uuid(1), uuid(2)], name: 'kek' })
  put(1, { name: 'anything' })
  put(2)
  put(3)
  for (const number of [1, 2, 3]) t.equal(await found(keyring, uuid(number)), `the KEK ${uuid(number)}`)
  t.same(seen, [`payload ${uuid(1)}`, `payload ${uuid(2)}`, `describe ${uuid(3)}`, `payload ${uuid(3)}`])
})

t.test('with explicit ids alone Barbican is asked for no other secret', async (t) => {
  const { keyring, put, seen } = ringed({ ids: [uuid(1), uuid(2)] })
  put(3)
  t.equal(await found(keyring, uuid(3)), 'unknown')
  t.same(seen, [])
})

t.test('what does not look like a secret id never reaches Barbican', async (t) => {
  const { keyring, seen } = ringed()
  const id = '0b6f4f6e-6a53-4d3b-9f0e-2f4b8d1c7a10'
  for (const malformed of [
    '',
    'kek',
    '../../v1/orders',
    id.toUpperCase(),
    `${id}0`,
    `0${id}`,
    `${id}/payload`,
    `a/${id}`,
    `${id}\n`,
    id.slice(1),
    id.replaceAll('-', ''),
    id.replace('6a53', '6a5g'),
  ])
    t.equal(await found(keyring, malformed), 'unknown', malformed)
  t.same(seen, [])
  t.equal(await found(keyring, id), 'unknown')
  t.same(seen, [`describe ${id}`])
})

t.test('an explicit id is asked for though it is not a uuid', async (t) => {
  const { keyring, answers, seen } = ringed({ ids: ['first'] })
  answers.set('payload first', counting(1, 32))
  t.equal(await found(keyring, 'first'), 'the KEK first')
  t.same(seen, ['payload first'])
})

t.test(
  'Barbican refuses description or payload: unknown for ten seconds, then it is asked again',
  async (t) => {
    for (const refusal of ['gone', 'forbidden'])
      for (const call of ['describe', 'payload']) {
        const { keyring, put, answers, seen, clock, lines } = ringed()
        const { id } = put(1)
        const { id: other } = put(2)
        answers.set(`${call} ${id}`, refusal)
        const asked = () => seen.filter((line) => line === `${call} ${id}`).length
        t.equal(await found(keyring, id), 'unknown')
        t.equal(await found(keyring, other), `the KEK ${other}`, 'the refusal is that of one id')
        answers.delete(`${call} ${id}`)
        await clock.advance(9999)
        clock.setWallBy(3_600_000)
        t.equal(await found(keyring, id), 'unknown', 'an hour on the wall clock is not ten seconds')
        t.equal(asked(), 1)
        await clock.advance(2)
        t.equal(await found(keyring, id), `the KEK ${id}`)
        t.equal(asked(), 2)
        t.strictSame(
          lines.filter(({ level }) => level !== 'info'),
          call === 'describe'
            ? []
            : [{ level: 'warn', keyId: id, reason: refusal, msg: 'Barbican does not give out the key' }],
        )
      }
  },
)

t.test('an error of Barbican is unavailable, never unknown, and is asked again after a second', async (t) => {
  for (const call of ['describe', 'payload'])
    for (const code of ['BARBICAN_REFUSED_US', 'BARBICAN_SERVER_ERROR', 'HTTP_TIMEOUT', undefined] as const) {
      const { keyring, put, answers, seen, clock, lines } = ringed()
      const { id } = put(1)
      const error = code === undefined ? new Error('broken') : new PortcullisError(code, 'broken')
      answers.set(`${call} ${id}`, error)
      t.equal(await found(keyring, id), 'unavailable', `${code}`)
      t.strictSame(lines, [
        { level: 'error', keyId: id, ...(code && { code }), err: 'broken', msg: 'Could not load the key' },
      ])
      answers.clear()
      await clock.advance(999)
      t.equal(await found(keyring, id), 'unavailable')
      t.equal(seen.filter((line) => line === `${call} ${id}`).length, 1)
      await clock.advance(2)
      t.equal(await found(keyring, id), `the KEK ${id}`)
    }
})

t.test('a payload that is not an AES key is unknown for ten seconds, like a refusal', async (t) => {
  const { keyring, put, seen, clock, lines } = ringed()
  const { id } = put(1, { payload: counting(0, 31) })
  t.equal(await found(keyring, id), 'unknown')
  t.match(lines, [{ level: 'error', keyId: id, code: 'KEK_UNUSABLE', msg: 'Could not load the key' }])
  await clock.advance(9999)
  t.equal(await found(keyring, id), 'unknown')
  t.equal(seen.length, 2)
  t.equal(keyring.size, 0)
})

t.test('a key that fails its round trip is not used', async (t) => {
  const original = crypto.createDecipheriv
  const opensTo = (plaintext: Buffer | undefined) =>
    ((...parameters: Parameters<typeof original>) => {
      const final = () => {
        if (plaintext === undefined) throw new Error('wrong tag')
        return Buffer.alloc(0)
      }
      const decipher = original(...parameters)
      return Object.assign(decipher, { update: () => plaintext ?? Buffer.alloc(32), final })
    }) as unknown as typeof original
  for (const plaintext of [Buffer.alloc(32), undefined]) {
    const { keyring, put, lines } = ringed()
    const { id } = put(1)
    crypto.createDecipheriv = opensTo(plaintext)
    syncBuiltinESMExports()
    try {
      t.equal(await found(keyring, id), 'unknown')
    } finally {
      crypto.createDecipheriv = original
      syncBuiltinESMExports()
    }
    t.equal(keyring.get(id), undefined)
    t.match(lines, [
      { level: 'error', keyId: id, code: 'KEK_UNUSABLE', err: new RegExp(`${id}.*round trip`) },
    ])
  }
})

t.test('callers of one id share a flight; another id has its own', async (t) => {
  const { keyring, put, answers, seen } = ringed()
  const [one, two] = [put(1), put(2)]
  const slow = held<unknown>()
  answers.set(`payload ${one.id}`, slow.promise)
  const first = Array.from({ length: 40 }, () => found(keyring, one.id))
  t.equal(await found(keyring, two.id), `the KEK ${two.id}`)
  slow.resolve(counting(1, 32))
  t.same(new Set(await Promise.all(first)), new Set([`the KEK ${one.id}`]))
  t.same(
    seen.filter((line) => line.includes(one.id)),
    [`describe ${one.id}`, `payload ${one.id}`],
  )
})

t.test('a find ends after 2.5 s; the flight goes on and the next find has its key', async (t) => {
  const { keyring, put, answers, seen, clock } = ringed()
  const { id } = put(1)
  const slow = held<unknown>()
  answers.set(`payload ${id}`, slow.promise)
  const ends: string[] = []
  const find = async () => void ends.push(await found(keyring, id))
  const first = find()
  await clock.advance(1000)
  const second = find()
  await clock.advance(1499)
  await settled()
  t.same(ends, [])
  const third = find()
  await clock.advance(1)
  await first
  t.same(ends, ['unavailable'])
  await clock.advance(1000)
  await settled()
  t.same(ends, ['unavailable', 'unavailable'], 'who joins a flight waits 2.5 s too')
  slow.resolve(counting(1, 32))
  await Promise.all([second, third])
  t.same(ends, ['unavailable', 'unavailable', `the KEK ${id}`])
  t.equal(await found(keyring, id), `the KEK ${id}`)
  t.equal(seen.length, 2)
})

t.test('a deadline is cancelled with its answer', async (t) => {
  const { keyring, put, timers } = ringed()
  await keyring.find(put(1).id)
  await keyring.find(uuid(2))
  t.equal(timers.open, 0)
})

t.test('at most 32 flights are in the air; the next id is unavailable without a call', async (t) => {
  const { keyring, put, answers, seen } = ringed()
  const slow = held<unknown>()
  for (let number = 0; number < 33; number++) answers.set(`describe ${put(number).id}`, slow.promise)
  const flights = Array.from({ length: 32 }, (_, number) => found(keyring, uuid(number)))
  t.equal(await found(keyring, uuid(32)), 'unavailable')
  t.equal(seen.length, 32)
  const joined = found(keyring, uuid(31))
  slow.resolve('gone')
  t.same(
    new Set(await Promise.all([...flights, joined])),
    new Set(['unknown']),
    'one in the air can be joined',
  )
  answers.clear()
  t.equal(await found(keyring, uuid(32)), `the KEK ${uuid(32)}`, 'every flight that ended made room')
})
