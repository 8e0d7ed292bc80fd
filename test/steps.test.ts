import t from 'tap'
import { runAtOnce, runInSlices } from '../src/steps.ts'
import { createManualClock } from './support/manual-clock.ts'

/** Work of so many steps; it notes each of them. */
function* work(steps: number, done: number[]) {
  for (let step = 0; step < steps; step++) {
    done.push(step)
    yield
  }
  return `${steps} steps`
}

t.test('all steps are done at once, and the result is theirs', async (t) => {
  const done: number[] = []
  t.equal(runAtOnce(work(3, done)), '3 steps')
  t.strictSame(done, [0, 1, 2])
  t.equal(runAtOnce(work(0, done)), '0 steps')
})

t.test('work in slices lets others in after 3 milliseconds, and goes on where it was', async (t) => {
  const clock = createManualClock()
  let time = 0
  const done: number[] = []
  const finished = runInSlices(work(5, done), { ...clock, monotonic: () => time++ })
  // the end of a slice is told by the first of its looks at the clock
  t.strictSame(done, [0, 1, 2])
  await clock.advance(0)
  t.strictSame(done, [0, 1, 2, 3, 4])
  t.equal(await finished, '5 steps')
})

t.test('short work waits for nobody', async (t) => {
  const done: number[] = []
  t.equal(await runInSlices(work(4, done), createManualClock()), '4 steps')
  t.strictSame(done, [0, 1, 2, 3])
})

t.test('work that breaks rejects', async (t) => {
  function* broken() {
    yield
    throw new Error('broke')
  }
  await t.rejects(runInSlices(broken(), createManualClock()), { message: 'broke' })
  t.throws(() => runAtOnce(broken()), { message: 'broke' })
})
