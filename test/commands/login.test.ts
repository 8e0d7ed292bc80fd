import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { login } from '../../src/commands/login.ts'
import { logout } from '../../src/commands/logout.ts'
import { whoami } from '../../src/commands/whoami.ts'
import { readKubeconfig } from '../../src/exec/kubeconfig.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { runCommand } from '../support/command.ts'
import { simulatedAdmin } from '../support/keystone-admin.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const cluster = (name: string) => ({ name, cluster: { server: `https://${name}:6443` } })
const LOG_IN = 'POST /v3/auth/tokens'

t.test('a user who has logged in for one of two clusters', async (t) => {
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  t.teardown(() => keystone.close())
  const admin = simulatedAdmin(keystone)
  const [user, project] = [await admin.createUser(), await admin.createProject()]
  await admin.grant(user, { project: project.id }, 'member')
  const folder = temporaryFolder(t)
  const KUBECONFIG = join(folder, 'kubeconfig')
  writeFileSync(KUBECONFIG, JSON.stringify({ clusters: [cluster('one'), cluster('two')] }))
  const env = { KUBECONFIG, XDG_CACHE_HOME: folder, OS_PASSWORD: user.password }
  const text = () => readFileSync(KUBECONFIG, 'utf8')
  const run = (command: typeof login, ...argv: string[]) =>
    runCommand(command, argv, { env, executable: '/opt/bin/portcullis' })
  const current = () => {
    const kubeconfig = readKubeconfig([KUBECONFIG])
    return kubeconfig.context(kubeconfig.currentContext ?? '')
  }
  const flags = ['--keystone-url', keystone.url, '--user-name', user.name, '--project', project.name]
  t.equal((await run(login, ...flags, '--cluster', 'one')).code, 0)
  t.match(current(), { cluster: 'one' })

  await t.test('logs in again without a change of the kubeconfig', async (t) => {
    const before = text()
    const { code, stdout } = await run(login)
    t.equal(code, 0)
    t.match(stdout, `Logged in as ${user.name} of domain Default, project ${project.name}`)
    t.equal(text(), before)
  })

  await t.test('logs in for the other cluster, which becomes the current one', async (t) => {
    t.equal((await run(login, '--cluster', 'two')).code, 0)
    t.match(current(), { cluster: 'two' })
    t.match(readKubeconfig([KUBECONFIG]).context(`${project.name}@one`), { cluster: 'one' })
  })

  await t.test('is warned of any name that the server refuses', async (t) => {
    t.equal((await run(whoami, '--identity', 'compatible')).stderr, '')
    await admin.createGroup('system:masters', user)
    for (const [identity, warning] of [
      ['qualified', ''],
      ['compatible', 'portcullis: names that begin with system: are refused by the server\n'],
    ] as const)
      t.equal((await run(whoami, '--identity', identity)).stderr, warning, identity)
  })

  await t.test(
    'and another user is named: nothing of the saved one counts, and the only project is chosen',
    async (t) => {
      const [other, project] = [await admin.createUser(), await admin.createProject()]
      await admin.grant(other, { project: project.id }, 'member')
      const { code, stderr } = await runCommand(
        login,
        ['--keystone-url', keystone.url, '--user-name', other.name, '--cluster', 'one', '--name', 'other'],
        { env: { ...env, OS_PASSWORD: other.password }, executable: '/opt/bin/portcullis' },
      )
      t.equal(code, 0, stderr)
      t.strictSame(readKubeconfig([KUBECONFIG]).exec('other')?.args, [
        'token',
        `--keystone-url=${keystone.url}`,
        `--user-name=${other.name}`,
        `--project-id=${project.id}`,
      ])
    },
  )

  await t.test('logs out, and Keystone is asked for a new token then', async (t) => {
    const context = ['--context', `${project.name}@two`]
    t.match((await run(logout, ...context)).stdout, 'The token is revoked at Keystone and forgotten here.')
    t.match((await run(logout, ...context)).stdout, 'There is no token to revoke.')
    const before = keystone.count(LOG_IN)
    await run(whoami, ...context)
    t.equal(keystone.count(LOG_IN) - before, 1)
  })
})
