import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { makeClusterAccount } from '../support/cluster-account.ts'
import { type KeystoneAdmin, login, simulatedAdmin } from '../support/keystone-admin.ts'
import { startKubeApiserver } from '../support/kube-apiserver.ts'
import { runProgram, type ServingProgram, startServe, temporaryFolder } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { ROOT } from '../support/source-files.ts'
import { until } from '../support/until.ts'
import { ask, review, tokenReview } from '../support/wire.ts'

const SYNC = 'data-types-to-sync: [projects, role_assignments]\nnamespace-format: "%n-%i"\n'

/** The policy of k8s-keystone-auth that lets members of these projects do this to that. */
const policy = (projects: readonly string[], permissions: Record<string, string[]>) =>
  JSON.stringify([{ users: { roles: ['member'], projects }, resource_permissions: permissions }])

/** examples/authorization-configuration.yaml with decisions that are hardly cached. */
function authorizationConfig(folder: string, kubeconfig: string): string {
  const path = join(folder, 'authorization.yaml')
  const example = readFileSync(join(ROOT, 'examples/authorization-configuration.yaml'), 'utf8')
  const text = example
    .replace('/etc/kubernetes/portcullis/webhook.kubeconfig', kubeconfig)
    .replace(/authorizedTTL: \w+/, 'authorizedTTL: 1s')
    .replace(/unauthorizedTTL: \w+/, 'unauthorizedTTL: 1s')
  writeFileSync(path, text)
  return path
}

/** A Keystone (a real one unless given), and what leads Portcullis to the API server; the API server is there, without webhooks. */
async function world(t: Test, given?: KeystoneAdmin) {
  const admin = given ?? (await realKeystone('fernet').admin())
  const folder = temporaryFolder(t)
  const apiserver = await startKubeApiserver()
  const kubeconfig = await makeClusterAccount(apiserver, folder)
  const kubectl = async (...args: string[]) => {
    const { code, stdout, stderr } = await apiserver.kubectl(args)
    if (code !== 0) throw new Error(stderr)
    return stdout
  }
  for (const name of ['policy', 'sync'])
    await kubectl('delete', 'configmap', '-n', 'kube-system', name, '--ignore-not-found')
  await apiserver.kubectl([
    'create',
    'clusterrole',
    'member',
    '--verb=get,list,create',
    '--resource=configmaps',
  ])
  const configMap = async (name: string, key: string, text: string) => {
    const data = {
      metadata: { name, namespace: 'kube-system' },
      apiVersion: 'v1',
      kind: 'ConfigMap',
      data: { [key]: text },
    }
    const { code, stderr } = await apiserver.kubectl(['apply', '-f', '-'], { input: JSON.stringify(data) })
    if (code !== 0) throw new Error(stderr)
  }
  const serve = (stateDir: string, ...flags: string[]) =>
    startServe(
      t,
      ['--keystone-url', admin.url, '--identity', 'compatible', '--kubeconfig', kubeconfig, ...flags],
      { stateDir },
    )
  return { admin, folder, apiserver, kubectl, configMap, serve }
}

const FROM_CONFIG_MAPS = ['--policy-configmap-name', 'policy', '--sync-configmap-name', 'sync']

/** Where kube-apiserver finds the program: its address stays the same whatever port it has. */
async function webhooks(folder: string, server: ServingProgram, t: Test) {
  const printed = await runProgram(t, 'portcullis', [
    ...['webhook-kubeconfig', '--server', `${server.url}/webhook`, '--ca-file', join(folder, 'ca.crt')],
  ])
  const tokenWebhook = join(folder, 'webhook.kubeconfig')
  writeFileSync(tokenWebhook, printed.stdout)
  return { tokenWebhook, authzConfig: authorizationConfig(folder, tokenWebhook) }
}

async function member(admin: KeystoneAdmin, role = 'member') {
  const [user, project] = [await admin.createUser(), await admin.createProject()]
  await admin.grant(user, { project: project.id }, role)
  const token = await login(admin.url, user, { project: { id: project.id } })
  return { user, project, token, namespace: `${project.name}-${project.id}` }
}

const linesOf = (server: ServingProgram, level: string) => server.log().filter((line) => line.level === level)
const errorsOf = (server: ServingProgram) => linesOf(server, 'error')
const ready = async (server: ServingProgram) => (await ask(server.adminUrl, { path: '/readyz?verbose' })).text
const metric = async (server: ServingProgram, series: string) => {
  const { text } = await ask(server.adminUrl, { path: '/metrics' })
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`portcullis_${series} `))
      ?.split(' ')[1],
  )
}

t.test(
  'the first command of a new user of a new project finds its namespace and may work in it',
  async (t) => {
    const { admin, folder, apiserver, kubectl, configMap, serve } = await world(t)
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
    const { admin, folder, apiserver, kubectl, configMap, serve } = await world(t)
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
  const { admin, folder, apiserver, configMap, serve } = await world(t)
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
  'a role that is taken away loses its binding at the next log-in, and nobody else’s is touched',
  async (t) => {
    const { admin, folder, kubectl, configMap, serve } = await world(t)
    const { user, project, token, namespace } = await member(admin)
    await admin.grant(user, { project: project.id }, 'k8s-developer')
    await configMap('sync', 'syncConfig', SYNC)
    const server = await serve(folder, ...FROM_CONFIG_MAPS, '--token-cache-ttl', '0')
    const bindings = async () =>
      (await kubectl('get', 'rolebindings', '-n', namespace, '-o', 'name'))
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split('/')[1])
        .sort()
    await review(server, tokenReview(token))
    t.same(
      await bindings(),
      ['k8s-developer', 'member', 'reader'].map((role) => `${user.id}_${role}`),
    )
    await kubectl(
      'create',
      'rolebinding',
      `${user.id}_by-hand`,
      '-n',
      namespace,
      '--clusterrole=view',
      '--user=x',
      '--group=y',
    )
    await kubectl(
      'create',
      'rolebinding',
      'other_k8s-developer',
      '-n',
      namespace,
      '--clusterrole=k8s-developer',
      '--user=x',
    )
    await admin.revokeRole(user, project.id, 'k8s-developer')
    await review(server, tokenReview(token))
    await until('it is gone', async () => !(await bindings()).includes(`${user.id}_k8s-developer`))
    t.same(
      await bindings(),
      [`${user.id}_by-hand`, `${user.id}_member`, `${user.id}_reader`, 'other_k8s-developer'].sort(),
    )
    const before = await metric(server, 'kubernetes_calls_total{operation="list",outcome="ok"}')
    for (let round = 0; round < 5; round += 1) await review(server, tokenReview(token))
    t.equal(
      await metric(server, 'kubernetes_calls_total{operation="list",outcome="ok"}'),
      before,
      'nothing is done twice',
    )
    t.same(errorsOf(server), [])
  },
)

t.test(
  '200 users of 20 projects log in at once at two replicas: everything exists once and no log has an error',
  async (t) => {
    // a simulated Keystone lets all of them through within moments
    const keystone = await startSimulatedKeystone({ clock: systemClock })
    t.teardown(() => keystone.close())
    const { admin, folder, kubectl, configMap, serve } = await world(t, simulatedAdmin(keystone))
    await configMap('sync', 'syncConfig', SYNC)
    const replicas = [
      await serve(folder, ...FROM_CONFIG_MAPS),
      await serve(temporaryFolder(t), ...FROM_CONFIG_MAPS),
    ]
    const projects = await Promise.all(Array.from({ length: 20 }, () => admin.createProject()))
    const users: { id: string; namespace: string; token: string }[] = []
    for (let number = 0; number < 200; number += 1) {
      const [user, project] = [
        await admin.createUser(),
        projects[number % 20] as { id: string; name: string },
      ]
      await admin.grant(user, { project: project.id }, 'member')
      const token = await login(admin.url, user, { project: { id: project.id } })
      users.push({ id: user.id, token, namespace: `${project.name}-${project.id}` })
    }
    const answers = await Promise.all(
      users.flatMap(({ token }) => replicas.map((server) => review(server, tokenReview(token)))),
    )
    t.equal(answers.filter(({ result }) => result.authenticated).length, 400)
    const names = async (kind: string) =>
      JSON.parse(await kubectl('get', kind, '-A', '-o', 'json')).items.map(
        ({ metadata }: { metadata: { name: string; namespace?: string } }) =>
          `${metadata.namespace ?? ''}/${metadata.name}`,
      ) as string[]
    const bindings = users.flatMap(({ id, namespace }) =>
      ['member', 'reader'].map((role) => `${namespace}/${id}_${role}`),
    )
    await until('all bindings exist', async () => {
      const found = new Set(await names('rolebindings'))
      return bindings.every((binding) => found.has(binding))
    })
    const namespaces = await names('namespaces')
    t.ok(users.every(({ namespace }) => namespaces.includes(`/${namespace}`)))
    for (const [index, server] of replicas.entries()) {
      await until('the queue is empty', async () => (await metric(server, 'login_sync_queue')) === 0)
      t.same(errorsOf(server), [], `replica ${index}`)
      t.equal(await metric(server, 'login_sync_jobs_total{result="failed"}'), 0)
    }
    const made = await Promise.all(
      replicas.map((server) =>
        metric(server, 'login_sync_objects_total{kind="role_binding",action="create"}'),
      ),
    )
    t.equal(
      made.reduce((sum, count) => sum + count, 0),
      400,
      'each binding was made by one of the two',
    )
  },
)
