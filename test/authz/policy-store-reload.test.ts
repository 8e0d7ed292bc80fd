import t from 'tap'
import type { PolicySource } from '../../src/authz/policy-source.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { memorySource, policyWorld, rolesOf, rule } from './support/policy-world.ts'

/** Lets everything run that waits for nothing but its turn. */
const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve))
}

/** A clock that is never at rest, so that long work lets others in at each opportunity. */
function restlessClock() {
  const clock = createManualClock()
  let ticks = 0
  const due: (() => void)[] = []
  return {
    ...clock,
    monotonic: () => (ticks += 10),
    after(_ms: number, run: () => void) {
      due.push(run)
      return () => {}
    },
    /** Lets the work that waits go on for a moment. */
    async goOn() {
      due.shift()?.()
      await settle()
    },
  }
}

t.test('sources are watched before they are read, so that no change falls between', async (t) => {
  const order: string[] = []
  const source = (name: string): PolicySource => ({
    name,
    documents: () => {
      order.push(`read ${name}`)
      return []
    },
    watch: () => {
      order.push(`watch ${name}`)
      return () => order.push(`stop ${name}`)
    },
  })
  const store = await policyWorld([source('a'), source('b')]).open()
  t.strictSame(order, ['watch a', 'watch b', 'read a', 'read b'])
  store.stop()
  t.strictSame(order.slice(4), ['stop a', 'stop b'])
})

t.test('a change during the start is read after it', async (t) => {
  let looked: Promise<void> | undefined
  const files = memorySource('files', {
    'a.csv': () => {
      // the text is read, then it changes
      if (looked === undefined) {
        looked = files.change()
        files.texts['a.csv'] = rule('a2')
      }
      return rule('a1')
    },
    'b.csv': rule('b1'),
  })
  const store = await policyWorld([files]).open()
  await looked
  t.strictSame(rolesOf(store), ['a2', 'b1'])
  t.strictSame(files.reads, ['a.csv', 'b.csv', 'a.csv', 'b.csv'])
})

t.test('a change while its source is being read makes it read once more', async (t) => {
  const files = memorySource('files', { 'a.csv': rule('a1') })
  const store = await policyWorld([files]).open()
  let second: Promise<void> | undefined
  files.texts['a.csv'] = () => {
    second = files.change()
    files.texts['a.csv'] = rule('a3')
    return rule('a2')
  }
  await files.change()
  await second
  t.strictSame(rolesOf(store), ['a3'])
  t.equal(files.reads.length, 3)
})

t.test('changes that wait for their turn are read once, those of another source too', async (t) => {
  const [one, two] = [
    memorySource('one', { 'a.csv': rule('a1') }),
    memorySource('two', { 'b.csv': rule('b1') }),
  ]
  const store = await policyWorld([one, two]).open()
  one.texts['a.csv'] = rule('a2')
  two.texts['b.csv'] = rule('b2')
  await Promise.all([one.change(), one.change(), two.change(), one.change(), two.change()])
  t.strictSame(rolesOf(store), ['a2', 'b2'])
  t.strictSame([one.reads.length, two.reads.length], [2, 2])
  await one.change()
  t.strictSame([one.reads.length, two.reads.length], [3, 2], 'a source that did not change is not read')
})

t.test('a source of which a reader breaks in the middle keeps all it had', async (t) => {
  const files = memorySource('files', { 'a.csv': rule('a1'), 'b.csv': rule('b1') })
  const store = await policyWorld([files]).open()
  files.texts = { 'a.csv': rule('a2'), 'c.csv': rule('c2') }
  const { documents } = files
  files.documents = () => {
    const [first, second] = documents()
    const broken = Object.defineProperty({ ...second }, 'rest', {
      get() {
        throw new TypeError('a reader broke')
      },
    })
    return [first, broken] as ReturnType<typeof documents>
  }
  await files.change()
  t.strictSame(rolesOf(store), ['a1', 'b1'])
  t.equal(store.fault(), 'a reader broke')
})

t.test('whoever reports a change hears when it is in effect', async (t) => {
  const [one, two] = [
    memorySource('one', { 'a.csv': rule('a1') }),
    memorySource('two', { 'b.csv': rule('b1') }),
  ]
  const store = await policyWorld([one, two]).open()
  one.texts['a.csv'] = rule('a2')
  two.texts['b.csv'] = rule('b2')
  const [, ...rest] = [one.change(), two.change(), two.change()]
  for (const heard of rest) {
    await heard
    t.strictSame(rolesOf(store), ['a2', 'b2'])
  }
})

t.test('while a reload goes on the old policy answers whole', async (t) => {
  const clock = restlessClock()
  const many = (role: string) => Array.from({ length: 50 }, (_, n) => rule(role, `n${n}`)).join('\n')
  const files = memorySource('files', { 'a.csv': many('old'), 'b.csv': rule('old') })
  const store = await policyWorld([files], { clock }).open()
  const { hash } = store.current()
  files.texts = { 'a.csv': many('new'), 'b.csv': rule('new') }
  let done = false
  const change = files.change().then(() => {
    done = true
  })
  await settle()
  for (let slice = 0; slice < 500 && !done; slice++) {
    t.equal(store.current().hash, hash)
    await clock.goOn()
  }
  await change
  t.strictSame(new Set(rolesOf(store)), new Set(['new']))
  t.equal(store.rules(), 51)
})

t.test('reloads go on in the order of the changes, one at a time', async (t) => {
  const clock = restlessClock()
  const files = memorySource('files', { 'a.csv': rule('a1') })
  const other = memorySource('other', { 'b.csv': rule('b1') })
  const store = await policyWorld([files, other], { clock }).open()
  files.texts['a.csv'] = Array.from({ length: 50 }, (_, n) => rule('a2', `n${n}`)).join('\n')
  const first = files.change()
  await settle()
  files.texts['a.csv'] = rule('a3')
  const last = Promise.all([files.change(), other.change()])
  for (let slice = 0; slice < 500; slice++) await clock.goOn()
  await Promise.all([first, last])
  t.strictSame(rolesOf(store), ['a3', 'b1'])
  t.strictSame(files.reads, ['a.csv', 'a.csv', 'a.csv'])
})
