import t, { type Test } from 'tap'
import { type Clock, systemClock } from '../../src/clock.ts'
import { CONFIG_MAPS } from '../../src/kubernetes/object.ts'
import { watchObjects } from '../../src/kubernetes/watch.ts'
import { type FakeApiserver, startFakeApiserver } from '../support/fake-apiserver.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { until } from '../support/until.ts'
import { makeClient } from './client-world.ts'

const MAPS = '/api/v1/namespaces/kube-system/configmaps'
const path = (name: string) => `${MAPS}/${name}`
const map = (name: string) => ({ metadata: { name, namespace: 'kube-system' } })

/** What a listener heard, in order. */
async function world(t: Test, clock: Clock = systemClock, prepare: (api: FakeApiserver) => void = () => {}) {
  const apiserver = await startFakeApiserver({ pageSize: 2 })
  t.teardown(() => apiserver.close())
  prepare(apiserver)
  const heard: string[] = []
  const stop = watchObjects({
    client: makeClient(t, apiserver.url),
    resource: CONFIG_MAPS,
    selection: { namespace: 'kube-system' },
    clock,
    listener: {
      listed: (objects) => heard.push(`listed ${objects.map(({ metadata }) => metadata.name).join(' ')}`),
      put: ({ metadata }) => heard.push(`put ${metadata.name}`),
      gone: ({ metadata }) => heard.push(`gone ${metadata.name}`),
      fault: (text) => heard.push(text === undefined ? 'well' : 'fault'),
    },
  })
  t.teardown(stop)
  const hears = (line: string) => until(line, () => heard.includes(line))
  const lists = () =>
    apiserver.requests.filter((line) => line.startsWith('GET') && !line.includes('watch=')).length
  return { apiserver, heard, hears, lists }
}

t.test('a list comes page by page and a watch goes on from it', async (t) => {
  const { apiserver, heard, hears } = await world(t, systemClock, (api) => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) api.put(path(name), map(name))
  })
  await hears('listed a b c d e')
  t.equal(apiserver.requests.filter((line) => line.includes('limit=')).length, 3)
  await until('it watches', () => apiserver.watches === 1)
  apiserver.put(path('f'), map('f'))
  await hears('put f')
  apiserver.remove(path('a'))
  await hears('gone a')
  t.same(heard, ['listed a b c d e', 'put f', 'gone a'])
})

t.test('a watch that breaks off goes on where it was, without a new list', async (t) => {
  const { apiserver, heard, hears, lists } = await world(t)
  await until('it watches', () => apiserver.watches === 1)
  apiserver.put(path('a'), map('a'))
  await hears('put a')
  apiserver.breakWatches()
  apiserver.put(path('b'), map('b'), { silently: true })
  await hears('put b')
  t.same(heard.slice(0, 2), ['listed ', 'put a'])
  t.notOk(heard.slice(2).includes('put a'), 'nothing comes twice')
  t.equal(lists(), 1)
})

t.test('when the past is gone (410) everything is listed anew', async (t) => {
  const { apiserver, heard, hears, lists } = await world(t)
  await until('it watches', () => apiserver.watches === 1)
  apiserver.put(path('a'), map('a'), { silently: true })
  apiserver.tell({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } })
  await hears('listed a')
  t.equal(lists(), 2)
  t.notOk(heard.includes('fault'), 'that is no fault')
})

t.test('bookmarks move the place to go on from', async (t) => {
  const { apiserver } = await world(t)
  await until('it watches', () => apiserver.watches === 1)
  apiserver.tell({ type: 'BOOKMARK', object: { kind: 'ConfigMap', metadata: { resourceVersion: '4711' } } })
  await new Promise((resolve) => setImmediate(resolve))
  await until('it goes on from there', () => {
    apiserver.breakWatches()
    return apiserver.requests.some((line) => line.includes('resourceVersion=4711'))
  })
  t.match(apiserver.requests.at(-1), /allowWatchBookmarks=true/)
})

t.test('what is no event ends the watch and is a fault; it is taken up again', async (t) => {
  const { apiserver, heard, hears } = await world(t)
  await until('it watches', () => apiserver.watches === 1)
  apiserver.tell({ type: 'ADDED', object: 'nonsense' })
  await hears('fault')
  await hears('well')
  t.same(heard, ['listed ', 'fault', 'well'])
})

t.test('a server that fails is told of once, however often it is tried', async (t) => {
  const { apiserver, heard, hears, lists } = await world(t, systemClock, (api) => api.fail('error'))
  await until('it was tried three times', () => lists() === 3)
  t.same(heard, ['fault'])
  apiserver.fail(undefined)
  await hears('well')
  t.same(heard, ['fault', 'listed ', 'well'])
})

t.test('a watch that died without a word is taken up again after its time', async (t) => {
  const clock = createManualClock()
  const { apiserver, hears } = await world(t, clock)
  await until('it watches', () => apiserver.watches === 1)
  apiserver.put(path('a'), map('a'), { silently: true })
  await clock.advance(60_000)
  t.equal(apiserver.watches, 1, 'not before a minute')
  await clock.advance(46_000)
  await until('it rests', async () => {
    await clock.advance(1000)
    return apiserver.requests.filter((line) => line.includes('watch=')).length > 1
  })
  await hears('put a')
})
