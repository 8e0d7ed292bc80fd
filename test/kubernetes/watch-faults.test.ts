import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import type { Refusal } from '../../src/kubernetes/answer.ts'
import type { KubernetesClient } from '../../src/kubernetes/client.ts'
import { CONFIG_MAPS } from '../../src/kubernetes/object.ts'
import { watchObjects } from '../../src/kubernetes/watch.ts'
import { fixChance } from '../support/fixed-chance.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { settled } from '../support/settled.ts'

type Lines = readonly object[] | Refusal | 'stays'

/** A watch over an API that answers each list and each watch as the test says, under a clock whose pauses are exact. */
async function world(
  t: Parameters<typeof fixChance>[0],
  answers: { list?: (index: number) => Refusal | Error | undefined; watch: (index: number) => Lines },
) {
  fixChance(t, 0.5)
  const clock = createManualClock()
  const calls: string[] = []
  const heard: string[] = []
  const signals: AbortSignal[] = []
  let [lists, watches] = [0, 0]
  const unused = () => Promise.reject(new Error('not for a watch'))
  const client: KubernetesClient = {
    ...{ get: unused, create: unused, patch: unused, apply: unused, delete: unused },
    async list() {
      calls.push('list')
      lists += 1
      const answer = answers.list?.(lists)
      if (answer instanceof Error) throw answer
      return answer ?? { items: [], resourceVersion: `l${lists}` }
    },
    async openWatch(_resource, _selection, { resourceVersion, signal }) {
      calls.push(`watch ${resourceVersion}`)
      signals.push(signal)
      watches += 1
      const lines = answers.watch(watches)
      if (typeof lines === 'string' && lines !== 'stays') return lines
      return (async function* () {
        if (lines !== 'stays') for (const line of lines) yield Buffer.from(`${JSON.stringify(line)}\n`)
        else await new Promise((resolve) => signal.addEventListener('abort', resolve))
      })()
    },
  }
  const stop = watchObjects({
    client,
    resource: CONFIG_MAPS,
    selection: {},
    listener: {
      listed: () => void heard.push('listed'),
      put: ({ metadata }) => void heard.push(`put ${metadata.name}`),
      gone: ({ metadata }) => void heard.push(`gone ${metadata.name}`),
      fault: (text) => void heard.push(text ?? 'well'),
    },
    clock,
  })
  t.teardown(stop)
  await settled()
  const advance = async (ms: number) => {
    await clock.advance(ms)
    await settled()
  }
  const taken = () => calls.splice(0)
  return { clock, advance, taken, heard, signals, stop }
}

const put = (name: string, resourceVersion: string) => ({
  type: 'MODIFIED',
  object: { metadata: { name, resourceVersion } },
})
const ended = (code: number) => ({ type: 'ERROR', object: { kind: 'Status', code } })

t.test('a watch whose past is gone when it opens is listed again, which is no fault', async (t) => {
  const { advance, taken, heard } = await world(t, {
    watch: (index) => (index === 1 ? 'expired' : 'stays'),
  })
  t.strictSame(taken(), ['list', 'watch l1'])
  await advance(250)
  t.strictSame(taken(), ['list', 'watch l2'])
  t.strictSame(heard, ['listed', 'listed'])
})

t.test('a watch that breaks off with an error is listed again: changes may have been missed', async (t) => {
  const { advance, taken, heard } = await world(t, {
    watch: (index) => (index === 1 ? [put('a', '5'), ended(500)] : 'stays'),
  })
  await advance(250)
  t.strictSame(taken(), ['list', 'watch l1', 'list', 'watch l2'])
  t.strictSame(heard, ['listed', 'put a', 'the watch of configmaps broke off', 'listed', 'well'])
})

t.test('a watch that ends goes on from the last version it had seen', async (t) => {
  const { advance, taken } = await world(t, {
    watch: (index) => (index === 1 ? [put('a', '5'), put('b', '6')] : 'stays'),
  })
  await advance(250)
  t.strictSame(taken(), ['list', 'watch l1', 'watch 6'])
})

t.test('a server that ends every watch at once is asked four times a second at most', async (t) => {
  const { advance, taken } = await world(t, { watch: () => [] })
  t.strictSame(taken(), ['list', 'watch l1'])
  await advance(249)
  t.strictSame(taken(), [])
  await advance(1)
  t.strictSame(taken(), ['watch l1'])
})

t.test('pauses after faults double up to five seconds, and begin anew once a watch is open', async (t) => {
  let down = true
  const { advance, taken, heard } = await world(t, {
    list: () => (down ? new PortcullisError('HTTP_UNREACHABLE', 'down') : undefined),
    watch: (index) => (index === 1 ? 'stays' : 'forbidden'),
  })
  t.strictSame(taken(), ['list'])
  for (const ms of [250, 500, 1000, 2000, 4000, 5000, 5000]) {
    await advance(ms - 1)
    t.strictSame(taken(), [], `${ms} ms`)
    await advance(1)
    t.strictSame(taken(), ['list'], `${ms} ms`)
  }
  t.strictSame(heard, ['down'], 'said once')
  down = false
  await advance(5000)
  t.strictSame(taken(), ['list', 'watch l9'])
  t.strictSame(heard.splice(0), ['down', 'listed', 'well'])
  await advance(90_000)
  t.strictSame(taken(), ['watch l9'], 'after a minute and a quarter, and the grace')
  t.match(heard, [/refuses to watch configmaps \(forbidden\)/])
  await advance(250)
  t.strictSame(taken(), ['watch l9'])
})

t.test('a refused list is a fault that names the right that is missing', async (t) => {
  const { heard } = await world(t, { list: () => 'forbidden', watch: () => 'stays' })
  t.strictSame(heard, [
    'the Kubernetes API refuses to list configmaps (forbidden): check the RBAC of Portcullis',
  ])
})

t.test('a watch that is over leaves no timer, which would end the next one', async (t) => {
  const { clock, advance } = await world(t, { watch: (index) => (index <= 3 ? [] : 'stays') })
  for (let round = 0; round < 3; round += 1) await advance(500 * 2 ** round)
  t.equal(clock.pendingTimers, 1)
})

t.test('a stop ends the watch that is open, and nothing is asked or told afterwards', async (t) => {
  const { stop, signals, advance, taken, heard } = await world(t, { watch: () => 'stays' })
  taken()
  stop()
  t.equal(signals[0]?.aborted, true)
  await advance(600_000)
  t.strictSame([taken(), heard], [[], ['listed']])
})
