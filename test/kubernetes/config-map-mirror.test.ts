import t from 'tap'
import type { Selection } from '../../src/kubernetes/client.ts'
import { mirrorConfigMaps } from '../../src/kubernetes/config-map-mirror.ts'
import { CONFIG_MAPS } from '../../src/kubernetes/object.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { createMemoryCluster } from '../support/memory-cluster.ts'
import { recordLog } from '../support/recorded-log.ts'
import { settled } from '../support/settled.ts'

const namespace = 'kube-system'
const map = (name: string, data: object) => ({ metadata: { name, namespace, resourceVersion: '1' }, data })

/** A mirror of ConfigMaps in memory; `selections` are what it listed and watched. */
async function world(
  t: { teardown(run: () => unknown): void },
  options: { which?: { name: string } | { labelSelector: string }; down?: boolean } = {},
) {
  const cluster = createMemoryCluster()
  const clock = createManualClock()
  const { log, lines } = recordLog()
  const selections: (Selection | undefined)[] = []
  cluster.put(CONFIG_MAPS, map('one', { a: 'first' }))
  cluster.put(CONFIG_MAPS, map('two', { a: 'second' }))
  let down = options.down ?? false
  cluster.fault = () => (down ? new Error('down') : undefined)
  const mirror = mirrorConfigMaps({
    client: {
      ...cluster.client,
      list(resource, selection) {
        selections.push(selection)
        return cluster.client.list(resource, selection)
      },
      openWatch(resource, selection, options) {
        selections.push(selection)
        return cluster.client.openWatch(resource, selection, options)
      },
    },
    namespace,
    which: options.which ?? { labelSelector: 'policy' },
    clock,
    log,
  })
  t.teardown(mirror.stop)
  let changes = 0
  const unwatch = mirror.watch(() => {
    changes += 1
  })
  await settled()
  const texts = () => mirror.current() && Object.fromEntries(mirror.current() ?? [])
  const set = (value: boolean) => {
    down = value
  }
  return { cluster, clock, lines, selections, mirror, texts, unwatch, changes: () => changes, down: set }
}

t.test('one ConfigMap is asked for by its name, several by their labels, in one namespace', async (t) => {
  const one = await world(t, { which: { name: 'one' } })
  const selection = { namespace, fieldSelector: 'metadata.name=one' }
  t.strictSame(one.selections, [selection, selection])
  const several = { namespace, labelSelector: 'policy' }
  t.strictSame((await world(t)).selections, [several, several])
})

t.test('a ConfigMap that changes or goes is told of, and what it holds is up to date by then', async (t) => {
  const { cluster, texts, changes, unwatch, lines } = await world(t)
  t.strictSame([texts(), changes()], [{ one: { a: 'first' }, two: { a: 'second' } }, 1])
  cluster.tell(CONFIG_MAPS, 'MODIFIED', map('one', { b: 'new', odd: 7 }))
  await settled()
  t.strictSame([texts(), changes()], [{ one: { b: 'new' }, two: { a: 'second' } }, 2])
  cluster.remove(CONFIG_MAPS, { name: 'two', namespace })
  await settled()
  t.strictSame([texts(), changes()], [{ one: { b: 'new' } }, 3])
  t.match(lines.at(-1), { level: 'warn', name: 'two', msg: 'A ConfigMap was deleted' })
  unwatch()
  cluster.tell(CONFIG_MAPS, 'MODIFIED', map('one', { b: 'newer' }))
  await settled()
  t.strictSame([texts(), changes()], [{ one: { b: 'newer' } }, 3])
})

t.test('a new list replaces what was known: a ConfigMap deleted unseen is gone', async (t) => {
  const { cluster, clock, texts } = await world(t)
  const metadata = { namespace, name: 'two' }
  await cluster.client.delete(CONFIG_MAPS, metadata)
  cluster.tell(CONFIG_MAPS, 'ERROR', { kind: 'Status', code: 410, metadata: { name: '' } })
  await settled()
  await clock.advance(1000)
  await settled()
  t.strictSame(texts(), { one: { a: 'first' } })
})

t.test('until the first answer nothing is known; an API server that fails is an answer, too', async (t) => {
  const { mirror, clock, texts, lines, down, changes } = await world(t, { down: true })
  await mirror.settled
  t.strictSame([texts(), mirror.connected(), mirror.fault(), changes()], [undefined, false, 'down', 0])
  t.match(lines, [{ level: 'warn', err: 'down', msg: 'Cannot watch ConfigMaps, trying again' }])
  down(false)
  await clock.advance(1000)
  await settled()
  t.strictSame([mirror.connected(), mirror.fault(), changes()], [true, undefined, 1])
  t.strictSame(texts(), { one: { a: 'first' }, two: { a: 'second' } })
})

t.test('a connection that is lost leaves what is known, and is a fault', async (t) => {
  const { mirror, cluster, clock, texts, down } = await world(t)
  down(true)
  cluster.tell(CONFIG_MAPS, 'ERROR', { kind: 'Status', code: 500, metadata: { name: '' } })
  await settled()
  t.strictSame([mirror.connected(), texts()], [false, { one: { a: 'first' }, two: { a: 'second' } }])
  down(false)
  await clock.advance(1000)
  await settled()
  t.ok(mirror.connected())
})

t.test('one ConfigMap that is not there is a fault; none with the labels is not', async (t) => {
  for (const [which, fault] of [
    [{ name: 'one' }, 'the ConfigMap is not there'],
    [{ labelSelector: 'policy' }, undefined],
  ] as const) {
    const { mirror, cluster } = await world(t, { which })
    t.equal(mirror.fault(), undefined)
    for (const name of ['one', 'two']) cluster.remove(CONFIG_MAPS, { name, namespace })
    await settled()
    t.strictSame([mirror.fault(), mirror.connected(), mirror.current()?.size], [fault, true, 0])
  }
})
