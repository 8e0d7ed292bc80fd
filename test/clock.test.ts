import { getEventListeners } from 'node:events'
import t from 'tap'
import { every, pause, stayAlive, systemClock } from '../src/clock.ts'
import { createManualClock } from './support/manual-clock.ts'
import { settled } from './support/scripted-keystone.ts'

/** Timers that keep this process alive. */
const alive = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

t.test('the system clock tells the time since the epoch, and a time that only goes forward', async (t) => {
  const [wall, forward] = [Date.now(), performance.now()]
  const [now, monotonic] = [systemClock.now(), systemClock.monotonic()]
  t.ok(wall <= now && now <= Date.now())
  t.ok(forward <= monotonic && monotonic <= performance.now())
})

t.test(
  'a timer of the system clock has its milliseconds, runs once and keeps no process alive',
  async (t) => {
    const real = globalThis.setTimeout
    t.teardown(() => {
      globalThis.setTimeout = real
    })
    const set: (number | undefined)[] = []
    let ran = 0
    const before = alive()
    globalThis.setTimeout = ((run: () => void, ms?: number) => {
      set.push(ms)
      return real(run, 0)
    }) as never
    systemClock.after(12_345, () => {
      ran += 1
    })
    const cancel = systemClock.after(1, () => {
      ran += 100
    })
    globalThis.setTimeout = real
    t.same(set, [12_345, 1])
    t.equal(alive(), before)
    cancel()
    await new Promise((resolve) => setTimeout(resolve, 5))
    t.equal(ran, 1)
  },
)

t.test('what runs again and again waits from the end of one to the start of the next', async (t) => {
  const clock = createManualClock()
  const starts: number[] = []
  const begin = clock.monotonic()
  let end = () => {}
  every(clock, 1000, () => {
    starts.push(clock.monotonic() - begin)
    return new Promise<void>((resolve) => {
      end = resolve
    })
  })
  await clock.advance(999)
  t.same(starts, [])
  await clock.advance(1)
  t.same(starts, [1000])
  await clock.advance(5000)
  t.same(starts, [1000], 'no second one while the first runs')
  end()
  await settled()
  await clock.advance(999)
  t.equal(starts.length, 1)
  await clock.advance(1)
  t.same(starts, [1000, 7000])
})

t.test('what is cancelled does not run again, whether it waits or runs', async (t) => {
  const clock = createManualClock()
  let runs = 0
  const cancelWaiting = every(clock, 1000, () => {
    runs += 1
  })
  await clock.advance(2500)
  t.equal(runs, 2)
  t.equal(clock.pendingTimers, 1)
  cancelWaiting()
  t.equal(clock.pendingTimers, 0)
  await clock.advance(5000)
  t.equal(runs, 2)
  let end = () => {}
  const cancelRunning = every(clock, 1000, () => {
    runs += 1
    return new Promise<void>((resolve) => {
      end = resolve
    })
  })
  await clock.advance(1000)
  cancelRunning()
  end()
  await settled()
  t.equal(clock.pendingTimers, 0)
  await clock.advance(5000)
  t.equal(runs, 3)
})

t.test('a pause ends after its milliseconds and leaves nothing at its signal', async (t) => {
  const clock = createManualClock()
  const { signal } = new AbortController()
  let ended = false
  const paused = pause(clock, 1000, signal).then(() => {
    ended = true
  })
  t.equal(getEventListeners(signal, 'abort').length, 1)
  await clock.advance(999)
  await settled()
  t.equal(ended, false)
  await clock.advance(1)
  await paused
  t.equal(ended, true)
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

t.test('a pause ends as soon as its signal aborts, and its timer is gone', async (t) => {
  const clock = createManualClock()
  const controller = new AbortController()
  const paused = pause(clock, 1000, controller.signal)
  await clock.advance(300)
  t.equal(clock.pendingTimers, 1)
  controller.abort()
  await paused
  t.equal(clock.pendingTimers, 0)
  t.equal(getEventListeners(controller.signal, 'abort').length, 0)
})

t.test('a pause whose signal has aborted already is none', async (t) => {
  const clock = createManualClock()
  await pause(clock, 1000, AbortSignal.abort())
  t.equal(clock.pendingTimers, 0)
})

t.test('a process stays alive until it is let go', async (t) => {
  const before = alive()
  const [one, two] = [stayAlive(), stayAlive()]
  t.equal(alive(), before + 2)
  one()
  t.equal(alive(), before + 1)
  two()
  t.equal(alive(), before)
})
