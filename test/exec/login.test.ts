import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import t from 'tap'
import { readYaml } from '../../src/files/yaml.ts'
import { KUBECONFIG, loginWorld } from '../support/login-world.ts'
import { runProgram } from '../support/program.ts'
import { secretIn } from '../support/secrets.ts'
import { ROOT } from '../support/source-files.ts'
import { noTerminal, startOnTerminal } from '../support/terminal.ts'

const LOG_IN = 'POST /v3/auth/tokens'

t.test('on a terminal', { skip: noTerminal }, async (t) => {
  t.test('login asks for what is missing, and kubectl gets the token that was kept', async (t) => {
    const { keystone, user, two, env, text, stanza, portcullis, home } = await loginWorld(t)
    const terminal = startOnTerminal(t, 'kubectl-keystone', ['login'], env, '>/dev/null')
    await terminal.shown('URL of Keystone: ')
    terminal.type(`${keystone.url}\r`)
    await terminal.shown('User name: ')
    terminal.type(`${user.name}\r`)
    await terminal.shown('Domain of the user (empty: Default): ')
    terminal.type('\r')
    await terminal.shown('Password: ')
    // a slip, mended: Ctrl-U empties the line, a backspace takes one sign away
    terminal.type(`wrong\x15${user.password}x\x7f\r`)
    await terminal.shown('Project (number or name): ')
    terminal.type(`${two.name}\r`)
    t.equal(await terminal.exited, 0, terminal.screen())
    t.notMatch(terminal.screen(), /wrong/, 'the password is not echoed')
    t.match(terminal.screen(), `Project (number or name): ${two.name}`, 'what comes after it is')
    t.equal(keystone.count(LOG_IN), 2, 'one password, and the token of it for the project')
    t.match(text(), /^# mine\n/, 'comments stay')
    t.equal(secretIn(text()), undefined)
    t.match(readYaml(text()), {
      'current-context': `${two.name}@lab`,
      contexts: [{ context: { cluster: 'lab', user: `${two.name}@lab` } }],
      users: [{ user: { exec: { interactiveMode: 'IfAvailable', provideClusterInfo: true } } }],
    })
    t.equal(statSync(env.KUBECONFIG).mode & 0o777, 0o600)
    t.equal(readFileSync(`${env.KUBECONFIG}.portcullis-backup`, 'utf8'), KUBECONFIG)
    t.match(stanza().command, /bin\/portcullis$/, 'a path, as no portcullis is in PATH')
    const { code, stdout } = await portcullis(...stanza().args)
    t.equal(code, 0)
    const { token } = JSON.parse(stdout).status
    t.match(keystone.mint.find(token)?.scope, { kind: 'project', id: two.id })
    t.equal(keystone.count(LOG_IN), 2, 'kubectl logs in no more')
    t.ok(existsSync(join(home, '.cache/portcullis')))
  })

  t.test(
    'a password for kubectl is asked for on the terminal, and stdout holds the answer alone',
    async (t) => {
      const { keystone, user, one, home, env } = await loginWorld(t)
      const info = {
        apiVersion: 'client.authentication.k8s.io/v1',
        kind: 'ExecCredential',
        spec: { interactive: true },
      }
      const answer = join(home, 'answer')
      const terminal = startOnTerminal(
        t,
        'portcullis',
        ['token', '--keystone-url', keystone.url, '--user-name', user.name, '--project-id', one.id],
        { ...env, KUBERNETES_EXEC_INFO: JSON.stringify(info) },
        `>'${answer}' 2>'${home}/errors'`,
      )
      await terminal.shown('Password: ')
      terminal.type(`${user.password}\r`)
      t.equal(await terminal.exited, 0)
      t.match(JSON.parse(readFileSync(answer, 'utf8')), { kind: 'ExecCredential', status: { token: /./ } })
      t.equal(readFileSync(join(home, 'errors'), 'utf8'), '', 'the question is on the terminal alone')
    },
  )

  t.test('Ctrl-C and Ctrl-D end the question and leave terminal and kubeconfig as they were', async (t) => {
    const { keystone, user, one, env, text } = await loginWorld(t)
    const flags = ['--keystone-url', keystone.url, '--user-name', user.name, '--project', one.name]
    for (const keys of ['\x03', '\x04']) {
      const terminal = startOnTerminal(t, 'portcullis', ['login', ...flags], env, '; stty -a')
      await terminal.shown('Password: ')
      terminal.type(keys)
      await terminal.shown('PROMPT_CANCELLED')
      await terminal.exited
      t.match(terminal.screen(), / icanon .* echo /s, 'the terminal echoes again')
    }
    t.equal(keystone.count(LOG_IN), 0)
    t.equal(text(), KUBECONFIG)
  })

  t.test('a signal during a question leaves the terminal as it was', async (t) => {
    const { keystone, user, one, env, home } = await loginWorld(t)
    const flags = ['--keystone-url', keystone.url, '--user-name', user.name, '--project', one.name]
    const pidFile = join(home, 'pid')
    const started = [
      '-c',
      'echo $$ >"$0"; exec "$@"',
      pidFile,
      join(ROOT, 'bin/portcullis'),
      'login',
      ...flags,
    ]
    const terminal = startOnTerminal(t, '/bin/sh', started, env, '; stty -a')
    await terminal.shown('Password: ')
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGTERM')
    await terminal.shown('PROMPT_CANCELLED')
    await terminal.exited
    t.match(terminal.screen(), / icanon .* echo /s, 'the terminal echoes again')
  })

  t.test('a wrong password is one attempt, and the kubeconfig stays as it was', async (t) => {
    const { keystone, user, one, env, text } = await loginWorld(t)
    const flags = ['--keystone-url', keystone.url, '--user-name', user.name, '--project', one.name]
    const terminal = startOnTerminal(t, 'portcullis', ['login', ...flags], env)
    await terminal.shown('Password: ')
    terminal.type('not the password\r')
    await terminal.shown('LOGIN_REFUSED')
    t.equal(await terminal.exited, 1)
    t.equal(keystone.count(LOG_IN), 1)
    t.equal(text(), KUBECONFIG)
    t.notMatch(terminal.screen(), /not the password/)
  })
})

t.test('without a terminal', async (t) => {
  t.test('login names what is missing', async (t) => {
    const { portcullis, text } = await loginWorld(t)
    const { code, stdout, stderr } = await portcullis('login')
    t.match({ code, stdout }, { code: 1, stdout: '' })
    t.match(stderr, /auth_url is missing.*username is missing.*password is missing/)
    t.equal(text(), KUBECONFIG)
  })

  t.test('login takes all from the environment, and only the choice of a project is left', async (t) => {
    const { env: _, withPassword, one, stanza, text, keystone } = await loginWorld(t)
    const several = await runProgram(t, 'portcullis', ['login'], withPassword)
    t.match(several, { code: 1, stderr: /LOGIN_INCOMPLETE: project is missing: .*2 of them.*--project/ })
    t.equal(text(), KUBECONFIG)
    const { code, stdout, stderr } = await runProgram(
      t,
      'portcullis',
      ['login', '--project', one.id],
      withPassword,
    )
    t.equal(code, 0, stderr)
    t.match(stdout, /kubectl needs OS_PASSWORD, or asks again/)
    t.ok(stanza().args.includes(`--project-id=${one.id}`), 'what looks like an id is one')
    t.equal(secretIn(text()), undefined)
    const before = keystone.count(LOG_IN)
    const got = await runProgram(t, 'portcullis', stanza().args, { ...withPassword })
    t.equal(got.code, 0)
    t.equal(keystone.count(LOG_IN), before, 'with the same environment kubectl has the kept token')
    const bare = await runProgram(t, 'portcullis', stanza().args, { HOME: withPassword.HOME })
    t.match(
      bare,
      { code: 1, stdout: '', stderr: /password is missing/ },
      'without it a token of that password is nobody’s',
    )
  })

  t.test('an application credential logs in, and its secret stays where it was', async (t) => {
    const { admin, user, one, two, env, keystone, stanza, text } = await loginWorld(t)
    const credential = await admin.createCredential(user, one.id, 'member')
    const secretFile = join(env.HOME, 'secret')
    writeFileSync(secretFile, `${credential.secret}\n`)
    const flags = ['--keystone-url', keystone.url, '--application-credential-id', credential.id]
    const argv = ['login', ...flags, '--application-credential-secret-file', secretFile, '--name', 'robot']
    t.match(await runProgram(t, 'portcullis', argv, env), { code: 0, stderr: '' })
    t.equal(secretIn(text()), undefined)
    t.match(readYaml(text()), { 'current-context': 'robot' })
    t.match(stanza().args, [
      'token',
      `--keystone-url=${keystone.url}`,
      `--application-credential-id=${credential.id}`,
      `--application-credential-secret-file=${secretFile}`,
    ])
    const written = text()
    const before = keystone.count(LOG_IN)
    const again = await runProgram(t, 'portcullis', ['login'], env)
    t.match(again, { code: 0, stdout: /^Logged in as .*\n$/ }, 'the user of the context logs in anew')
    t.equal(keystone.count(LOG_IN), before + 1)
    t.equal(text(), written, 'the kubeconfig says that already')
    t.match(await runProgram(t, 'portcullis', [...argv, '--project', two.name], env), {
      code: 2,
      stderr: /an application credential is of one project/,
    })
  })

  t.test('a cloud is written as its name, and kubectl finds clouds.yaml from any folder', async (t) => {
    const { keystone, user, one, env, stanza, text } = await loginWorld(t)
    const clouds = join(env.HOME, 'my-clouds.yaml')
    const { name: username, password } = user
    const auth = { auth_url: keystone.url, username, password, project_id: one.id, user_domain_id: 'default' }
    writeFileSync(clouds, JSON.stringify({ clouds: { lab: { auth } } }))
    const variables = { ...env, OS_CLOUD: 'lab', OS_CLIENT_CONFIG_FILE: relative(process.cwd(), clouds) }
    t.match(await runProgram(t, 'portcullis', ['login'], variables), { code: 0, stderr: '' })
    t.same(stanza().args, ['token', '--cloud=lab'])
    t.equal(secretIn(text()), undefined)
    const before = keystone.count(LOG_IN)
    const [variable] = stanza().env
    t.same(variable, { name: 'OS_CLIENT_CONFIG_FILE', value: clouds })
    const got = await runProgram(t, 'portcullis', stanza().args, { ...env, OS_CLIENT_CONFIG_FILE: clouds })
    t.match(got, { code: 0, stderr: '' })
    t.equal(keystone.count(LOG_IN), before, 'with the kept token')
  })

  t.test('login --project goes to another project of the same user without a password', async (t) => {
    const { withPassword, env, one, two, portcullis, stanza, keystone, text } = await loginWorld(t)
    await runProgram(t, 'portcullis', ['login', '--project', one.name], withPassword)
    const moved = await portcullis('login', '--project', two.name)
    t.equal(moved.code, 1, 'the kept token was got with OS_PASSWORD, which is gone')
    const again = await runProgram(t, 'portcullis', ['login', '--project', two.name], {
      ...env,
      OS_PASSWORD: withPassword.OS_PASSWORD,
    })
    t.match(again, { code: 0, stdout: new RegExp(`project ${two.name}`) })
    const identity = [
      ...(keystone.mint.issuedTo(keystone.model.users.keys().next().value as string) ?? []),
    ].at(-1)
    t.same(identity?.methods, ['token', 'password'], 'by the token of the first project')
    t.ok(stanza().args.includes(`--project-name=${two.name}`))
    const { contexts } = readYaml(text()) as { contexts: { name: string }[] }
    t.same(
      contexts.map(({ name }) => name),
      [`${one.name}@lab`, `${two.name}@lab`],
      'both contexts are there',
    )
  })

  t.test('login needs a cluster that is known, or a description of one', async (t) => {
    const { withPassword, one, home, text } = await loginWorld(t)
    const login = (...argv: string[]) =>
      runProgram(t, 'portcullis', ['login', '--project', one.name, ...argv], withPassword)
    t.match(await login('--cluster', 'other'), {
      code: 2,
      stderr: /other is not in the kubeconfig \(it has lab\)/,
    })
    t.match(await login('--context', 'none'), { code: 2, stderr: /there is no context none/ })
    writeFileSync(join(home, 'ca'), 'nonsense')
    const server = ['--server', 'https://new:6443', '--certificate-authority', join(home, 'ca')]
    t.match(await login(...server), { code: 2, stderr: /holds no certificate/ })
    t.equal(text(), KUBECONFIG)
    writeFileSync(join(home, 'ca'), '-----BEGIN CERTIFICATE-----\n')
    t.match(await login(...server, '--cluster', 'new'), { code: 0 })
    const { clusters } = readYaml(text()) as { clusters: { name: string; cluster: object }[] }
    t.match(clusters, [{ name: 'lab' }, { name: 'new', cluster: { server: 'https://new:6443' } }])
  })

  t.test('a kubeconfig that cannot be understood is refused before anybody logs in', async (t) => {
    const { withPassword, keystone } = await loginWorld(t)
    writeFileSync(withPassword.KUBECONFIG, 'users: {\n')
    const { code, stderr } = await runProgram(t, 'portcullis', ['login'], withPassword)
    t.equal(code, 1)
    t.match(stderr, /KUBECONFIG_UNUSABLE: .*line \d+, column \d+/)
    t.equal(keystone.count(LOG_IN), 0)
  })
})
