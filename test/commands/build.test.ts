import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { login, simulatedAdmin } from '../support/keystone-admin.ts'
import { runProgram, startServe } from '../support/program.ts'
import { ROOT } from '../support/source-files.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { review, tokenReview } from '../support/wire.ts'

// what a package holds: the launcher, the built JavaScript and the policies, and none of the sources or packages
const home = temporaryFolder(t)
// npm test has built already, and others are running what it built
if (!process.env.PORTCULLIS_BUILT) execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT })
for (const part of ['package.json', 'dist', 'policies'])
  cpSync(join(ROOT, part), join(home, part), { recursive: true })
mkdirSync(join(home, 'bin'))
cpSync(join(ROOT, 'bin/portcullis'), join(home, 'bin/portcullis'))
const portcullis = join(home, 'bin/portcullis')

t.test('the built JavaScript answers a TokenReview and takes policies, as the sources do', async (t) => {
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  t.teardown(() => keystone.close())
  const admin = simulatedAdmin(keystone)
  const [user, project] = [await admin.createUser(), await admin.createProject()]
  await admin.grant(user, { project: project.id }, 'member')
  const policy = join(ROOT, 'policies/k8s-roles.csv')
  const server = await startServe(t, ['--keystone-url', keystone.url, '--policy-file', policy], {
    name: portcullis,
  })
  const token = await login(admin.url, user, { project: { id: project.id } })
  t.match((await review(server, tokenReview(token))).result, { authenticated: true, user: { uid: user.id } })
})

t.test('the small file that kubectl waits for finds the rest of the package', async (t) => {
  const token = (env: Record<string, string>, ...flags: readonly string[]) =>
    runProgram(t, portcullis, ['token', ...flags], { XDG_CACHE_HOME: home, ...env })
  t.match(await token({}, '--help'), { code: 0, stdout: /Usage: portcullis token/ })
  t.match(await token({}), { code: 1, stdout: '', stderr: /^portcullis: LOGIN_INCOMPLETE: / })
  const clouds = join(home, 'clouds.yaml')
  writeFileSync(clouds, 'clouds: {c: {auth: {token: of-a-cloud}}}')
  t.match(await token({ OS_CLOUD: 'c', OS_CLIENT_CONFIG_FILE: clouds }), { code: 0, stdout: /of-a-cloud/ })
  t.match(await token({ OS_CLOUD: 'x', OS_CLIENT_CONFIG_FILE: clouds }), {
    code: 1,
    stderr: /^portcullis: CONFIG_INVALID: OS_CLOUD/,
  })
})

t.test('every command of the built JavaScript starts', async (t) => {
  t.match(await runProgram(t, portcullis, ['policy', 'check', join(ROOT, 'policies/k8s-roles.csv')]), {
    code: 0,
  })
  t.match(await runProgram(t, portcullis, ['kms', 'ping', '--socket', '/nowhere/kms.sock']), {
    code: 1,
    stderr: /kms\.sock/,
  })
  for (const command of ['serve', 'webhook-kubeconfig', 'policy', 'kms'])
    t.match(await runProgram(t, portcullis, [command, '--help']), { code: 0, stdout: /Usage|usage/ }, command)
})
