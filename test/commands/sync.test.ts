import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { sync } from '../../src/commands/sync.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { ownerLabels, PROJECT_ID } from '../../src/sync/ownership.ts'
import { startFakeApiserver } from '../support/fake-apiserver.ts'
import { simulatedAdmin, systemReaderEnv } from '../support/keystone-admin.ts'
import { until } from '../support/until.ts'

const NAMESPACES = '/api/v1/namespaces'

/** `portcullis sync` in this process, over a simulated Keystone with one member of one project and an API server in memory. */
async function world(t: Test, files: Readonly<Record<string, string>> = {}) {
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  const apiserver = await startFakeApiserver()
  t.teardown(() => Promise.all([keystone.close(), apiserver.close()]))
  const admin = simulatedAdmin(keystone)
  const env = await systemReaderEnv(admin)
  const [user, project] = [await admin.createUser(), await admin.createProject()]
  await admin.grant(user, { project: project.id }, 'member')
  const folder = t.testdir({ 'sync.yaml': 'data-types-to-sync: [projects]\n', ...files })
  const flags = [
    ...['--kubeconfig', apiserver.kubeconfig(folder)],
    ...['--sync-config-file', join(folder, 'sync.yaml')],
  ]
  async function run(argv: readonly string[], more: Readonly<Record<string, string>> = {}, stopped = false) {
    let [out, err] = ['', '']
    const code = await sync([...argv, ...flags], {
      program: 'portcullis',
      version: '0',
      executable: '/bin/portcullis',
      flags: async () => ({}),
      env: { ...env, ...more },
      input: new PassThrough(),
      print: (text) => {
        out += text
      },
      complain: (text) => {
        err += text
      },
      stopped: stopped ? Promise.resolve() : new Promise(() => {}),
    })
    return { code, out, err }
  }
  return { apiserver, project, folder, run }
}

t.test(
  'a plan that differs ends with 3 and changes nothing; a run makes it so, and then it is 0',
  async (t) => {
    const { apiserver, project, run } = await world(t)
    const plan = await run(['plan'])
    t.strictSame([plan.code, plan.err], [3, ''])
    t.match(plan.out, new RegExp(`create Namespace +${project.id}  \\(missing\\)`))
    t.strictSame(apiserver.names(NAMESPACES), [])
    const done = await run(['run', '--output', 'json'])
    t.equal(done.code, 0)
    t.match(JSON.parse(done.out), { done: { create: 1, update: 0, delete: 0 }, failed: [] })
    t.strictSame(apiserver.names(NAMESPACES), [project.id])
    t.equal((await run(['plan'])).code, 0)
    await until('all connections are closed', () => apiserver.connections === 0, 2000)
  },
)

t.test('too many removals end a plan with 1, whatever else it says, and a run with an error', async (t) => {
  const { apiserver, run } = await world(t)
  for (let number = 0; number < 20; number += 1) {
    const annotations = { [PROJECT_ID]: `gone-${number}` }
    const metadata = { name: `n${number}`, uid: `u${number}`, labels: ownerLabels, annotations }
    apiserver.put(`${NAMESPACES}/n${number}`, { metadata })
  }
  const plan = await run(['plan'])
  t.equal(plan.code, 1)
  t.match(plan.err, /^SYNC_TOO_MANY_REMOVALS: 20 of 20 /)
  t.match(plan.out, /n0 {2}\(project deleted\)/)
  await t.rejects(run(['run']), { code: 'SYNC_TOO_MANY_REMOVALS' })
  t.notOk(apiserver.requests.some((line) => /^(POST|PATCH|DELETE)/.test(line)))
})

t.test('a template that is not usable ends both with 1 before anything is made', async (t) => {
  const { apiserver, folder, run } = await world(t, { 'template.yaml': 'kind: Odd\n' })
  for (const part of ['plan', 'run']) {
    const { code, err } = await run([part, '--sync-template-dir', folder])
    t.equal(code, 1)
    t.match(err, /^TEMPLATE_INVALID: .*template\.yaml/)
  }
  t.notOk(apiserver.requests.some((line) => line.startsWith('POST')))
})

t.test('a run that is asked to stop ends with 1: not all of it is done', async (t) => {
  const { apiserver, run } = await world(t)
  const { code } = await run(['run'], {}, true)
  t.equal(code, 1)
  t.strictSame(apiserver.names(NAMESPACES), [])
})

t.test('without credentials and a URL of Keystone both are named', async (t) => {
  const { run } = await world(t)
  await t.rejects(run(['plan'], { OS_AUTH_URL: '', OS_USER_ID: '' }), {
    code: 'CONFIG_INVALID',
    message: /names no OpenStack user or application credential\n.*expected the URL of Keystone/,
  })
})
