import t from 'tap'
import { exampleDocuments, exampleText } from '../support/examples.ts'
import { startKubeApiserver } from '../support/kube-apiserver.ts'

const apiserver = await startKubeApiserver()
t.teardown(() => apiserver.stop())
const apply = (objects: readonly object[], ...flags: string[]) =>
  apiserver.kubectl(['apply', ...flags, '-f', '-'], {
    input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  })

t.test('the API server takes every Kubernetes manifest of examples/', async (t) => {
  for (const path of [
    'deployment/rbac.yaml',
    'deployment/configuration.yaml',
    'deployment/portcullis.yaml',
    'static-pods/portcullis.yaml',
    'static-pods/portcullis-kms.yaml',
  ]) {
    // this cluster's network of Services is another
    const input = exampleText(path).replaceAll('10.96.0.43', '10.0.0.43')
    const strict = ['apply', '--server-side', '--dry-run=server', '--validate=strict', '-f', '-']
    const { code, stderr } = await apiserver.kubectl(strict, { input })
    t.equal(code, 0, `${path}: ${stderr}`)
  }
})

t.test('the Deployment’s pods fit the restricted profile of Pod Security', async (t) => {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' }
  await apply([{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'restricted', labels } }])
  const deployment = exampleDocuments('deployment/portcullis.yaml').find(({ kind }) => kind === 'Deployment')
  const { metadata, spec } = deployment.spec.template
  // that class may only be used in kube-system
  const { priorityClassName: _, ...rest } = spec
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, name: 'p', namespace: 'restricted' },
    spec: rest,
  }
  t.match(await apply([pod], '--dry-run=server'), { code: 0 })
  t.match(await apply([{ ...pod, spec: { ...rest, hostNetwork: true } }], '--dry-run=server'), {
    code: 1,
    stderr: /PodSecurity/,
  })
})
