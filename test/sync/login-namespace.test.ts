import t from 'tap'
import { NAMESPACES } from '../../src/kubernetes/object.ts'
import { ensureNamespace, given } from '../../src/sync/login-namespace.ts'
import { namespaceOf } from '../support/cluster-objects.ts'
import { createMemoryCluster } from '../support/memory-cluster.ts'
import { PROJECTS } from '../support/two-domains.ts'

const { acmeWeb, betaWeb } = PROJECTS

function world() {
  const cluster = createMemoryCluster()
  const changed: string[] = []
  const metrics = {
    changed: (kind: string, action: string) => void changed.push(`${action} ${kind}`),
    job() {},
    waited() {},
    watch() {},
  }
  const ensure = (project = acmeWeb) => ensureNamespace(cluster.client, 'web', project, metrics)
  return { cluster, changed, ensure }
}

t.test('a namespace that is missing is made, with our label and the project that it is of', async (t) => {
  const { cluster, changed, ensure } = world()
  t.equal(await ensure(), 'there')
  t.strictSame(cluster.calls, ['get namespaces', 'create namespaces'])
  const { uid, resourceVersion, ...metadata } = cluster.get('namespaces', 'web')?.metadata ?? { name: '' }
  t.strictSame(metadata, {
    name: 'web',
    labels: { 'app.kubernetes.io/managed-by': 'portcullis' },
    annotations: {
      'portcullis.dev/project-id': 'p-acme-web',
      'portcullis.dev/project-name': 'web',
      'portcullis.dev/project-domain': 'd-acme',
    },
  })
  t.strictSame(changed, ['create namespace'])
})

t.test(
  'a namespace that is there is used as it is, unless it is ours and says that it is another project’s',
  async (t) => {
    const named = { name: 'web' }
    for (const [found, answer] of [
      [namespaceOf(acmeWeb, named), 'there'],
      [namespaceOf(betaWeb, named), 'of_another_project'],
      [{ metadata: { ...namespaceOf(betaWeb, named).metadata, labels: {} } }, 'there'],
      [namespaceOf(betaWeb, { ...named, labels: { 'app.kubernetes.io/managed-by': 'Helm' } }), 'there'],
      [{ metadata: { name: 'web', labels: { 'app.kubernetes.io/managed-by': 'portcullis' } } }, 'there'],
      [{ metadata: { name: 'web' } }, 'there'],
    ] as const) {
      const { cluster, changed, ensure } = world()
      cluster.put(NAMESPACES, found)
      t.equal(await ensure(), answer, JSON.stringify(found))
      t.strictSame([cluster.calls, changed], [['get namespaces'], []])
    }
  },
)

t.test(
  'a namespace that somebody made between question and answer is judged as one that was there',
  async (t) => {
    for (const [project, answer] of [
      [acmeWeb, 'there'],
      [betaWeb, 'of_another_project'],
    ] as const) {
      const { cluster, changed, ensure } = world()
      cluster.fault = (call) => {
        if (call === 'create namespaces') cluster.put(NAMESPACES, namespaceOf(project, { name: 'web' }))
        return undefined
      }
      t.equal(await ensure(), answer)
      t.strictSame(cluster.calls, ['get namespaces', 'create namespaces', 'get namespaces'])
      t.strictSame(changed, [], 'only what we made is counted')
    }
  },
)

t.test('a namespace that is being deleted is an error that is tried again', async (t) => {
  const { cluster, ensure } = world()
  cluster.put(NAMESPACES, namespaceOf(acmeWeb, { name: 'web', deletionTimestamp: '2026-06-01T00:00:00Z' }))
  await t.rejects(ensure(), { code: 'KUBERNETES_SERVER_ERROR', message: /deleted/ })
})

t.test('a refusal of the API server is an error that names the call', async (t) => {
  for (const [call, verb] of [
    ['get namespaces', 'read'],
    ['create namespaces', 'create'],
  ] as const) {
    const { cluster, changed, ensure } = world()
    cluster.fault = (made) => (made === call ? 'forbidden' : undefined)
    await t.rejects(ensure(), {
      code: 'KUBERNETES_REFUSED_US',
      message: new RegExp(`${verb} namespaces \\(forbidden\\).*RBAC`),
    })
    t.strictSame(changed, [])
  }
  const { cluster, ensure } = world()
  const answers = ['absent', 'exists', 'absent'] as const
  cluster.fault = () => answers[cluster.calls.length - 1]
  await t.rejects(ensure(), { code: 'KUBERNETES_REFUSED_US', message: /read namespaces \(absent\)$/ })
})

t.test(
  'an answer is given on as it is; a refusal speaks of RBAC only where that is the reason',
  async (t) => {
    const answer = { any: 'object' }
    t.equal(given(answer, 'read'), answer)
    const code = 'KUBERNETES_REFUSED_US'
    t.throws(() => given('invalid', 'create', 'pods'), { code, message: /create pods \(invalid\)$/ })
    t.throws(() => given('forbidden', 'create', 'pods'), {
      code,
      message: /create pods \(forbidden\): .*RBAC/,
    })
  },
)
