import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CONFIG_MAPS, type KubernetesObject } from '../../src/kubernetes/object.ts'
import { readTemplate, type Template } from '../../src/sync/template.ts'
import { canonicalTemplates, configMapTemplate, directoryTemplate } from '../../src/sync/template-source.ts'
import { folderTemplate, POLICY } from '../support/folder-template.ts'
import { createMemoryCluster } from '../support/memory-cluster.ts'

const QUOTA =
  'apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: small, labels: {tier: a}}\nspec: {hard: {cpu: 1000m}}\n'
const names = ({ objects }: Template) => objects.map(({ name }) => name)

t.test('a folder’s template is what its .yaml, .yml and .json files hold, by their names', async (t) => {
  const { folder } = folderTemplate(t)
  writeFileSync(join(folder, '0.yml'), QUOTA)
  writeFileSync(
    join(folder, 'b.json'),
    JSON.stringify({ apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'l' }, spec: {} }),
  )
  for (const other of ['.hidden.yaml', 'README.md', 'a.yaml.old'])
    writeFileSync(join(folder, other), '- broken')
  t.strictSame(names(await directoryTemplate(folder)()), ['small', 'closed', 'l'])
})

t.test('a folder is read again each time, and a fault names the file', async (t) => {
  const { folder, write } = folderTemplate(t)
  const read = directoryTemplate(folder)
  t.strictSame(names(await read()), ['closed'])
  write(QUOTA)
  t.strictSame(names(await read()), ['small'])
  write('- a')
  await t.rejects(read(), { code: 'TEMPLATE_INVALID', message: /a\.yaml: expected a Kubernetes object/ })
  write('')
  t.strictSame(names(await read()), [])
})

t.test('a folder that is gone or holds no file is not an empty template', async (t) => {
  const { folder } = folderTemplate(t)
  await t.rejects(directoryTemplate('/nonexistent')(), { code: 'FILE_UNREADABLE', message: /\/nonexistent/ })
  const empty = join(folder, 'empty')
  mkdirSync(empty)
  writeFileSync(join(empty, 'README.md'), '')
  await t.rejects(directoryTemplate(empty)(), {
    code: 'TEMPLATE_INVALID',
    message: /empty: .*\.yaml, \.yml or \.json/,
  })
})

t.test('each key of a ConfigMap is a file of the template', async (t) => {
  const cluster = createMemoryCluster()
  const read = configMapTemplate(cluster.client, { name: 'template', namespace: 'kube-system' })
  const put = (data: unknown, namespace = 'kube-system') =>
    cluster.put(CONFIG_MAPS, { metadata: { name: 'template', namespace }, data })
  put({ a: '- broken' }, 'default')
  put({ 'a.yaml': POLICY, b: QUOTA })
  t.strictSame(names(await read()), ['closed', 'small'])
  put({ 'a.yaml': POLICY, b: '- a' })
  await t.rejects(read(), {
    code: 'TEMPLATE_INVALID',
    message: /^ConfigMap kube-system\/template, key b: expected a Kubernetes object/,
  })
  for (const data of [{}, undefined, 'text']) {
    put(data)
    await t.rejects(read(), {
      code: 'TEMPLATE_INVALID',
      message: /ConfigMap kube-system\/template: .*no data/,
    })
  }
})

t.test('a ConfigMap that the API does not give is a fault, not an empty template', async (t) => {
  const cluster = createMemoryCluster()
  const read = configMapTemplate(cluster.client, { name: 'template', namespace: 'kube-system' })
  await t.rejects(read(), { code: 'TEMPLATE_INVALID', message: /ConfigMap kube-system\/template: .*absent/ })
  cluster.fault = () => 'forbidden'
  await t.rejects(read(), { code: 'TEMPLATE_INVALID', message: /forbidden/ })
})

/** A cluster that shortens quantities, as the API server does. */
function canonicalWorld(first: string) {
  const cluster = createMemoryCluster()
  const tried: KubernetesObject[] = []
  let text = first
  const template = canonicalTemplates(async () => readTemplate([{ name: 'a', text }]), {
    client: {
      ...cluster.client,
      async create(resource, object, options) {
        const answer = await cluster.client.create(resource, object, options)
        tried.push(object)
        return typeof answer === 'string' ? answer : { ...answer, spec: { stored: answer.spec } }
      },
    },
    namespace: 'kube-system',
  })
  const write = (next: string) => {
    text = next
  }
  return { cluster, tried, template, write }
}

t.test(
  'a template is spelt as the API server spells it, asked once for each template by a dry run',
  async (t) => {
    const { cluster, tried, template, write } = canonicalWorld(`${QUOTA}---\n${POLICY}`)
    const first = await template()
    t.strictSame(
      first.objects.map(({ kind, ...rest }) => [kind.resource.kind, rest]),
      [
        [
          'ResourceQuota',
          { name: 'small', labels: { tier: 'a' }, content: { stored: { hard: { cpu: '1000m' } } } },
        ],
        ['NetworkPolicy', { name: 'closed', labels: {}, content: { stored: { podSelector: {} } } }],
      ],
    )
    t.equal(await template(), first)
    t.strictSame(cluster.calls, ['dry-run resourcequotas', 'dry-run networkpolicies'])
    t.strictSame(
      tried.map(({ metadata }) => metadata),
      [
        {
          name: 'portcullis-dry-run-resourcequotas',
          namespace: 'kube-system',
          labels: { tier: 'a', 'app.kubernetes.io/managed-by': 'portcullis' },
        },
        {
          name: 'portcullis-dry-run-networkpolicies',
          namespace: 'kube-system',
          labels: { 'app.kubernetes.io/managed-by': 'portcullis' },
        },
      ],
    )
    write(QUOTA.replace('1000m', '2000m'))
    t.strictSame((await template()).objects[0]?.content, { stored: { hard: { cpu: '2000m' } } })
    t.equal(cluster.calls.length, 3, 'a new template is tried again')
    t.strictSame(cluster.names('resourcequotas'), [], 'nothing is stored')
  },
)

t.test('labels and annotations of namespaces stay as the template has them', async (t) => {
  const { template } = canonicalWorld(
    'apiVersion: v1\nkind: Namespace\nmetadata: {labels: {a: b}, annotations: {c: d}}\n',
  )
  t.strictSame(await template(), { labels: { a: 'b' }, annotations: { c: 'd' }, objects: [] })
})

t.test('a template that the API server refuses is a fault, and is tried again', async (t) => {
  const { cluster, template } = canonicalWorld(QUOTA)
  cluster.fault = () => 'invalid'
  await t.rejects(template(), { code: 'TEMPLATE_INVALID', message: /ResourceQuota small: .*invalid/ })
  await t.rejects(template(), { code: 'TEMPLATE_INVALID' }, 'at each run, until it is taken')
  cluster.fault = () => undefined
  t.strictSame((await template()).objects[0]?.content, { stored: { hard: { cpu: '1000m' } } })
})
