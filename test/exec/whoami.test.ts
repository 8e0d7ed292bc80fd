import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { simulatedAdmin } from '../support/keystone-admin.ts'
import { runProgram } from '../support/program.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const LOG_IN = 'POST /v3/auth/tokens'

/** A user who has logged in to a project for a cluster. */
async function loggedIn(t: Test) {
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  t.teardown(() => keystone.close())
  const admin = simulatedAdmin(keystone)
  const [user, project] = [await admin.createUser(), await admin.createProject()]
  await admin.grant(user, { project: project.id }, 'member')
  const home = temporaryFolder(t)
  const own = { HOME: home, OS_PASSWORD: user.password }
  const run = (...argv: string[]) => runProgram(t, 'portcullis', argv, own)
  const flags = ['--keystone-url', keystone.url, '--user-name', user.name, '--project', project.name]
  const login = await run('login', '--server', 'https://lab:6443', ...flags)
  t.equal(login.code, 0, login.stderr)
  return { keystone, admin, user, project, run }
}

const known = await loggedIn(t)

t.test('whoami tells what Keystone says, and the names that each identity of the server gives', async (t) => {
  const { keystone, admin, user, project, run } = known
  await admin.createGroup('ops', user)
  const before = keystone.count(LOG_IN)
  const { code, stdout } = await run('whoami')
  t.equal(code, 0)
  for (const text of [
    `${user.name} (${user.id}) of domain Default (default)`,
    `project ${project.name} (${project.id}) of domain Default (default)`,
    /roles +member\n +reader\n/,
    'ops of domain default',
    `keystone:user:default/${user.name}`,
    `keystone:role:default/${project.name}/member`,
    'keystone:group:default/ops',
  ])
    t.match(stdout, text)
  t.match((await run('whoami', '--identity', 'compatible')).stdout, new RegExp(`ops\\n +${project.id}\\n`))
  t.equal(keystone.count(LOG_IN), before, 'with the kept token')
})

t.test('projects lists where one can go, and no name can steer the terminal', async (t) => {
  const { keystone, admin, user, project, run } = known
  const evil = keystone.model.addProject('\x1b]0;evil\x07\u202e')
  await admin.grant(user, { project: evil.id }, 'reader')
  const closed = await admin.createProject()
  await admin.grant(user, { project: closed.id }, 'reader')
  await admin.setProjectEnabled(closed.id, false)
  await admin.grant(user, { domain: 'default' }, 'reader')
  await admin.grant(user, 'system', 'reader')
  const { stdout } = await run('projects')
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.split(/ {2,}/))
  t.same(rows[0], ['WHAT', 'NAME', 'ID', 'DOMAIN'])
  t.same(
    rows.slice(1).sort(),
    [
      ['project', project.name, project.id, 'default'],
      ['project, disabled', closed.name, closed.id, 'default'],
      ['domain', 'Default', 'default'],
      ['project', '\ufffd]0;evil\ufffd\ufffd', evil.id, 'default'],
      ['system', 'all'],
    ].sort(),
  )
})

t.test('a kept token that was revoked is replaced once, for whoami and projects alike', async (t) => {
  const { keystone, user, run } = known
  for (const command of ['whoami', 'projects']) {
    for (const token of keystone.mint.issuedTo(user.id)) token.revoked = true
    const before = keystone.count(LOG_IN)
    t.match(await run(command), { code: 0, stderr: '' })
    t.equal(keystone.count(LOG_IN) - before, 1)
  }
})

t.test('logout forgets the token even if Keystone cannot be told, and says so', async (t) => {
  const { keystone, run } = known
  keystone.fail({ kind: 'reset' })
  const { code, stderr } = await run('logout')
  t.equal(code, 1)
  t.match(stderr, /forgotten here, but Keystone could not be told/)
  t.match(stderr, /HTTP_UNREACHABLE/)
  keystone.fail(undefined)
  t.match(await run('logout'), { code: 0, stdout: /no token/ })
})

t.test('logout revokes the token at Keystone and forgets it; the kubeconfig stays', async (t) => {
  const { keystone, user, run } = known
  const before = keystone.count(LOG_IN)
  t.match((await run('whoami')).stdout, user.id)
  t.equal(keystone.count(LOG_IN) - before, 1, 'what was forgotten is got anew')
  t.match(await run('logout'), { code: 0, stdout: /revoked at Keystone and forgotten/ })
  t.ok(keystone.mint.issuedTo(user.id).at(-1)?.revoked)
})
