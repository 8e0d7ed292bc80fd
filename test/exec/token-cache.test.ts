import { createHmac } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { createTokenCache, type KeptToken } from '../../src/exec/token-cache.ts'
import { fakeFolder, tokenFolder } from '../support/token-folder.ts'

const MINUTE = 60_000
/** All that a token depends on: two users of two clouds. */
const [ALICE, BOB] = ['alice at cloud A', 'bob at cloud B'] as const

t.test('each identity gets the token that was kept for it, as it was, and no other', async (t) => {
  const { cache, kept, folder, clock, said } = tokenFolder(t)
  const [one, two] = [kept('one'), kept('two', 20 * MINUTE)]
  cache.put(ALICE, one)
  cache.put(BOB, two)
  for (const process of [cache, createTokenCache({ folder, clock })]) {
    t.strictSame(process.get(ALICE), one)
    t.strictSame(process.get(BOB), two)
    t.equal(process.get(`${ALICE} `), undefined)
    t.equal(process.get(''), undefined)
  }
  cache.put(ALICE, two)
  t.strictSame(cache.get(ALICE), two, 'the last one counts')
  cache.forget(ALICE)
  t.equal(cache.get(ALICE), undefined)
  t.strictSame(cache.get(BOB), two, 'the other one is not forgotten')
  t.same(said, [])
})

t.test('tokens of identities that differ anywhere are kept apart', async (t) => {
  const { cache, kept } = tokenFolder(t)
  const until = kept('x')
  fc.assert(
    fc.property(fc.string(), fc.string(), (a, b) => {
      fc.pre(a !== b)
      cache.forget(b)
      cache.put(a, { ...until, token: 'of a' })
      t.equal(cache.get(a)?.token, 'of a')
      t.equal(cache.get(b), undefined)
    }),
    { numRuns: 30 },
  )
})

t.test('a token is handed out until its end by the wall clock, and not before it was got', async (t) => {
  const { clock, cache, kept } = tokenFolder(t)
  const token = kept('one', 10 * MINUTE)
  for (const [since, leap, expected] of [
    ['its beginning', 0, token],
    ['the middle', 5 * MINUTE, token],
    ['the last moment', 5 * MINUTE - 1, token],
    ['its end', 1, undefined],
    ['long after', 60 * MINUTE, undefined],
    ['the beginning again', -70 * MINUTE, token],
    ['a clock that was set back', -1, undefined],
  ] as const) {
    if (since === 'its beginning') cache.put(ALICE, token)
    clock.setWallBy(leap)
    t.strictSame(cache.get(ALICE), expected, since)
  }
})

t.test('the name of a file is the HMAC of the identity under a key of this folder', async (t) => {
  const [first, second] = [tokenFolder(t), tokenFolder(t)]
  for (const { cache, kept, names, path } of [first, second]) {
    cache.put(ALICE, kept('one'))
    cache.refuse(ALICE)
    const key = readFileSync(join(path, 'key'))
    t.equal(key.length, 32)
    const hash = createHmac('sha256', key).update(ALICE).digest('hex')
    t.same(names(), [`${hash}.refused`, `${hash}.token`, 'key'])
  }
  t.notSame(first.names(), second.names(), 'another folder has another key')
})

t.test('a file holds the token and its times, and is swept when the token has ended', async (t) => {
  const { clock, cache, kept, file, names } = tokenFolder(t)
  const one = kept('one')
  cache.put(ALICE, { ...one, user: 'alice' } as KeptToken)
  cache.put(BOB, kept('two', 20 * MINUTE))
  t.equal(names().length, 3)
  clock.setWallBy(10 * MINUTE + 1)
  cache.put('carol', kept('three'))
  t.equal(names().filter((name) => name.endsWith('.token')).length, 2)
  t.equal(cache.get(BOB)?.token, 'two')
  t.equal(Math.round(statSync(file('.token')).mtimeMs) > clock.now(), true)
})

t.test('looking makes no folder and no key', async (t) => {
  const { cache, path } = tokenFolder(t)
  t.equal(cache.get(ALICE), undefined)
  t.equal(cache.refusedAt(ALICE), undefined)
  cache.forget(ALICE)
  t.equal(existsSync(path), false)
})

t.test('a refusal is remembered for 30 seconds, for its identity alone', async (t) => {
  const { clock, cache, folder } = tokenFolder(t)
  clock.setWallBy(3 * MINUTE)
  const at = clock.now()
  cache.refuse(ALICE)
  for (const [leap, expected] of [
    [0, at],
    [15_000, at],
    [14_999, at],
    [1, undefined],
  ] as const) {
    clock.setWallBy(leap)
    for (const process of [cache, createTokenCache({ folder, clock })])
      t.equal(round(process.refusedAt(ALICE)), expected, `${leap} ms later`)
    t.equal(cache.refusedAt(BOB), undefined)
  }
  t.equal(cache.get(ALICE), undefined)
})

/** Files have their time in nanoseconds. */
const round = (time: number | undefined) => time && Math.round(time)

t.test('work on one identity is done by one at a time, on two identities at once', async (t) => {
  const { clock, cache, folder, names } = tokenFolder(t)
  const other = createTokenCache({ folder, clock })
  const steps: string[] = []
  let end = (_: string) => {}
  const first = cache.alone(ALICE, MINUTE, async () => {
    steps.push('first')
    return new Promise<string>((resolve) => {
      end = resolve
    })
  })
  await clock.advance(1)
  const second = other.alone(ALICE, MINUTE, async () => {
    steps.push('second')
    return 2
  })
  t.equal(await other.alone(BOB, MINUTE, async () => 'bob'), 'bob')
  await clock.advance(1000)
  t.same(steps, ['first'])
  end('done')
  t.equal(await first, 'done')
  await clock.advance(20)
  t.equal(await second, 2)
  t.same(steps, ['first', 'second'])
  t.same(names(), ['key'], 'no lock is left')
})

t.test('work that fails gives its error and the lock', async (t) => {
  const { cache, names } = tokenFolder(t)
  const fault = new Error('Keystone is away')
  const failed = cache.alone(ALICE, MINUTE, async () => {
    t.equal(names().filter((name) => name.endsWith('.lock')).length, 1)
    throw fault
  })
  await t.rejects(failed, fault)
  t.same(names(), ['key'])
})

t.test('who has waited long enough works without the lock and leaves it to its holder', async (t) => {
  const { clock, cache, file, kept } = tokenFolder(t)
  cache.put(ALICE, kept('one'))
  const lock = file('.token').replace(/token$/, 'lock')
  writeFileSync(lock, '1 5')
  let done = false
  const work = cache.alone(ALICE, 200, async () => {
    done = true
  })
  await clock.advance(190)
  t.equal(done, false)
  await clock.advance(30)
  await work
  t.equal(done, true)
  t.equal(readFileSync(lock, 'utf8'), '1 5')
})

t.test('a file that is cut, garbage or lacks a part gives no token', async (t) => {
  const { cache, kept, file } = tokenFolder(t)
  const one = kept('one')
  cache.put(ALICE, one)
  const { token: _, ...noToken } = one
  const { until: __, ...noEnd } = one
  const { since: ___, ...noBeginning } = one
  const { keystoneUrl: ____, ...noUrl } = one
  const other = [{ token: 5 }, { token: '' }, { until: `${one.until}` }, { since: `${one.since}` }]
  const rows = [
    ...['', 'garbage', 'null', '[]', '"token"', JSON.stringify(one).slice(0, -1)],
    ...[noToken, noEnd, noBeginning, noUrl].map((value) => JSON.stringify(value)),
    ...[...other, { keystoneUrl: null }].map((part) => JSON.stringify({ ...one, ...part })),
  ]
  for (const row of rows) {
    writeFileSync(file('.token'), row)
    t.equal(cache.get(ALICE), undefined, row)
  }
  writeFileSync(file('.token'), JSON.stringify({ ...one, more: 1 }))
  t.strictSame(cache.get(ALICE), one)
})

t.test(
  'a key of another length is replaced when something is kept, not when something is sought',
  async (t) => {
    for (const bad of ['', 'short', 'x'.repeat(31), 'x'.repeat(33)]) {
      const { cache, folder, clock, kept, path, said } = tokenFolder(t)
      mkdirSync(path, { mode: 0o700 })
      writeFileSync(join(path, 'key'), bad, { mode: 0o600 })
      t.equal(cache.get(ALICE), undefined)
      t.equal(readFileSync(join(path, 'key'), 'utf8'), bad)
      cache.put(ALICE, kept('one'))
      t.equal(readFileSync(join(path, 'key')).length, 32)
      t.equal(createTokenCache({ folder, clock }).get(ALICE)?.token, 'one')
      t.same(said, [])
    }
  },
)

t.test('of two processes that make a key at once both use the one that is there first', async (t) => {
  const { clock, kept } = tokenFolder(t)
  const theirs = Buffer.alloc(32, 7)
  const written: (string | number)[] = []
  let key: Buffer | undefined
  const folder = fakeFolder({
    read: (name) => (name === 'key' ? key : undefined),
    create: (_, own) => {
      t.equal(own.length, 32)
      t.notSame(own, Buffer.alloc(32))
      key = theirs
    },
    write: (name, _, until) => written.push(name, until),
  })
  const one = kept('one')
  createTokenCache({ folder, clock }).put(ALICE, one)
  const hash = createHmac('sha256', theirs).update(ALICE).digest('hex')
  t.same(written, [`${hash}.token`, one.until])
})
