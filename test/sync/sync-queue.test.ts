import t from 'tap'
import { createSyncQueue } from '../../src/sync/sync-queue.ts'
import { fixChance } from '../support/fixed-chance.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { recordLog } from '../support/recorded-log.ts'
import { settled } from '../support/settled.ts'

const MESSAGE = 'A namespace or role binding cannot be made, trying again'

function world() {
  const clock = createManualClock()
  const { log, lines } = recordLog()
  const results: string[] = []
  let size = () => Number.NaN
  const queue = createSyncQueue({
    clock,
    log,
    metrics: {
      job: (result) => void results.push(result),
      changed() {},
      waited() {},
      watch(queued) {
        size = queued
      },
    },
  })
  const runs: string[] = []
  /** A job that notes its runs and ends as the test says. */
  const job =
    (name: string, end: () => unknown = () => undefined) =>
    async () => {
      runs.push(name)
      await end()
    }
  return { clock, lines, results, queue, runs, job, size: () => size() }
}
const fail =
  (message = 'down') =>
  () => {
    throw new Error(message)
  }
const held = () => Promise.withResolvers<void>()

t.test('a job runs at once, and its first try is what to wait for', async (t) => {
  const { queue, runs, job, results, size } = world()
  const { promise, resolve } = held()
  let over = false
  const tried = queue
    .add(
      'a',
      job('a', () => promise),
    )
    ?.then(() => {
      over = true
    })
  t.strictSame([runs, size()], [['a'], 1])
  await settled()
  t.notOk(over)
  resolve()
  await tried
  t.strictSame([results, size(), queue.fault()], [['done'], 0, undefined])
})

t.test('four jobs run at a time, in their order, and a failed one makes room like any other', async (t) => {
  const { queue, runs, job } = world()
  const ends = Array.from({ length: 7 }, held)
  ends.forEach(
    ({ promise }, index) =>
      void queue.add(
        `${index}`,
        job(`${index}`, () => promise),
      ),
  )
  await settled()
  t.strictSame(runs, ['0', '1', '2', '3'])
  ends[2]?.reject(new Error('down'))
  await settled()
  t.strictSame(runs, ['0', '1', '2', '3', '4'])
  ends[0]?.resolve()
  ends[4]?.resolve()
  await settled()
  t.strictSame(runs, ['0', '1', '2', '3', '4', '5', '6'])
})

t.test('the wait for a job is over after its first try, whatever became of it', async (t) => {
  const { queue, job, results } = world()
  t.equal(await queue.add('a', job('a', fail())), undefined)
  t.strictSame(results, ['failed'])
  t.equal(queue.fault(), 'down')
})

t.test('a job that fails is tried twelve times, with pauses that double up to a minute', async (t) => {
  for (const [chance, factor] of [
    [0, 0.5],
    [0.5, 0.75],
    [1, 1],
  ] as const) {
    fixChance(t, chance)
    const { clock, queue, runs, job, results, size } = world()
    await queue.add('a', job('a', fail()))
    const pauses = [250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]
    for (const [index, pause] of pauses.entries()) {
      await clock.advance(pause * factor - 1)
      t.equal(runs.length, index + 1, `not before ${pause * factor} ms`)
      await clock.advance(1)
      t.equal(runs.length, index + 2)
      t.equal(size(), index === 10 ? 0 : 1)
    }
    t.strictSame(results, [...Array.from({ length: 11 }, () => 'failed'), 'given_up'])
    await clock.advance(600_000)
    t.equal(runs.length, 12, 'then it is given up')
  }
})

t.test('the key of a job that was given up is free for the next', async (t) => {
  const { clock, queue, runs, job, results } = world()
  await queue.add('a', job('old', fail()))
  await clock.advance(600_000)
  t.equal(runs.length, 12)
  t.equal(await queue.add('a', job('new')), undefined)
  t.strictSame([runs.at(-1), results.at(-1)], ['new', 'done'])
})

t.test('the pauses are those of a clock that nobody sets', async (t) => {
  fixChance(t, 1)
  const { clock, queue, runs, job, lines } = world()
  await queue.add('a', job('a', fail()))
  clock.setWallBy(86_400_000)
  await settled()
  t.equal(runs.length, 1)
  clock.setWallBy(-2 * 86_400_000)
  await clock.advance(250)
  t.equal(runs.length, 2)
  t.equal(lines.length, 1)
})

t.test('a job of a key that has not begun is replaced, and both logins wait for the same try', async (t) => {
  const { queue, runs, job, size } = world()
  const ends = Array.from({ length: 4 }, held)
  ends.forEach(
    ({ promise }, index) =>
      void queue.add(
        `${index}`,
        job(`${index}`, () => promise),
      ),
  )
  const [first, second] = [queue.add('a', job('old')), queue.add('a', job('new'))]
  t.equal(first, second)
  t.equal(size(), 5)
  ends[0]?.resolve()
  await second
  t.strictSame(runs.slice(4), ['new'])
})

t.test('a job of a key that is running runs after it, at a first try and at a later one', async (t) => {
  fixChance(t, 1)
  for (const ends of [[], [fail()]]) {
    const { clock, queue, runs, job, results, size } = world()
    const { promise, resolve } = held()
    const old = job('old', () => (ends.shift() ?? (() => promise))())
    void queue.add('a', old)
    await settled()
    await clock.advance(250)
    void queue.add('a', job('never'))
    void queue.add('a', job('new'))
    results.length = 0
    resolve()
    await settled()
    t.strictSame([runs.slice(-2), results, size()], [['old', 'new'], ['done', 'done'], 0])
  }
})

t.test('a job of a key that failed takes the next try, and nobody waits for it', async (t) => {
  fixChance(t, 1)
  const { clock, queue, runs, job, results, size } = world()
  await queue.add('a', job('old', fail()))
  t.equal(queue.add('a', job('new')), undefined)
  await settled()
  t.strictSame(runs, ['old'], 'the pause holds')
  await clock.advance(250)
  t.strictSame([runs, results, size()], [['old', 'new'], ['failed', 'done'], 0])
})

t.test('jobs beyond 4096 are dropped and counted, but known keys get their new job', async (t) => {
  const { queue, runs, job, results, size } = world()
  const { promise, resolve } = held()
  for (let index = 0; index < 4096; index += 1) t.ok(queue.add(`${index}`, () => promise))
  t.equal(queue.add('more', job('more')), undefined)
  t.strictSame([results, size()], [['dropped'], 4096])
  t.ok(queue.add('4095', job('known')))
  t.strictSame(results, ['dropped'])
  resolve()
  await settled(4096)
  t.strictSame([runs, size()], [['known'], 0])
  await queue.add('more', job('more'))
  t.strictSame(runs, ['known', 'more'], 'there is room again')
})

t.test('however many jobs fail, the log has one line in half a minute', async (t) => {
  fixChance(t, 1)
  const { clock, queue, job, lines } = world()
  await queue.add('web/alice', job('a', fail('answered 500')))
  await queue.add('web/bob', job('b', fail()))
  t.strictSame(lines, [{ level: 'error', job: 'web/alice', err: 'answered 500', msg: MESSAGE }])
  await clock.advance(29_999)
  t.equal(lines.length, 1)
  await clock.advance(1)
  await queue.add('web/carol', job('c', fail('still down')))
  t.strictSame(lines.slice(1), [{ level: 'error', job: 'web/carol', err: 'still down', msg: MESSAGE }])
})

t.test('the fault is that of the last try, and gone with one that goes well', async (t) => {
  const { queue, job } = world()
  await queue.add('a', job('a', fail('one')))
  await queue.add(
    'b',
    job('b', () => Promise.reject('two')),
  )
  t.equal(queue.fault(), 'two')
  await queue.add('c', job('c'))
  t.equal(queue.fault(), undefined)
})

t.test('after a stop nothing begins and nothing is tried again', async (t) => {
  const { clock, queue, runs, job, results } = world()
  const ends = Array.from({ length: 4 }, held)
  await queue.add('failed', job('failed', fail()))
  const tried = ends.map(({ promise }, index) =>
    queue.add(
      `${index}`,
      job(`${index}`, () => promise),
    ),
  )
  void queue.add('waiting', job('waiting'))
  queue.stop()
  ends[0]?.reject(new Error('cut off'))
  for (const { resolve } of ends) resolve()
  await Promise.all(tried)
  await clock.advance(600_000)
  void queue.add('late', job('late'))
  await settled()
  t.strictSame(runs, ['failed', '0', '1', '2', '3'])
  t.strictSame(results, ['failed', 'done', 'done', 'done'])
})
