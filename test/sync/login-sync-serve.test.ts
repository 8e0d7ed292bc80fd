import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { accessReview, authorize } from '../authz/support/review-wire.ts'
import { startFakeApiserver } from '../support/fake-apiserver.ts'
import { login, simulatedAdmin } from '../support/keystone-admin.ts'
import { startServe } from '../support/program.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'
import { ask, review, tokenReview } from '../support/wire.ts'

const NAMESPACES = '/api/v1/namespaces'
const bindingsOf = (namespace: string) =>
  `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings`

async function world(t: Test, config: string, ...flags: string[]) {
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  const apiserver = await startFakeApiserver()
  t.teardown(() => Promise.all([keystone.close(), apiserver.close()]))
  const admin = simulatedAdmin(keystone)
  const folder = temporaryFolder(t)
  const file = join(folder, 'sync.yaml')
  writeFileSync(file, config)
  const server = await startServe(
    t,
    [
      ...['--keystone-url', keystone.url, '--kubeconfig', apiserver.kubeconfig(folder)],
      ...['--sync-config-file', file, '--token-cache-ttl', '0', ...flags],
    ],
    { stateDir: folder },
  )
  const member = async (name?: string) => {
    const user = await admin.createUser()
    const project =
      name === undefined ? await admin.createProject() : keystone.model.addProject(name, 'default')
    await admin.grant(user, { project: project.id }, 'member')
    return { user, project, token: await login(admin.url, user, { project: { id: project.id } }) }
  }
  const enter = async (token: string) => (await review(server, tokenReview(token))).result.authenticated
  const metric = async (series: string) => {
    const { text } = await ask(server.adminUrl, { path: '/metrics' })
    return Number(new RegExp(`^portcullis_login_sync_${series} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
  }
  return { apiserver, server, file, member, enter, metric }
}

const BOTH = 'data-types-to-sync: [projects, role_assignments]\n'

t.test(
  'while the API server hangs the first log-in waits for a moment, the next ones do not, and all are let in',
  async (t) => {
    const { apiserver, member, enter, metric } = await world(t, BOTH, '--sync-wait', '200ms')
    const [alice, bob] = [await member(), await member()]
    apiserver.fail('hang')
    t.ok(await enter(alice.token))
    t.equal(await metric('waits_total{result="timeout"}'), 1)
    t.ok(await enter(alice.token))
    t.ok(await enter(bob.token))
    t.equal(await metric('waits_total{result="timeout"}'), 1, 'nobody waited after that')
    t.equal(await metric('queue'), 2)
  },
)

t.test(
  'while the API server fails all are let in, the log has one line, and all is made as soon as it recovers',
  async (t) => {
    const { apiserver, server, member, enter, metric } = await world(t, BOTH)
    apiserver.fail('error')
    const people = await Promise.all([member(), member(), member()])
    for (const { token } of people) t.ok(await enter(token))
    t.match(
      (await ask(server.adminUrl, { path: '/readyz?verbose' })).text,
      /\[!\]login-sync warning: .*answered 500/,
    )
    apiserver.fail(undefined)
    await until('all is made', async () => (await metric('queue')) === 0)
    t.same(apiserver.names(NAMESPACES).toSorted(), people.map(({ project }) => project.id).sort())
    for (const { user, project } of people)
      t.same(apiserver.names(bindingsOf(project.id)), [`${user.id}_member`, `${user.id}_reader`])
    t.equal(server.log().filter(({ level }) => level === 'error').length, 1)
    t.match((await ask(server.adminUrl, { path: '/readyz?verbose' })).text, /\[\+\]login-sync ok/)
  },
)

t.test('the moment that a first log-in waits is not taken from the time that Keystone has', async (t) => {
  const { apiserver, member, enter } = await world(
    t,
    BOTH,
    '--sync-wait',
    '1200ms',
    '--keystone-timeout',
    '1s',
  )
  const { token } = await member()
  apiserver.fail('hang')
  t.ok(await enter(token))
})

t.test('what we have no right to is told, and keeps nobody out', async (t) => {
  const { apiserver, server, member, enter } = await world(t, BOTH)
  apiserver.fail('refused')
  t.ok(await enter((await member()).token))
  const { err } = await server.logged('A namespace or role binding cannot be made, trying again')
  t.equal(err, 'the Kubernetes API refuses to read namespaces (forbidden): check the RBAC of Portcullis')
})

t.test(
  'nothing is asked for a log-in that brings nothing new, and a namespace that vanished meanwhile is made again',
  async (t) => {
    const { apiserver, member, enter } = await world(t, BOTH)
    const alice = await member()
    t.ok(await enter(alice.token))
    await until('namespaces are watched', () => apiserver.watches === 1)
    t.ok(await enter(alice.token))
    const asked = apiserver.requests.length
    for (let round = 0; round < 3; round += 1) t.ok(await enter(alice.token))
    t.equal(apiserver.requests.length, asked)
    apiserver.remove(`${NAMESPACES}/${alice.project.id}`)
    await until('the next log-in makes it anew', async () => {
      t.ok(await enter(alice.token))
      return apiserver.names(NAMESPACES).includes(alice.project.id)
    })
  },
)

t.test(
  'rules that say $own mean the namespace that is made, and bindings the user name after mapping',
  async (t) => {
    const rules = join(
      t.testdir({ 'rules.csv': 'p, role:member, $own, -, pods, *, list, *, allow\n' }),
      'rules.csv',
    )
    const config = `${BOTH}namespace-format: "x-%i"\nrole-mappings: [{keystone-role: member, username: mapped}]\n`
    const { apiserver, server, member, enter } = await world(t, config, '--policy-file', rules)
    const { user, project, token } = await member()
    t.ok(await enter(token))
    const namespace = `x-${project.id}`
    t.same(apiserver.names(NAMESPACES), [namespace])
    t.match(apiserver.object(`${bindingsOf(namespace)}/${user.id}_member`), {
      subjects: [{ kind: 'User', name: 'mapped' }],
      roleRef: { kind: 'ClusterRole', name: 'member' },
    })
    const may = async (place: string) => {
      const resourceAttributes = { namespace: place, verb: 'list', resource: 'pods', version: 'v1' }
      const asked = accessReview('v1', { roles: ['member'], projectId: project.id }, { resourceAttributes })
      return ((await authorize(server, asked)).answer.status as { allowed: boolean }).allowed
    }
    t.ok(await may(namespace))
    t.notOk(await may(project.id))
  },
)

t.test('blacklists, the allowlist and the data types say what is made', async (t) => {
  const { apiserver, server, file, member, enter } = await world(t, BOTH)
  const [black, named, other] = [await member(), await member('secret'), await member()]
  const use = async (text: string) => {
    const before = server.log().length
    writeFileSync(file, text)
    await until('the file is taken up', () =>
      server
        .log()
        .slice(before)
        .some(({ msg }) => msg === 'Took up the new sync configuration'),
    )
  }
  await use(`${BOTH}projects-blacklist: [${black.project.id}]\nprojects-name-blacklist: [secret]\n`)
  for (const { token } of [black, named, other]) t.ok(await enter(token))
  t.same(apiserver.names(NAMESPACES), [other.project.id])
  await use(`data-types-to-sync: [projects]\nprojects-allowlist: [{name: secret, domain: Default}]\n`)
  for (const { token } of [black, named, other]) t.ok(await enter(token))
  t.same(apiserver.names(NAMESPACES), [other.project.id, named.project.id])
  t.same(apiserver.names(bindingsOf(named.project.id)), [])
})
