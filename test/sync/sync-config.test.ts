import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'
import { createSyncConfigMetrics, openSyncConfig } from '../../src/sync/sync-config.ts'
import { seriesOf } from '../support/metric-series.ts'
import { recordLog } from '../support/recorded-log.ts'

/** A configuration that the test writes, and what was made of it. */
function world(first: string | undefined | Error, strict = false) {
  const { log, lines } = recordLog()
  let text = first
  let changed: (() => unknown) | undefined
  const [used, reloaded]: [unknown[], string[]] = [[], []]
  const open = () =>
    openSyncConfig({
      source: {
        name: 'sync.yaml',
        read() {
          if (text instanceof Error) throw text
          return text
        },
        watch(listener) {
          changed = listener
          return () => {
            changed = undefined
          }
        },
      },
      strict,
      use(config) {
        if (config === 'refused') throw new PortcullisError('SYNC_CONFIG_INVALID', 'expected something else')
        if (config === 'odd') throw new Error('not on purpose')
        used.push(config)
      },
      log,
      metrics: { reloaded: (result) => void reloaded.push(result) },
    })
  const write = (next: typeof text) => {
    text = next
    changed?.()
  }
  return { open, write, lines, used, reloaded, watching: () => changed !== undefined }
}
const line = (msg: string) => ({ level: 'info', source: 'sync.yaml', msg })

t.test('the configuration is used as it is at the start, and again after each change', async (t) => {
  const { open, write, lines, used, reloaded } = world('a: 1')
  const { check } = open()
  write('a: 2')
  write(undefined)
  t.strictSame(used, [{ a: 1 }, { a: 2 }, undefined])
  t.strictSame(reloaded, ['success', 'success', 'success'])
  t.strictSame(lines, [
    line('Read the sync configuration'),
    line('Took up the new sync configuration'),
    line('Took up the new sync configuration'),
  ])
  t.strictSame([check.name, check.reddens, check.fault()], ['sync-config', [], undefined])
})

t.test('a text that says the same as before is not used again', async (t) => {
  const { open, write, lines, used, reloaded } = world('a: 1')
  open()
  write('a: 1')
  t.strictSame([used, lines.length], [[{ a: 1 }], 1])
  t.strictSame(reloaded, ['success', 'success'])
})

t.test('where there is no text yet, nothing is configured and nothing is said', async (t) => {
  const { open, write, lines, used } = world(undefined)
  open()
  t.strictSame([used, lines], [[], []])
  write('a: 1')
  t.strictSame(used, [{ a: 1 }])
})

t.test(
  'a change that cannot be used is a fault and an error, and the configuration before holds',
  async (t) => {
    const unreadable = new PortcullisError('FILE_UNREADABLE', 'cannot read sync.yaml')
    for (const [text, fault] of [
      ['refused', /expected something else/],
      ['odd', /not on purpose/],
      ['a: [', /line 1/],
      [unreadable, /cannot read/],
    ] as const) {
      const { open, write, lines, used, reloaded } = world('a: 1', true)
      const { check } = open()
      write(text)
      t.match(check.fault(), /sync\.yaml/)
      t.match(check.fault(), fault)
      t.strictSame([used, reloaded], [[{ a: 1 }], ['success', 'failure']])
      const { err, ...rest } = lines[1] ?? {}
      t.strictSame(rest, { ...line('Kept the last good sync configuration'), level: 'error' })
      t.match(err, fault)
      write('a: 1')
      t.equal(check.fault(), undefined, 'back to what holds')
      write('a: 2')
      t.strictSame(used, [{ a: 1 }, { a: 2 }])
    }
  },
)

t.test('a configuration that failed is tried again although its text is the same', async (t) => {
  const { open, write, reloaded } = world('a: 1')
  open()
  write('refused')
  write('refused')
  t.strictSame(reloaded, ['success', 'failure', 'failure'])
})

t.test(
  'at the start a strict configuration throws with its name; another is a fault that can be mended',
  async (t) => {
    for (const [text, error] of [
      ['refused', { code: 'SYNC_CONFIG_INVALID', message: 'sync.yaml: expected something else' }],
      ['a: [', { code: 'SYNC_CONFIG_INVALID', message: /^sync\.yaml: .*line 1/ }],
      ['odd', { message: /^not on purpose$/ }],
      [
        new PortcullisError('FILE_UNREADABLE', 'cannot read it'),
        { code: 'FILE_UNREADABLE', message: /^cannot read it$/ },
      ],
    ] as const) {
      const strict = world(text, true)
      t.throws(strict.open, error)
      t.strictSame([strict.watching(), strict.reloaded, strict.lines], [false, [], []])
      const lenient = world(text)
      const { check } = lenient.open()
      t.type(check.fault(), 'string')
      t.strictSame(lenient.reloaded, ['failure'])
      lenient.write('a: 1')
      t.strictSame([check.fault(), lenient.used], [undefined, [{ a: 1 }]])
    }
  },
)

t.test('a stop ends the watch', async (t) => {
  const { open, watching } = world('a: 1')
  const { stop } = open()
  t.ok(watching())
  stop()
  t.notOk(watching())
})

t.test('readings are counted by result', async (t) => {
  const registry = createMetricsRegistry()
  const metrics = createSyncConfigMetrics(registry)
  metrics.reloaded('success')
  metrics.reloaded('success')
  metrics.reloaded('failure')
  t.strictSame(await seriesOf(registry, 'sync_config'), {
    'sync_config_reloads_total{result="success"}': 2,
    'sync_config_reloads_total{result="failure"}': 1,
  })
})
