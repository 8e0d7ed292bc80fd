import t, { type Test } from 'tap'
import { composeKubernetes } from '../src/compose-kubernetes.ts'
import { NAMESPACES } from '../src/kubernetes/object.ts'
import { createMetricsRegistry } from '../src/metrics/registry.ts'
import { PLAIN } from './kubernetes/client-world.ts'
import { errorCode } from './support/error-code.ts'
import { startFakeApiserver } from './support/fake-apiserver.ts'
import { createManualClock } from './support/manual-clock.ts'
import { seriesOf } from './support/metric-series.ts'
import { recordLog } from './support/recorded-log.ts'
import { until } from './support/until.ts'

/** The Kubernetes API as the server's parts get it, over an API server in memory and a manual clock. */
async function world(t: Test) {
  const apiserver = await startFakeApiserver()
  const clock = createManualClock()
  const registry = createMetricsRegistry()
  let reads = 0
  const read = () => {
    reads += 1
    return { server: apiserver.url, ...PLAIN }
  }
  const kubernetes = composeKubernetes(read, { clock, log: recordLog().log, version: '0' }, registry)
  t.teardown(async () => {
    await kubernetes.close()
    await apiserver.close()
  })
  return { apiserver, clock, registry, kubernetes, reads: () => reads }
}

t.test(
  'credentials are not read until a part needs the API, and then all parts share one client',
  async (t) => {
    const { kubernetes, reads } = await world(t)
    await kubernetes.firstAnswers()
    t.equal(reads(), 0)
    t.equal(kubernetes.client(), kubernetes.client())
    kubernetes.mirror('sync', { name: 'sync' })
    t.equal(reads(), 1)
  },
)

t.test('a call ends after ten seconds, and its place is free', async (t) => {
  const { apiserver, clock, kubernetes } = await world(t)
  apiserver.fail('hang')
  let ended: unknown
  void errorCode(kubernetes.client().get(NAMESPACES, { name: 'a' })).then((code) => {
    ended = code
  })
  await until('it is asked', () => apiserver.requests.length === 1)
  await clock.advance(9999)
  t.equal(ended, undefined)
  await clock.advance(1)
  await until('it ends', () => ended !== undefined)
  t.equal(ended, 'HTTP_TIMEOUT')
})

t.test('at most eight calls are under way at once', async (t) => {
  const { apiserver, kubernetes } = await world(t)
  apiserver.fail('hang')
  for (let call = 0; call < 12; call += 1)
    void kubernetes
      .client()
      .get(NAMESPACES, { name: `n${call}` })
      .catch(() => undefined)
  await until('eight are asked', () => apiserver.requests.length === 8)
  // the others would have been sent along with these
  t.equal(apiserver.requests.length, 8)
})

t.test('a start waits for the first answer of every mirror, at most three seconds', async (t) => {
  const { apiserver, clock, kubernetes } = await world(t)
  apiserver.fail('hang')
  for (const name of ['policies', 'sync']) kubernetes.mirror(name, { name })
  let started = false
  const start = kubernetes.firstAnswers().then(() => {
    started = true
  })
  await clock.advance(2999)
  t.notOk(started)
  await clock.advance(1)
  await start
  t.strictSame(
    kubernetes.checks().map(({ name, reddens, fault }) => [name, reddens, fault()]),
    [
      ['policies', [], 'the Kubernetes API has not answered yet'],
      ['sync', [], 'the Kubernetes API has not answered yet'],
    ],
  )
})

t.test('mirrors are in kube-system; their watches are health checks and metrics until the end', async (t) => {
  const { apiserver, clock, registry, kubernetes } = await world(t)
  const data = { a: 'text' }
  apiserver.put('/api/v1/namespaces/kube-system/configmaps/sync', { metadata: { name: 'sync' }, data })
  const mirror = kubernetes.mirror('sync', { name: 'sync' })
  kubernetes.mirror('policies', { labelSelector: 'a=b' })
  await kubernetes.firstAnswers()
  t.strictSame(mirror.current()?.get('sync'), data)
  t.strictSame(
    kubernetes.checks().map(({ name, fault }) => [name, fault()]),
    [
      ['sync', undefined],
      ['policies', undefined],
    ],
  )
  t.strictSame(await seriesOf(registry, 'kubernetes_watch_connected'), {
    'kubernetes_watch_connected{watch="sync"}': 1,
    'kubernetes_watch_connected{watch="policies"}': 1,
  })
  await until('both watch', () => apiserver.watches === 2)
  t.equal(clock.pendingTimers, 2, 'that of each watch; none of the start')
  await kubernetes.close()
  await until('both are closed', () => apiserver.watches === 0)
  await until('neither is tried again', () => clock.pendingTimers === 0, 2000)
  await until('no connection is left', () => apiserver.connections === 0, 2000)
})
