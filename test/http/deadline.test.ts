import t from 'tap'
import { withDeadline } from '../../src/http/deadline.ts'
import { createManualClock } from '../support/manual-clock.ts'

/** Work that the test ends by hand, under a deadline of 1000 ms. */
function underDeadline(ms = 1000) {
  const clock = createManualClock()
  const work = Promise.withResolvers<string>()
  let signal = new AbortController().signal
  let renew = () => {}
  const result = withDeadline(clock, ms, (given, begun) => {
    signal = given
    renew = begun
    return work.promise
  })
  return { clock, work, result, renew: () => renew(), aborted: () => signal.aborted }
}

t.test('work that ends in time gives its value, and its timer is gone', async (t) => {
  const { clock, work, result, aborted } = underDeadline()
  t.equal(clock.pendingTimers, 1)
  await clock.advance(999)
  work.resolve('done')
  t.equal(await result, 'done')
  t.equal(clock.pendingTimers, 0)
  await clock.advance(5000)
  t.equal(aborted(), false, 'the signal of finished work never aborts')
})

t.test('the signal aborts after the given milliseconds, not before', async (t) => {
  for (const ms of [1, 250, 10_000]) {
    const { clock, work, result, aborted } = underDeadline(ms)
    await clock.advance(ms - 1)
    t.equal(aborted(), false, `${ms - 1} of ${ms} ms`)
    await clock.advance(1)
    t.equal(aborted(), true, `${ms} of ${ms} ms`)
    work.resolve('late')
    t.equal(await result, 'late', 'what the work makes of the signal is its own affair')
  }
})

t.test('a wall clock that is set forward or back moves no deadline', async (t) => {
  for (const ms of [3_600_000, -3_600_000]) {
    const { clock, work, result, aborted } = underDeadline()
    clock.setWallBy(ms)
    await clock.advance(999)
    t.equal(aborted(), false)
    await clock.advance(1)
    t.equal(aborted(), true)
    work.resolve('')
    await result
  }
})

t.test('each renewal gives the whole time again, and one timer is left of all', async (t) => {
  const { clock, work, result, renew, aborted } = underDeadline()
  for (let count = 1; count <= 3; count += 1) {
    await clock.advance(900)
    renew()
    t.equal(clock.pendingTimers, 1)
  }
  await clock.advance(999)
  t.equal(aborted(), false)
  await clock.advance(1)
  t.equal(aborted(), true)
  work.resolve('')
  await result
})

t.test('work that fails is told as it is, and its timer is gone', async (t) => {
  const { clock, work, result } = underDeadline()
  const failure = new Error('the call failed')
  work.reject(failure)
  await t.rejects(result, failure)
  t.equal(clock.pendingTimers, 0)
})

t.test('work that throws at once rejects, and its timer is gone', async (t) => {
  const clock = createManualClock()
  const failure = new Error('no call was made')
  const result = withDeadline(clock, 1000, () => {
    throw failure
  })
  await t.rejects(result, failure)
  t.equal(clock.pendingTimers, 0)
})

t.test('a renewal after the end starts no timer', async (t) => {
  for (const end of ['resolve', 'reject'] as const) {
    const { clock, work, result, renew, aborted } = underDeadline()
    work[end]('' as never)
    await result.catch(() => {})
    renew()
    t.equal(clock.pendingTimers, 0, end)
    await clock.advance(5000)
    t.equal(aborted(), false, end)
  }
})

t.test('two deadlines at once do not touch each other', async (t) => {
  const clock = createManualClock()
  const signals: AbortSignal[] = []
  const renewals: (() => void)[] = []
  const start = (ms: number) =>
    withDeadline(clock, ms, (signal, renew) => {
      signals.push(signal)
      renewals.push(renew)
      return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    })
  const all = [start(1000), start(2000)]
  await clock.advance(900)
  renewals[0]?.()
  await clock.advance(999)
  t.same(
    signals.map((signal) => signal.aborted),
    [false, false],
  )
  await clock.advance(1)
  t.same(
    signals.map((signal) => signal.aborted),
    [true, false],
  )
  await clock.advance(100)
  t.same(
    signals.map((signal) => signal.aborted),
    [true, true],
  )
  await Promise.all(all)
  t.equal(clock.pendingTimers, 0)
})
