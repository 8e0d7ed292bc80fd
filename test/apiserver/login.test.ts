import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startKubeApiserver } from '../support/kube-apiserver.ts'
import { runProgram, startServe } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { secretIn } from '../support/secrets.ts'
import { ROOT } from '../support/source-files.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startOnTerminal } from '../support/terminal.ts'

t.test('portcullis login on a terminal: kubectl works with what it wrote, until logout', async (t) => {
  const admin = await realKeystone('fernet').admin()
  const [user, one, two] = [
    await admin.createUser(),
    await admin.createProject(),
    await admin.createProject(),
  ]
  await admin.grant(user, { project: one.id }, 'member')
  await admin.grant(user, { project: two.id }, 'reader')
  const home = temporaryFolder(t)
  const stateDir = temporaryFolder(t)
  const server = await startServe(t, ['--keystone-url', admin.url, '--token-cache-ttl', '0'], { stateDir })
  const printed = await runProgram(t, 'portcullis', [
    ...['webhook-kubeconfig', '--server', `${server.url}/webhook`, '--ca-file', join(stateDir, 'ca.crt')],
  ])
  const tokenWebhook = join(stateDir, 'webhook.kubeconfig')
  writeFileSync(tokenWebhook, printed.stdout)
  const apiserver = await startKubeApiserver({ tokenWebhook })
  const caFile = join(home, 'ca.crt')
  writeFileSync(caFile, apiserver.ca)
  mkdirSync(join(home, '.kube'))
  const kubeconfig = join(home, '.kube/config')
  const env = { HOME: home }

  const terminal = startOnTerminal(
    t,
    'portcullis',
    ['login', '--server', apiserver.url, '--certificate-authority', caFile, '--cluster', 'lab'],
    env,
  )
  await terminal.shown('URL of Keystone: ')
  terminal.type(`${admin.url}\r`)
  await terminal.shown('User name: ')
  terminal.type(`${user.name}\r`)
  await terminal.shown('Domain of the user (empty: Default): ')
  terminal.type('\r')
  await terminal.shown('Password: ')
  terminal.type(`${user.password}\r`)
  await terminal.shown('Project (number or name): ')
  terminal.type(`${one.name}\r`)
  t.equal(await terminal.exited, 0, terminal.screen())
  t.equal(secretIn(readFileSync(kubeconfig, 'utf8')), undefined)

  const PATH = `${join(ROOT, 'bin')}:${process.env.PATH}`
  const kubectl = (...args: string[]) =>
    apiserver.kubectl(args, { kubeconfig, env: { PATH, XDG_CACHE_HOME: join(home, '.cache') } })
  const whoami = await kubectl('auth', 'whoami', '-o', 'json')
  t.equal(whoami.code, 0, whoami.stderr)
  const { userInfo } = JSON.parse(whoami.stdout).status
  t.equal(userInfo.username, `keystone:user:default/${user.name}`)
  t.ok(userInfo.groups.includes(`keystone:role:default/${one.name}/member`))
  const ours = await kubectl('keystone', 'whoami')
  t.equal(ours.code, 0, ours.stderr)
  for (const name of [userInfo.username, ...userInfo.groups])
    if (name !== 'system:authenticated') t.match(ours.stdout, name, 'portcullis whoami foretold it')

  t.match(await runProgram(t, 'portcullis', ['login', '--project', two.name], env), { code: 0, stderr: '' })
  const moved = JSON.parse((await kubectl('auth', 'whoami', '-o', 'json')).stdout).status.userInfo
  t.ok(moved.groups.includes(`keystone:role:default/${two.name}/reader`))
  t.match(
    (await kubectl('config', 'get-contexts', '-o', 'name')).stdout.trim().split('\n').sort(),
    [`${one.name}@lab`, `${two.name}@lab`].sort(),
  )

  t.match(await runProgram(t, 'portcullis', ['logout'], env), { code: 0, stdout: /revoked/ })
  const after = await kubectl('auth', 'whoami')
  t.equal(after.code, 1)
  t.match(after.stderr, /password is missing/, 'nobody is there to be asked')

  // kubectl itself on a terminal: the plugin that it runs asks
  const kubectlBin = join(process.env.KUBERNETES_BIN ?? '', 'kubectl')
  const asking = startOnTerminal(t, kubectlBin, ['auth', 'whoami'], { ...env, KUBECONFIG: kubeconfig })
  await asking.shown('Password: ')
  asking.type(`${user.password}\r`)
  t.equal(await asking.exited, 0, asking.screen())
  t.match(asking.screen(), `keystone:user:default/${user.name}`)
})
