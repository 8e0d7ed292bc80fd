import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { holdLock } from '../../src/exec/cache-lock.ts'
import { DEAD_PID, modeOf, replaceFileCall, watchOpenFiles, withoutMask } from '../support/file-calls.ts'
import { lockWorld, OTHER, settle, watched } from '../support/lock-world.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const MINUTE = 60_000

t.test('a free lock is taken at once, with process id and time in a file for its owner alone', async (t) => {
  withoutMask(t)
  const open = watchOpenFiles(t)
  const { clock, path, hold, content } = lockWorld(t)
  await clock.advance(1234)
  const lock = hold(0)
  await settle(clock)
  t.equal(lock.state, 'held')
  t.equal(content(), `${process.pid} ${clock.monotonic()}`)
  t.equal(modeOf(path), 0o600)
  lock.release?.()
  t.notOk(existsSync(path))
  lock.release?.()
  t.same(open(), [])
})

t.test(
  'a lock of a living process is waited for until the patience is over, and then left to it',
  async (t) => {
    for (const patience of [0, 1, 100, 5000]) {
      const { clock, lockedBy, hold, content } = lockWorld(t)
      lockedBy(OTHER)
      const lock = hold(patience)
      await settle(clock)
      await clock.advance(patience - 1)
      if (patience > 0) t.equal(lock.state, 'waiting', `${patience} ms`)
      await clock.advance(20)
      t.equal(lock.state, 'given up', `${patience} ms`)
      t.equal(content(), OTHER)
    }
  },
)

t.test('who waits has the lock 20 ms after it is free', async (t) => {
  const { clock, path, lockedBy, hold, content } = lockWorld(t)
  lockedBy(OTHER)
  const lock = hold(5000)
  await clock.advance(1000)
  rmSync(path)
  await clock.advance(20)
  t.equal(lock.state, 'held')
  t.match(content(), `${process.pid} `)
})

t.test('patience is counted by the clock that only goes forward', async (t) => {
  for (const leap of [-60 * MINUTE, 5 * MINUTE]) {
    const { clock, lockedBy, hold } = lockWorld(t)
    lockedBy(OTHER)
    const lock = hold(1000)
    await clock.advance(500)
    clock.setWallBy(leap)
    await clock.advance(490)
    t.equal(lock.state, 'waiting', `${leap}`)
    await clock.advance(30)
    t.equal(lock.state, 'given up', `${leap}`)
  }
})

t.test('a lock is taken over once its process is dead or it is too old, not before', async (t) => {
  const rows: readonly (readonly [holder: string, ageMs: number, 'waiting' | 'held'])[] = [
    [`${DEAD_PID} 5`, 0, 'held'],
    [`${DEAD_PID} 5`, 5 * MINUTE, 'held'],
    [OTHER, 9 * MINUTE, 'waiting'],
    [OTHER, 10 * MINUTE, 'waiting'],
    [OTHER, 10 * MINUTE + 1, 'held'],
    [OTHER, -5 * MINUTE, 'waiting'],
    // just made, and not written yet
    ['', 0, 'waiting'],
    ['', 1000, 'waiting'],
    ['', 1001, 'held'],
    ['nonsense', MINUTE, 'waiting'],
    ['nonsense', 10 * MINUTE + 1, 'held'],
  ]
  for (const [holder, age, expected] of rows) {
    const { clock, path, lockedBy, hold, content } = lockWorld(t)
    lockedBy(holder, age)
    const lock = hold(MINUTE)
    await settle(clock)
    t.equal(lock.state, expected, `${holder}, ${age} ms`)
    t.equal(content(), expected === 'held' ? `${process.pid} ${clock.monotonic()}` : holder)
    t.same(readdirSync(dirname(path)), ['lock'], 'and nothing is left beside it')
  }
})

t.test('a lock that is too old is taken over by the wall clock, an empty one after a second', async (t) => {
  const { clock, lockedBy, hold } = lockWorld(t)
  lockedBy('', 0)
  const lock = hold(MINUTE)
  await clock.advance(1000)
  t.equal(lock.state, 'waiting')
  await clock.advance(20)
  t.equal(lock.state, 'held')
})

t.test('of several that wait each has the lock in its turn, and never two at once', async (t) => {
  const { clock, path, hold } = lockWorld(t)
  const locks: ReturnType<typeof watched>[] = []
  for (let count = 0; count < 4; count += 1) {
    locks.push(hold(MINUTE))
    await clock.advance(1)
  }
  for (let turn = 1; turn <= 4; turn += 1) {
    const held = locks.filter(({ state }) => state === 'held')
    t.equal(held.length, turn)
    for (const { release } of held) release?.()
    t.equal(existsSync(path), false)
    await clock.advance(25)
  }
  t.notOk(existsSync(path))
})

t.test('of several that find one dead lock only one takes it over', async (t) => {
  const { clock, lockedBy, hold } = lockWorld(t)
  lockedBy(`${DEAD_PID} 5`)
  const locks = [hold(MINUTE), hold(MINUTE), hold(MINUTE)]
  await settle(clock)
  t.same(locks.map(({ state }) => state).sort(), ['held', 'waiting', 'waiting'])
})

t.test('who releases a lock that another has taken over meanwhile leaves it to that one', async (t) => {
  const { clock, lockedBy, hold, content } = lockWorld(t)
  const lock = hold(0)
  await settle(clock)
  lockedBy(OTHER)
  lock.release?.()
  t.equal(content(), OTHER)
})

t.test('a lock that cannot be made is not waited for', async (t) => {
  const clock = createManualClock()
  const folder = temporaryFolder(t)
  for (const path of ['/dev/null/lock', join(folder, 'none/lock')]) {
    const lock = watched(holdLock({ path, patienceMs: MINUTE, clock }))
    await settle(clock)
    t.equal(lock.state, 'given up', path)
  }
})

t.test('a lock file that cannot be written into is closed and not held', async (t) => {
  const open = watchOpenFiles(t)
  const { clock, hold } = lockWorld(t)
  replaceFileCall(t, 'writeSync', () => () => {
    throw Object.assign(new Error('full'), { code: 'ENOSPC' })
  })
  const lock = hold(MINUTE)
  await settle(clock)
  t.equal(lock.state, 'given up')
  t.same(open(), [])
})

t.test('a living lock that took the place of the dead one is put back', async (t) => {
  const { clock, path, lockedBy, hold, content } = lockWorld(t)
  lockedBy(`${DEAD_PID} 5`)
  let moved = 0
  replaceFileCall(t, 'renameSync', (original) => (from, to) => {
    // another process was here between the look and the deed
    if (moved++ === 0) lockedBy(OTHER)
    original(from, to)
  })
  const lock = hold(100)
  await settle(clock)
  t.equal(lock.state, 'waiting')
  t.equal(content(), OTHER)
  t.same(readdirSync(dirname(path)), ['lock'])
  await clock.advance(120)
  t.equal(lock.state, 'given up')
  t.equal(content(), OTHER)
})

t.test('a dead lock is moved aside under a name that no other process uses', async (t) => {
  const { clock, path, lockedBy, hold } = lockWorld(t)
  lockedBy(`${DEAD_PID} 5`)
  const names: string[] = []
  replaceFileCall(t, 'renameSync', (original) => (from, to) => {
    names.push(String(to))
    original(from, to)
  })
  await clock.advance(0.5)
  hold(0)
  await settle(clock)
  t.same(names, [`${path}.${process.pid}-60000-5`])
})

t.test('a dead lock that another process has removed already is no obstacle', async (t) => {
  const { clock, path, lockedBy, hold } = lockWorld(t)
  lockedBy(`${DEAD_PID} 5`)
  let moved = 0
  replaceFileCall(t, 'renameSync', (original) => (from, to) => {
    if (moved++ === 0) rmSync(path)
    original(from, to)
  })
  const lock = hold(0)
  await settle(clock)
  t.equal(lock.state, 'held')
})

t.test('a lock that goes away while it is looked at is taken by the next try', async (t) => {
  const { clock, path, lockedBy, hold } = lockWorld(t)
  lockedBy(OTHER)
  t.test('before it is read', async (t) => {
    replaceFileCall(
      t,
      'readFileSync',
      (original) =>
        ((name: string, ...rest: [BufferEncoding]) => {
          if (name === path) rmSync(path, { force: true })
          return original(name, ...rest)
        }) as never,
    )
    const lock = hold(100)
    await clock.advance(20)
    t.equal(lock.state, 'held')
    lock.release?.()
  })
  t.test('before its age is known', async (t) => {
    lockedBy(OTHER, 20 * MINUTE)
    replaceFileCall(t, 'statSync', () => () => {
      throw Object.assign(new Error('gone'), { code: 'ENOENT' })
    })
    const lock = hold(100)
    await settle(clock)
    t.equal(lock.state, 'waiting', 'no age is no reason to take it over')
  })
})

t.test('a folder in place of the lock is waited for and left as it is', async (t) => {
  const { clock, path, hold } = lockWorld(t)
  mkdirSync(path)
  const lock = hold(30)
  await clock.advance(60)
  t.equal(lock.state, 'given up')
  t.ok(existsSync(path))
})
