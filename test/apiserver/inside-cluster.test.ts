import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { accessReview, authorize } from '../authz/support/review-wire.ts'
import {
  clusterWorld,
  errorsOf,
  FROM_CONFIG_MAPS,
  linesOf,
  member,
  metric,
  policy,
  ready,
  SYNC,
  webhooks,
} from '../support/cluster-world.ts'
import { until } from '../support/until.ts'
import { review, tokenReview } from '../support/wire.ts'

t.test(
  'the first command of a new user of a new project finds its namespace and may work in it',
  async (t) => {
    const { admin, folder, apiserver, kubectl, configMap, serve } = await clusterWorld(t)
    const [alice, bob] = [await member(admin), await member(admin)]
    await configMap('policy', 'policies', policy([alice.project.id], { '*/namespaces': ['get', 'list'] }))
    await configMap('sync', 'syncConfig', SYNC)
    const server = await serve(folder, ...FROM_CONFIG_MAPS)
    await apiserver.restart(await webhooks(folder, server, t))
    const as = (who: typeof alice, ...args: string[]) => apiserver.kubectl(args, { token: who.token })
    t.match(await as(alice, 'auth', 'whoami'), { code: 0, stdout: new RegExp(alice.user.name) })
    t.match(await as(alice, 'get', 'ns', alice.namespace, '-o', 'name'), { code: 0 })
    t.match(await as(alice, 'get', 'ns'), { code: 0, stdout: new RegExp(alice.namespace) })
    t.match(await as(alice, '-n', alice.namespace, 'create', 'configmap', 'mine'), { code: 0 })
    t.match(
      await as(bob, '-n', bob.namespace, 'create', 'configmap', 'mine'),
      { code: 0 },
      'the very first request',
    )
    t.match(
      await as(bob, '-n', alice.namespace, 'create', 'configmap', 'hers'),
      { code: 1, stderr: /no rule for roles member, reader in project .* allows create on configmaps/ },
      'refused with our reason',
    )
    const namespace = JSON.parse(await kubectl('get', 'ns', alice.namespace, '-o', 'json'))
    t.match(namespace.metadata, {
      labels: { 'app.kubernetes.io/managed-by': 'portcullis' },
      annotations: {
        'portcullis.dev/project-id': alice.project.id,
        'portcullis.dev/project-name': alice.project.name,
        'portcullis.dev/project-domain': 'default',
      },
    })
    const bindings = JSON.parse(await kubectl('get', 'rolebindings', '-n', alice.namespace, '-o', 'json'))
    const found = bindings.items.map(({ metadata, roleRef, subjects }: Record<string, { name: string }>) => ({
      name: metadata?.name,
      roleRef,
      subjects,
    }))
    const group = { apiGroup: 'rbac.authorization.k8s.io' }
    t.same(
      found,
      ['member', 'reader'].map((role) => ({
        name: `${alice.user.id}_${role}`,
        roleRef: { ...group, kind: 'ClusterRole', name: role },
        subjects: [{ ...group, kind: 'User', name: alice.user.name }],
      })),
    )
    t.same(errorsOf(server), [])
  },
)

t.test(
  'what is edited in the policy ConfigMap decides within two seconds; what is broken changes nothing; deleted, it denies',
  async (t) => {
    const { admin, folder, apiserver, kubectl, configMap, serve } = await clusterWorld(t)
    const { token, project } = await member(admin)
    const server = await serve(folder, ...FROM_CONFIG_MAPS)
    t.match(await ready(server), /\[!\]policy-configmap warning: the ConfigMap is not there/)
    await apiserver.restart(await webhooks(folder, server, t))
    const may = async (verb: string, resource: string) =>
      (await apiserver.kubectl(['auth', 'can-i', verb, resource, '-n', 'default'], { token })).code === 0
    const within2s = (what: string, so: () => Promise<boolean>) => until(what, so, 2000)
    await configMap('policy', 'policies', policy([project.id], { '*/pods': ['list'] }))
    await within2s('what was allowed first', () => may('list', 'pods'))
    t.notOk(await may('list', 'secrets'))
    await configMap('policy', 'policies', policy([project.id], { '*/secrets': ['list'] }))
    await within2s('the edit', async () => (await may('list', 'secrets')) && !(await may('list', 'pods')))

    await configMap('policy', 'policies', '[{"users": ')
    await server.logged('Kept the last good policy')
    t.equal(errorsOf(server).length, 1, 'one line')
    t.match(await ready(server), /\[!\]policy warning: policy\/policies: line 1/)
    t.equal(await metric(server, 'policy_faulty_sources'), 1)
    t.ok(await may('list', 'secrets'))
    t.notOk(await may('list', 'pods'))

    await configMap('policy', 'other-key', '[]')
    await kubectl(
      'patch',
      'configmap',
      'policy',
      '-n',
      'kube-system',
      '--type=merge',
      '-p',
      '{"data":{"policies":null}}',
    )
    await until('the lack of the key is seen', async () => /has no key policies/.test(await ready(server)))
    t.ok(await may('list', 'secrets'), 'a slip of the pen is no deletion')

    await kubectl('delete', 'configmap', 'policy', '-n', 'kube-system')
    await within2s('the deletion', async () => !(await may('list', 'secrets')))
    t.equal(await metric(server, 'policy_rules'), 0)
  },
)

t.test('Portcullis starts before the API server and takes up its ConfigMaps when it comes', async (t) => {
  const { admin, folder, apiserver, configMap, serve } = await clusterWorld(t)
  const alice = await member(admin)
  await configMap('policy', 'policies', policy([alice.project.id], { '*/namespaces': ['list'] }))
  await configMap('sync', 'syncConfig', SYNC)
  await apiserver.stop()
  const server = await serve(folder, ...FROM_CONFIG_MAPS)
  t.match(await review(server, tokenReview(alice.token)), { result: { authenticated: true } })
  t.match(
    await ready(server),
    /\[!\]policy-configmap warning: cannot reach .*\[!\]sync-configmap warning.*readyz check passed/s,
  )
  t.equal(await metric(server, 'kubernetes_watch_connected{watch="policy-configmap"}'), 0)
  t.equal(linesOf(server, 'warn').length, 2, 'one line for each ConfigMap')
  await apiserver.restart(await webhooks(folder, server, t))
  await until('connected', async () => !/-configmap warning/.test(await ready(server)))
  t.equal(await metric(server, 'kubernetes_watch_connected{watch="policy-configmap"}'), 1)
  t.match(await apiserver.kubectl(['get', 'ns'], { token: alice.token }), {
    code: 0,
    stdout: new RegExp(alice.namespace),
  })
  t.match(
    await apiserver.kubectl(['-n', alice.namespace, 'create', 'configmap', 'mine'], { token: alice.token }),
    { code: 0 },
  )
})

t.test(
  'policies come from all ConfigMaps with a label, and a file beats the ConfigMap of a name',
  async (t) => {
    const { folder, kubectl, configMap, serve } = await clusterWorld(t)
    const file = join(folder, 'rules.csv')
    writeFileSync(file, 'p2, role:member, /file, get, allow\n')
    await configMap(
      'policy',
      'policies',
      JSON.stringify([{ nonresource: { verbs: ['get'], path: '/named' } }]),
    )
    await configMap('labelled', 'rules.csv', 'p2, role:member, /labelled, get, allow\n')
    await kubectl('label', 'configmap', 'labelled', '-n', 'kube-system', 'portcullis-test=policy')
    const server = await serve(
      folder,
      ...['--policy-file', file, '--policy-configmap-name', 'policy'],
      ...['--policy-configmap-selector', 'portcullis-test=policy'],
    )
    const may = async (path: string) => {
      const asked = accessReview(
        'v1',
        { roles: ['member'] },
        { nonResourceAttributes: { path, verb: 'get' } },
      )
      return ((await authorize(server, asked)).answer.status as { allowed: boolean }).allowed
    }
    t.ok(await may('/file'))
    t.ok(await may('/labelled'))
    t.notOk(await may('/named'))
    t.equal(linesOf(server, 'warn').length, 1, 'and says so')
    await kubectl('label', 'configmap', 'labelled', '-n', 'kube-system', 'portcullis-test-')
    await until('it counts no more', async () => !(await may('/labelled')))
    t.ok(await may('/file'))
  },
)
