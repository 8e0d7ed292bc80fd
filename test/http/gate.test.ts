import { getEventListeners } from 'node:events'
import t from 'tap'
import { createGate, type Gate } from '../../src/http/gate.ts'
import { errorCode } from '../support/error-code.ts'

/** Calls through a gate, by name: when each begins, and its end by hand. */
function callsThrough(gate: Gate) {
  const begun: string[] = []
  const calls = new Map<string, ReturnType<typeof start>>()
  function start(name: string, ahead?: boolean) {
    const work = Promise.withResolvers<string>()
    const controller = new AbortController()
    const call = () => {
      begun.push(name)
      return work.promise
    }
    const order = ahead === undefined ? [] : [{ ahead }]
    const result = gate.run(controller.signal, call, ...order)
    result.catch(() => {})
    return { work, controller, result }
  }
  const at = (name: string) => {
    const call = calls.get(name)
    if (call === undefined) throw new Error(`no call ${name}`)
    return call
  }
  return {
    begun,
    at,
    async start(names: string, ahead?: boolean) {
      for (const name of names) calls.set(name, start(name, ahead))
      await settled()
    },
    async end(names: string) {
      for (const name of names) at(name).work.resolve(name)
      await settled()
    },
    async fail(names: string) {
      for (const name of names) at(name).work.reject(new Error(`${name} failed`))
      await settled()
    },
    async giveUp(names: string) {
      for (const name of names) at(name).controller.abort()
      await settled()
    },
  }
}
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
const counts = ({ running, waiting }: Gate) => ({ running, waiting })

t.test('as many calls run at once as there is room for, and the rest wait', async (t) => {
  for (const running of [1, 2, 5]) {
    const gate = createGate({ running, waiting: 10 })
    const { start, begun } = callsThrough(gate)
    await start('abcdefg')
    t.same(begun, [...'abcdefg'].slice(0, running))
    t.same(counts(gate), { running, waiting: 7 - running })
  }
})

t.test('a call gives what it was answered', async (t) => {
  const { start, end, at } = callsThrough(createGate({ running: 1, waiting: 1 }))
  await start('ab')
  await end('ab')
  t.same(await Promise.all([at('a').result, at('b').result]), ['a', 'b'])
})

t.test('those that wait begin in the order in which they came, one for each call that ends', async (t) => {
  const gate = createGate({ running: 2, waiting: 4 })
  const { start, end, begun } = callsThrough(gate)
  await start('abcdef')
  await end('b')
  t.same(begun, ['a', 'b', 'c'])
  t.same(counts(gate), { running: 2, waiting: 3 })
  await end('ac')
  t.same(begun, ['a', 'b', 'c', 'd', 'e'])
  await end('def')
  t.same(begun, ['a', 'b', 'c', 'd', 'e', 'f'])
  t.same(counts(gate), { running: 0, waiting: 0 })
})

t.test('a call that fails gives up its place, also when it throws at once', async (t) => {
  const gate = createGate({ running: 2, waiting: 1 })
  const { start, fail, begun, at } = callsThrough(gate)
  for (let count = 0; count < 16; count += 1) {
    await start('ab')
    await fail('ab')
    await t.rejects(at('a').result, { message: 'a failed' })
    t.same(counts(gate), { running: 0, waiting: 0 })
  }
  const failure = new Error('thrown at once')
  const throwing = () => {
    throw failure
  }
  await t.rejects(gate.run(new AbortController().signal, throwing), failure)
  t.same(counts(gate), { running: 0, waiting: 0 })
  await start('cd')
  t.same(begun.slice(-2), ['c', 'd'])
})

t.test('a call that fails lets the next one begin', async (t) => {
  const gate = createGate({ running: 1, waiting: 2 })
  const { start, fail, begun } = callsThrough(gate)
  await start('abc')
  await fail('a')
  t.same(begun, ['a', 'b'])
  t.same(counts(gate), { running: 1, waiting: 1 })
})

t.test('a call is refused at once when too many wait, and takes no place', async (t) => {
  const gate = createGate({ running: 2, waiting: 3 })
  const { start, end, begun, at } = callsThrough(gate)
  await start('abcde')
  await start('x')
  await t.rejects(at('x').result, { code: 'HTTP_OVERLOADED', message: /\b3\b/ })
  await start('y', true)
  await t.rejects(at('y').result, { code: 'HTTP_OVERLOADED', message: /\b3\b/ }, 'not even ahead of others')
  t.same(counts(gate), { running: 2, waiting: 3 })
  await end('a')
  await start('f')
  t.same(counts(gate), { running: 2, waiting: 3 }, 'there is room for one again')
  await end('bcdef')
  t.same(begun, [...'abcdef'])
})

t.test('urgent and other calls are counted together', async (t) => {
  const gate = createGate({ running: 1, waiting: 3 })
  const { start, at } = callsThrough(gate)
  await start('ab')
  await start('cd', true)
  t.same(counts(gate), { running: 1, waiting: 3 })
  await start('x')
  t.equal(await errorCode(at('x').result), 'HTTP_OVERLOADED')
})

t.test('without room to wait, a call that cannot begin is refused', async (t) => {
  const { start, at, begun } = callsThrough(createGate({ running: 1, waiting: 0 }))
  await start('ab')
  t.equal(await errorCode(at('b').result), 'HTTP_OVERLOADED')
  t.same(begun, ['a'])
})

t.test('urgent calls begin before all others that wait, in their own order', async (t) => {
  const { start, end, begun } = callsThrough(createGate({ running: 1, waiting: 10 }))
  await start('ab')
  await start('c', false)
  await start('de', true)
  await start('f')
  await end('a')
  await end('d')
  await end('e')
  await end('b')
  await end('c')
  t.same(begun, ['a', 'd', 'e', 'b', 'c', 'f'])
})

t.test('an urgent call never pushes out one that runs', async (t) => {
  const gate = createGate({ running: 1, waiting: 10 })
  const { start, begun } = callsThrough(gate)
  await start('a')
  await start('b', true)
  t.same(begun, ['a'])
  t.same(counts(gate), { running: 1, waiting: 1 })
})

t.test('a call that gives up while it waits is told so, and leaves the queue', async (t) => {
  for (const ahead of [false, true]) {
    const gate = createGate({ running: 1, waiting: 2 })
    const { start, end, giveUp, begun, at } = callsThrough(gate)
    await start('a')
    await start('bc', ahead)
    await giveUp('b')
    await t.rejects(at('b').result, { code: 'HTTP_TIMEOUT', message: /deadline/ })
    t.same(counts(gate), { running: 1, waiting: 1 })
    await start('d', ahead)
    await end('a')
    t.same(begun, ['a', 'c'])
    t.same(counts(gate), { running: 1, waiting: 1 })
    await end('cd')
    t.same(begun, ['a', 'c', 'd'], 'nobody calls for one that gave up')
    t.same(counts(gate), { running: 0, waiting: 0 })
  }
})

t.test('when all that wait have given up, the place is free', async (t) => {
  const gate = createGate({ running: 1, waiting: 4 })
  const { start, end, giveUp, begun } = callsThrough(gate)
  await start('abc')
  await start('de', true)
  await giveUp('bcde')
  await end('a')
  t.same(counts(gate), { running: 0, waiting: 0 })
  await start('f')
  t.same(begun, ['a', 'f'])
})

t.test('a call whose deadline has passed already does not wait at all', async (t) => {
  const gate = createGate({ running: 1, waiting: 2 })
  const { start, begun } = callsThrough(gate)
  const late = () => gate.run(AbortSignal.abort(), async () => begun.push('late'))
  await t.rejects(late(), { code: 'HTTP_TIMEOUT', message: /deadline/ })
  await start('a')
  await t.rejects(late(), { code: 'HTTP_TIMEOUT', message: /deadline/ })
  t.same(begun, ['a'])
  t.same(counts(gate), { running: 1, waiting: 0 })
})

t.test('once a call runs, its signal is its own affair: an abort frees no place twice', async (t) => {
  const gate = createGate({ running: 1, waiting: 2 })
  const { start, end, giveUp, begun, at } = callsThrough(gate)
  await start('abc')
  await end('a')
  t.equal(getEventListeners(at('b').controller.signal, 'abort').length, 0)
  await giveUp('b')
  t.same(counts(gate), { running: 1, waiting: 1 })
  t.same(begun, ['a', 'b'])
  await end('b')
  t.equal(await at('b').result, 'b')
  t.same(begun, ['a', 'b', 'c'])
})
