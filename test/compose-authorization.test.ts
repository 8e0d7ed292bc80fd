import { existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { composeAuthorization, hasPolicyFiles } from '../src/compose-authorization.ts'
import { readOptions } from '../src/config/read-options.ts'
import { serveOptions } from '../src/config/serve-options.ts'
import { createMetricsRegistry } from '../src/metrics/registry.ts'
import { namespaceFormat } from '../src/project-namespace.ts'
import { healthReport } from '../src/server/health.ts'
import { createManualClock } from './support/manual-clock.ts'
import { recordLog } from './support/recorded-log.ts'

const EXTRA = 'alpha.kubernetes.io/identity'
const FLAGS = ['--keystone-url', 'http://127.0.0.1:1/v3']
const configOf = (...flags: string[]) =>
  readOptions(serveOptions('portcullis'), { argv: [...FLAGS, ...flags], env: {} }).values

/** ConfigMaps that the test changes. */
function configMaps(texts: Record<string, Record<string, string>>) {
  const listeners = new Set<() => unknown>()
  const maps = {
    texts,
    listeners,
    current: () => new Map(Object.entries(maps.texts)),
    watch(changed: () => unknown) {
      listeners.add(changed)
      return () => void listeners.delete(changed)
    },
    changed: () => Promise.all([...listeners].map((listener) => listener())),
  }
  return maps
}

/** What answers reviews under these flags, and all that one sees of it. Files are written by name. */
async function authorization(
  t: Test,
  files: Record<string, string>,
  flags: (path: (name: string) => string) => readonly string[],
  maps: { named?: ReturnType<typeof configMaps>; selected?: ReturnType<typeof configMaps> } = {},
) {
  const folder = t.testdir({})
  const path = (name: string) => join(folder, name)
  const write = (name: string, text: string) => {
    mkdirSync(join(path(name), '..'), { recursive: true })
    writeFileSync(path(name), text)
  }
  for (const [name, text] of Object.entries(files)) write(name, text)
  const [clock, registry, { log, lines }] = [createManualClock(), createMetricsRegistry(), recordLog()]
  const world = { format: '%i' }
  const { handler, watches } = await composeAuthorization(
    configOf(...flags(path)),
    { clock, log, configMaps: maps, namespaceOf: (project) => namespaceFormat(world.format)(project) },
    registry,
  )
  t.teardown(() => {
    for (const watch of watches) watch.stop()
  })
  const review = async (attributes: object) => {
    const extra = { [`${EXTRA}/project/id`]: ['p1'], [`${EXTRA}/project/name`]: ['web'] }
    const answer = await handler.answer('v1', { user: 'ann', groups: [], extra, ...attributes })
    return JSON.parse('status' in answer ? String(answer.status) : '{}')
  }
  return {
    ...{ clock, lines, path, write, watches, world, review },
    allowed: async (path: string) =>
      (await review({ nonResourceAttributes: { path, verb: 'get' } })).allowed as boolean,
    ready: () =>
      healthReport(
        'readyz',
        watches.map(({ check }) => check),
        { verbose: true, exclude: [] },
      ),
    metrics: () => registry.text(),
  }
}

const path = (path: string, effect = 'allow') => `p2, *, ${path}, get, ${effect}\n`
const cpo = (path: string) => JSON.stringify([{ nonresource_permissions: { [path]: ['get'] } }])

t.test('every policy that is named counts, whatever it comes from', async (t) => {
  const named = configMaps({ magnum: { policies: cpo('/named') }, other: { policies: cpo('/wrong') } })
  const selected = configMaps({ a: { 'x.csv': path('/a') }, b: { policies: cpo('/b') } })
  const files = {
    policy: cpo('/keystone'),
    'one.csv': path('/one'),
    'two.csv': path('/two'),
    'dir/x.csv': path('/dir'),
  }
  const { allowed, metrics } = await authorization(
    t,
    files,
    (path) => [
      ...['--keystone-policy-file', path('policy'), '--policy-file', path('one.csv')],
      ...['--policy-file', path('two.csv'), '--policy-dir', path('dir')],
      ...['--policy-configmap-name', 'magnum', '--policy-configmap-selector', 'policy=yes'],
    ],
    { named, selected },
  )
  for (const place of ['/keystone', '/one', '/two', '/dir', '/named', '/a', '/b'])
    t.equal(await allowed(place), true, place)
  t.equal(await allowed('/wrong'), false, 'the key `policies` of another ConfigMap')
  t.match(await metrics(), /^portcullis_policy_sources 6$/m)
})

t.test('a change of any source is in effect without a restart, until the end', async (t) => {
  const [named, selected] = [configMaps({}), configMaps({})]
  const { allowed, write, clock, watches } = await authorization(
    t,
    { 'one.csv': '', 'dir/x.csv': '' },
    (path) => [
      ...['--policy-file', path('one.csv'), '--policy-dir', path('dir')],
      ...['--policy-configmap-name', 'magnum', '--policy-configmap-selector', 'policy=yes'],
    ],
    { named, selected },
  )
  named.texts = { magnum: { policies: cpo('/named') } }
  selected.texts = { a: { 'x.csv': path('/selected') } }
  await Promise.all([named.changed(), selected.changed()])
  write('one.csv', path('/one'))
  write('dir/y.csv', path('/dir'))
  await clock.advance(1000)
  await clock.advance(1000)
  for (const place of ['/named', '/selected', '/one', '/dir']) t.equal(await allowed(place), true, place)
  for (const watch of watches) watch.stop()
  t.same([named.listeners.size, selected.listeners.size, clock.pendingTimers], [0, 0, 0])
})

t.test('a file of any kind overrules the ConfigMap of k8s-keystone-auth', async (t) => {
  t.equal(hasPolicyFiles(configOf('--policy-configmap-name', 'magnum')), false)
  for (const flag of ['--keystone-policy-file', '--policy-file', '--policy-dir'])
    t.equal(hasPolicyFiles(configOf(flag, '/p.csv')), true, flag)
})

t.test('--policy-strict closes the holes of the format, in the shadow policy too', async (t) => {
  const policy = JSON.stringify([{ resource_permissions: { 'p1/pods': ['create'] } }])
  const exec = {
    resourceAttributes: { verb: 'create', namespace: 'p1', resource: 'pods', subresource: 'exec' },
  }
  for (const [strict, allowed] of [
    ['true', false],
    ['false', true],
  ] as const) {
    const { review, metrics } = await authorization(t, { 'a.json': policy, 'b.json': policy }, (path) => [
      ...['--policy-file', path('a.json'), '--shadow-policy', path('b.json'), `--policy-strict=${strict}`],
    ])
    t.equal((await review(exec)).allowed, allowed, strict)
    t.match(await metrics(), /shadow_decisions_total\{result="same"\} 1$/m)
  }
})

t.test('the shadow policy is compared, reloaded and shown as itself, and never answers', async (t) => {
  const files = { 'a.csv': path('/a') + path('/b'), 'b.csv': path('/a', 'deny') }
  const { allowed, write, clock, metrics, ready } = await authorization(t, files, (path) => [
    ...['--policy-file', path('a.csv'), '--shadow-policy', path('b.csv')],
  ])
  t.equal(await allowed('/a'), true)
  write('b.csv', `${path('/a')}${path('/b')}${path('/c')}`)
  await clock.advance(1000)
  await clock.advance(100)
  t.same([await allowed('/a'), await allowed('/c')], [true, false])
  const text = await metrics()
  for (const row of [
    /shadow_decisions_total\{result="same"\} 1$/m,
    /shadow_decisions_total\{result="would_refuse"\} 1$/m,
    /shadow_decisions_total\{result="would_allow"\} 1$/m,
    /policy_rules 2$/m,
    /policy_reloads_total\{result="success"\} 1$/m,
  ])
    t.match(text, row)
  t.match(ready().text, /^\[\+\]policy ok\n\[\+\]shadow-policy ok\n/)
  write('b.csv', 'nonsense')
  await clock.advance(1000)
  await clock.advance(100)
  const { ok, text: report } = ready()
  t.equal(ok, true, 'a policy that cannot be read is a warning: the last good one answers')
  t.match(report, /^\[\+\]policy ok\n\[!\]shadow-policy warning: b\.csv: line 1/)
  t.match(await metrics(), /policy_faulty_sources 0$/m)
})

t.test('a fault of the policy is a warning, and is counted', async (t) => {
  const { write, clock, ready, allowed, metrics } = await authorization(
    t,
    { 'a.csv': path('/a') },
    (path) => ['--policy-file', path('a.csv')],
  )
  write('a.csv', 'nonsense')
  await clock.advance(1000)
  await clock.advance(100)
  t.match(ready(), { ok: true, text: /^\[!\]policy warning: a\.csv: line 1/ })
  t.equal(await allowed('/a'), true)
  t.match(await metrics(), /policy_faulty_sources 1$/m)
  t.match(await metrics(), /policy_reloads_total\{result="failure"\} 1$/m)
})

t.test('$own is the namespace that the format of the moment gives the project', async (t) => {
  const files = { 'a.csv': 'p, *, $own, -, pods, *, get, *, allow\n' }
  const { review, world } = await authorization(t, files, (path) => ['--policy-file', path('a.csv')])
  const namespaces = async () => {
    const found = []
    for (const namespace of ['p1', 'web-p1'])
      if ((await review({ resourceAttributes: { verb: 'get', resource: 'pods', namespace } })).allowed)
        found.push(namespace)
    return found
  }
  t.same(await namespaces(), ['p1'])
  world.format = '%n-%i'
  t.same(await namespaces(), ['web-p1'])
})

t.test('recorded reviews fill 64 MiB before the file makes room for a new one', async (t) => {
  const LIMIT = 64 * 1024 * 1024
  for (const [size, full] of [
    [LIMIT - 1024, false],
    [LIMIT - 1, true],
  ] as const) {
    const { allowed, clock, path } = await authorization(t, { 'a.csv': '', 'reviews.jsonl': '' }, (path) => {
      truncateSync(path('reviews.jsonl'), size)
      return ['--policy-file', path('a.csv'), '--record-reviews', path('reviews.jsonl')]
    })
    await allowed('/a')
    await clock.advance(100)
    t.equal(existsSync(path('reviews.jsonl.1')), full, `${size}`)
    if (full) t.match(JSON.parse(readFileSync(path('reviews.jsonl'), 'utf8')), { decision: 'none' })
    else t.ok(statSync(path('reviews.jsonl')).size > size)
  }
})
