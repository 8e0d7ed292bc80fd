import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { OpenStackSettings } from '../src/config/openstack-credentials.ts'
import { accessReview } from './authz/support/review-wire.ts'
import { startFakeApiserver } from './support/fake-apiserver.ts'
import { serveHere, startStubKeystone } from './support/serve-world.ts'
import { until } from './support/until.ts'

const OF_KUBE_SYSTEM = '/api/v1/namespaces/kube-system/configmaps'
/** Alice's project has the id p1. */
const POD = { resourceAttributes: { verb: 'get', resource: 'pods', version: 'v1', namespace: 'ns-p1' } }
const OWN = 'rules: [{subject: "*", namespace: $own, group: "-", resource: pods, verb: get}]'

const CREDENTIALS = {
  openstack: (): OpenStackSettings => ({
    ...{ authUrl: undefined, caFile: undefined },
    credentials: {
      ...{ region: undefined, interface: 'public' },
      method: { kind: 'user', user: { id: 'u' }, password: 'pw', scope: undefined },
    },
  }),
}

/** A cluster whose ConfigMaps hold a policy and a sync configuration, and a server that is told of both. */
async function world(
  t: Test,
  files: Record<string, string>,
  flags: (file: (name: string) => string) => string[],
  options: Parameters<typeof serveHere>[3] = {},
) {
  const [apiserver, keystone] = [await startFakeApiserver(), await startStubKeystone(t)]
  t.teardown(() => apiserver.close())
  const put = (name: string, data: object) =>
    apiserver.put(`${OF_KUBE_SYSTEM}/${name}`, { metadata: { name, namespace: 'kube-system' }, data })
  put('policy', { policies: '[]' })
  put('sync', { syncConfig: 'role-mappings: [{keystone-role: member, username: of-the-map}]' })
  const folder = t.testdir(files)
  const file = (name: string) => join(folder, name)
  const server = await serveHere(
    t,
    keystone,
    [
      ...['--kubeconfig', apiserver.kubeconfig(folder)],
      ...['--policy-configmap-name', 'policy', '--sync-configmap-name', 'sync', ...flags(file)],
    ],
    options,
  )
  const allowed = async () =>
    JSON.parse((await server.post('/authorize', accessReview('v1', {}, POD))).text).status.allowed
  return {
    ...{ apiserver, server, put, file, allowed },
    name: async () => (await server.review(keystone.issue('alice'))).user?.username,
    checks: async () => (await server.admin('/readyz?verbose')).text,
  }
}

t.test('a file beats the ConfigMap of its own kind, and the other one still counts', async (t) => {
  const sync = await world(t, { 'a.csv': '' }, (file) => ['--policy-file', file('a.csv')])
  t.equal(await sync.name(), 'of-the-map')
  const read = { msg: 'Read the sync configuration', source: 'kube-system/sync' }
  t.match(
    sync.server.lines.filter(({ source }) => source),
    [read],
    'it is there from the start',
  )
  t.match(await sync.checks(), /sync-configmap ok/)
  t.notMatch(await sync.checks(), /policy-configmap/)
  t.match(
    sync.server.lines.filter(({ level }) => level === 'warn'),
    [{ configMap: 'policy' }],
  )
  const text = 'role-mappings: [{keystone-role: member, username: of-the-file}]'
  const policy = await world(t, { 'sync.yaml': text }, (file) => ['--sync-config-file', file('sync.yaml')])
  t.equal(await policy.name(), 'of-the-file')
  t.match(await policy.checks(), /policy-configmap ok/)
  t.notMatch(await policy.checks(), /sync-configmap/)
  t.match(
    policy.server.lines.filter(({ level }) => level === 'warn'),
    [{ configMap: 'sync' }],
  )
})

t.test('a server that stops leaves the Kubernetes API alone, and another one may reconcile', async (t) => {
  const { apiserver, server, put } = await world(t, {}, () => ['--shutdown-delay', '0'], CREDENTIALS)
  put('sync', { syncConfig: 'data-types-to-sync: [projects]' })
  await until('it leads', () => server.lines.some(({ msg }) => msg === 'Leads'), 5000)
  await until('both ConfigMaps are watched', () => apiserver.watches >= 2, 5000)
  await server.clock.skipPauses(0, server.stop())
  await until('nothing is watched', () => apiserver.watches === 0, 5000)
  t.ok(server.lines.some(({ msg }) => msg === 'Leads no longer'))
  // the end of the lease is given two seconds
  const ended = until('no timer is left', () => server.clock.pendingTimers === 0, 5000)
  await server.clock.skipPauses(2000, ended)
})

t.test('the first log-in to a project waits for its namespace as long as the flag says', async (t) => {
  const flags = (file: (name: string) => string) => [
    ...['--sync-config-file', file('sync.yaml'), '--sync-wait', '700ms', '--policy-file', file('a.csv')],
  ]
  const files = { 'a.csv': '', 'sync.yaml': 'data-types-to-sync: [projects]' }
  const { apiserver, server, name } = await world(t, files, flags)
  apiserver.fail('hang')
  const before = apiserver.requests.length
  let answered: unknown
  const review = name().then((given) => {
    answered = given
  })
  await until('the namespace is asked for', () => apiserver.requests.length > before, 5000)
  await server.clock.advance(699)
  await server.admin('/livez')
  t.equal(answered, undefined)
  await server.clock.advance(1)
  await review
  t.equal(answered, 'keystone:user:d-red/alice')
})

t.test('$own in a policy and the role mappings are those of the sync configuration of now', async (t) => {
  const { allowed, name, put, server, file } = await world(t, { 'own.yaml': OWN }, (file) => [
    ...['--policy-file', file('own.yaml'), '--namespace-format', 'ns-%i'],
  ])
  t.same([await allowed(), await name()], [true, 'of-the-map'])
  put('sync', { syncConfig: 'namespace-format: other-%i' })
  await until('it is loaded', async () => !(await allowed()), 5000)
  t.equal(await name(), 'keystone:user:d-red/alice', 'nor are its mappings those of the start')
  writeFileSync(file('own.yaml'), OWN.replace('$own', 'ns-p1'))
  await server.clock.advance(1000)
  await until('the policy is loaded', allowed, 5000)
})
