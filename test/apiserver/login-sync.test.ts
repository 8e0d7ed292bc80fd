import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { clusterWorld, errorsOf, FROM_CONFIG_MAPS, member, metric, SYNC } from '../support/cluster-world.ts'
import { login, simulatedAdmin } from '../support/keystone-admin.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'
import { review, tokenReview } from '../support/wire.ts'

t.test(
  'a role that is taken away loses its binding at the next log-in, k8s-keystone-auth’s too, and nobody else’s is touched',
  async (t) => {
    const { admin, folder, kubectl, configMap, serve } = await clusterWorld(t)
    const { user, project, token, namespace } = await member(admin)
    await admin.grant(user, { project: project.id }, 'k8s-developer')
    const bind = (name: string, role: string, ...subjects: string[]) =>
      kubectl('create', 'rolebinding', name, '-n', namespace, `--clusterrole=${role}`, ...subjects)
    // as k8s-keystone-auth leaves it: no marks
    await kubectl('create', 'namespace', namespace)
    await bind(`${user.id}_member`, 'member', `--user=${user.name}`)
    await bind(`${user.id}_lost`, 'lost', `--user=${user.name}`)
    await bind(`${user.id}_by-hand`, 'view', '--user=x', '--group=y')
    await bind('other_k8s-developer', 'k8s-developer', '--user=x')
    const others = [`${user.id}_by-hand`, 'other_k8s-developer']
    const own = (...roles: string[]) => [...roles.map((role) => `${user.id}_${role}`), ...others].sort()
    await configMap('sync', 'syncConfig', SYNC)
    const server = await serve(folder, ...FROM_CONFIG_MAPS, '--token-cache-ttl', '0')
    const bindings = async () => {
      const { items } = JSON.parse(await kubectl('get', 'rolebindings', '-n', namespace, '-o', 'json'))
      return items.map(({ metadata }: { metadata: { name: string } }) => metadata.name).sort()
    }
    const are = async (...roles: string[]) => {
      await until('the log-in’s work is done', async () => (await metric(server, 'login_sync_queue')) === 0)
      t.same(await bindings(), own(...roles))
    }
    await review(server, tokenReview(token))
    await are('k8s-developer', 'member', 'reader')
    await admin.revokeRole(user, project.id, 'k8s-developer')
    await review(server, tokenReview(token))
    await are('member', 'reader')
    const asked = () => metric(server, 'kubernetes_calls_total{operation="list",outcome="ok"}')
    const before = await asked()
    for (let round = 0; round < 5; round += 1) await review(server, tokenReview(token))
    t.equal(await asked(), before, 'nothing is done twice')
    t.same(errorsOf(server), [])
  },
)

t.test(
  'a namespace of another project gets no binding, one that is being deleted is waited for, and both users are let in',
  async (t) => {
    const { admin, folder, kubectl, configMap, serve } = await clusterWorld(t)
    const [alice, bob] = [await member(admin), await member(admin)]
    await kubectl('create', 'namespace', alice.namespace)
    await kubectl('label', 'namespace', alice.namespace, 'app.kubernetes.io/managed-by=portcullis')
    await kubectl('annotate', 'namespace', alice.namespace, 'portcullis.dev/project-id=another')
    await kubectl('create', 'namespace', bob.namespace)
    await kubectl('delete', 'namespace', bob.namespace, '--wait=false')
    await configMap('sync', 'syncConfig', SYNC)
    const server = await serve(folder, ...FROM_CONFIG_MAPS)
    t.match(await review(server, tokenReview(alice.token)), { result: { authenticated: true } })
    await server.logged('The namespace belongs to another project')
    t.equal(await kubectl('get', 'rolebindings', '-n', alice.namespace, '-o', 'name'), '')
    t.match(await review(server, tokenReview(bob.token)), { result: { authenticated: true } })
    t.match(await server.logged('A namespace or role binding cannot be made, trying again'), {
      err: 'a project’s namespace is still being deleted',
    })
    // what the namespace controller does at the end
    const gone = JSON.parse(await kubectl('get', 'namespace', bob.namespace, '-o', 'json'))
    const path = `/api/v1/namespaces/${bob.namespace}/finalize`
    const file = join(folder, 'namespace.json')
    writeFileSync(file, JSON.stringify({ ...gone, spec: { finalizers: [] } }))
    await kubectl('replace', '--raw', path, '-f', file)
    // the pauses between tries have grown meanwhile
    await until('it is made anew', async () => (await metric(server, 'login_sync_queue')) === 0, 60_000)
    t.match(await kubectl('get', 'rolebindings', '-n', bob.namespace, '-o', 'name'), /_member/)
  },
)

t.test(
  '200 users of 20 projects log in at once at two replicas: everything exists once and no log has an error',
  async (t) => {
    // a simulated Keystone lets all of them through within moments
    const keystone = await startSimulatedKeystone({ clock: systemClock })
    t.teardown(() => keystone.close())
    const { admin, folder, kubectl, configMap, serve } = await clusterWorld(t, simulatedAdmin(keystone))
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
