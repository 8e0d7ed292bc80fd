import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { accessReview } from './authz/support/review-wire.ts'
import { startFakeApiserver } from './support/fake-apiserver.ts'
import { serveHere, startStubKeystone } from './support/serve-world.ts'
import { until } from './support/until.ts'

const OF_KUBE_SYSTEM = '/api/v1/namespaces/kube-system/configmaps'
/** Alice's project has the id p1. */
const POD = { resourceAttributes: { verb: 'get', resource: 'pods', version: 'v1', namespace: 'ns-p1' } }
const OWN = 'rules: [{subject: "*", namespace: $own, group: "-", resource: pods, verb: get}]'

/** A cluster whose ConfigMaps hold a policy and a sync configuration, and a server that is told of both. */
async function world(
  t: Test,
  files: Record<string, string>,
  flags: (file: (name: string) => string) => string[],
) {
  const [apiserver, keystone] = [await startFakeApiserver(), await startStubKeystone(t)]
  t.teardown(() => apiserver.close())
  const put = (name: string, data: object) =>
    apiserver.put(`${OF_KUBE_SYSTEM}/${name}`, { metadata: { name, namespace: 'kube-system' }, data })
  put('policy', { policies: '[]' })
  put('sync', { syncConfig: 'role-mappings: [{keystone-role: member, username: of-the-map}]' })
  const folder = t.testdir(files)
  const file = (name: string) => join(folder, name)
  const server = await serveHere(t, keystone, [
    ...['--kubeconfig', apiserver.kubeconfig(folder)],
    ...['--policy-configmap-name', 'policy', '--sync-configmap-name', 'sync', ...flags(file)],
  ])
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
  t.equal(await sync.name(), 'of-the-map', 'from the first review on')
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

t.test('a server that stops leaves the Kubernetes API alone', async (t) => {
  const { apiserver, server } = await world(t, {}, () => ['--shutdown-delay', '0'])
  await until('both ConfigMaps are watched', () => apiserver.watches === 2)
  await server.clock.skipPauses(0, server.stop())
  await until('nothing is watched', () => apiserver.watches === 0)
  t.equal(server.clock.pendingTimers, 0)
})

t.test('$own in a policy means the namespaces of the sync configuration of now', async (t) => {
  const { allowed, put, server, file } = await world(t, { 'own.yaml': OWN }, (file) => [
    ...['--policy-file', file('own.yaml'), '--namespace-format', 'ns-%i'],
  ])
  t.equal(await allowed(), true)
  put('sync', { syncConfig: 'namespace-format: other-%i' })
  await until('it is loaded', async () => !(await allowed()), 5000)
  writeFileSync(file('own.yaml'), OWN.replace('$own', 'ns-p1'))
  await server.clock.advance(1000)
  await until('the policy is loaded', allowed, 5000)
})
