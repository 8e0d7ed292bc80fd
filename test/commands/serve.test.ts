import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:http2'
import { createServer } from 'node:net'
import t from 'tap'
import { serve } from '../../src/commands/serve.ts'
import { runProgram, startServe } from '../support/program.ts'
import { ask, askOn, JSON_TYPE, tokenReview } from '../support/wire.ts'

const KEYSTONE = ['--keystone-url', 'http://127.0.0.1:1/v3']
const BAD_TOKEN = { method: 'POST', path: '/webhook', headers: JSON_TYPE, body: tokenReview('no-token') }

t.test('k8s-keystone-auth without certificate and Keystone refuses to start and names both', async (t) => {
  const run = await runProgram(t, 'k8s-keystone-auth', [])
  t.equal(run.code, 2)
  t.match(run.stderr, /--tls-cert-file: expected/)
  t.match(run.stderr, /--tls-private-key-file: expected/)
  t.match(run.stderr, /--keystone-url: expected/)
})

t.test('who needs the Kubernetes API and knows no way to it is told so at the start', async (t) => {
  const dir = t.testdir({ config: 'users: []\n', 'sync.yaml': 'data-types-to-sync: [projects]\n' })
  const flags = ['serve', ...KEYSTONE, '--state-dir', dir]
  const pod = { code: 1, stderr: /KUBECONFIG_INVALID: .*this is no pod of a cluster: give --kubeconfig/ }
  t.match(await runProgram(t, 'portcullis', flags, { KEYSTONE_POLICY_CONFIGMAP_NAME: 'x' }), pod)
  t.match(await runProgram(t, 'portcullis', [...flags, '--sync-config-file', `${dir}/sync.yaml`]), pod)
  const given = [...flags, '--sync-configmap-name=y', '--kubeconfig', `${dir}/config`]
  t.match(await runProgram(t, 'portcullis', given), {
    code: 1,
    stderr: /KUBECONFIG_INVALID: .*config: contexts: /,
  })
})

t.test('flags that do not go together end the start with all that is wrong', async (t) => {
  const [cert, key] = [
    ['--tls-cert-file', 'a'],
    ['--tls-private-key-file', 'a'],
  ]
  const rows: [string, readonly string[], readonly string[]][] = [
    ['portcullis', [], ['--keystone-url']],
    ['portcullis', [...KEYSTONE, ...cert], ['--tls-private-key-file']],
    ['portcullis', [...KEYSTONE, ...key], ['--tls-cert-file']],
    [
      'portcullis',
      [...cert, '--allowed-projects', 'x,a/b/c'],
      ['--tls-private-key-file', '--keystone-url', '--allowed-projects'],
    ],
    ['k8s-keystone-auth', KEYSTONE, ['--tls-cert-file', '--tls-private-key-file']],
    ['k8s-keystone-auth', [...KEYSTONE, ...cert], ['--tls-private-key-file']],
  ]
  for (const [program, argv, flags] of rows) {
    const world = { program, env: {}, print: () => {} } as never
    const error = await serve(argv, world).catch((caught: Error) => caught)
    t.match(error, { code: 'CONFIG_INVALID' })
    t.same(
      [...String(error).matchAll(/flag (--\S+): /g)].map(([, flag]) => flag),
      flags,
      argv.join(' '),
    )
  }
  const auth = { auth_url: 'http://127.0.0.1:1/v3', username: 'u', password: 'p' }
  const dir = t.testdir({ clouds: JSON.stringify({ clouds: { mine: { auth } } }) })
  const cloud = { OS_CLOUD: 'mine', OS_CLIENT_CONFIG_FILE: `${dir}/clouds` }
  const missing = serve([...cert, ...key], { program: 'portcullis', env: cloud } as never)
  await t.rejects(missing, { code: 'FILE_UNREADABLE' }, 'the URL of the cloud is enough')
})

t.test(
  'klog’s flags are accepted: -v beats the log level, and those that do nothing say so once',
  async (t) => {
    const flags = [...KEYSTONE, '-v', '4', '--vmodule=a=1', '--log-flush-frequency', '5s']
    const server = await startServe(t, flags, { env: { PORTCULLIS_LOG_LEVEL: 'fatal' } })
    const said = server.log().filter((line) => /--vmodule/.test(String(line.msg)))
    t.equal(said.length, 1)
  },
)

t.test(
  'a port that is taken and a certificate that is missing end the start with one clear line',
  async (t) => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    t.teardown(() => other.close())
    const { port } = other.address() as { port: number }
    const dir = t.testdir()
    const taken = await runProgram(t, 'portcullis', [
      'serve',
      ...KEYSTONE,
      '--state-dir',
      dir,
      '--admin-listen',
      '127.0.0.1:0',
      '--listen',
      `127.0.0.1:${port}`,
    ])
    t.match(taken, { code: 1, stderr: /EADDRINUSE/ })
    const missing = await runProgram(t, 'portcullis', [
      'serve',
      ...KEYSTONE,
      '--tls-cert-file',
      '/no.crt',
      '--tls-private-key-file',
      '/no.key',
    ])
    t.match(missing, { code: 1, stderr: /^portcullis: FILE_UNREADABLE: cannot read \/no.crt/ })
  },
)

t.test('a file that cannot be written to for the certificate says what to do', async (t) => {
  const run = await runProgram(t, 'portcullis', ['serve', ...KEYSTONE, '--state-dir', '/dev/null/state'])
  t.match(run, { code: 1, stderr: /CERTIFICATE_INVALID: .*--state-dir/ })
})

t.test(
  'at SIGTERM readiness turns red at once, requests are served through the delay, and the exit code is 0',
  async (t) => {
    const server = await startServe(t, [...KEYSTONE, '--shutdown-delay', '1500ms'])
    const session = connect(server.url, { ca: server.ca })
    t.equal((await askOn(session, BAD_TOKEN)).status, 200)
    t.match(await ask(server.adminUrl, { path: '/readyz' }), { status: 200, text: 'ok' })
    server.child.kill('SIGTERM')
    await server.logged('Shutting down')
    t.match(await ask(server.adminUrl, { path: '/readyz' }), { status: 500, text: /\[-\]shutdown failed/ })
    t.match(await ask(server.adminUrl, { path: '/livez' }), { status: 200, text: 'ok' })
    t.equal((await askOn(session, BAD_TOKEN)).status, 200)
    const gone = once(session, 'goaway')
    await gone
    t.equal(await server.exited, 0)
  },
)

t.test('a second signal ends the process at once', async (t) => {
  const server = await startServe(t, [...KEYSTONE, '--shutdown-delay', '5m'])
  server.child.kill('SIGTERM')
  await server.logged('Shutting down')
  server.child.kill('SIGTERM')
  t.equal(await server.exited, 130)
})

t.test('health speaks the apiserver’s language: verbose, exclude, sub-paths, plain text', async (t) => {
  const server = await startServe(t, KEYSTONE)
  for (const path of ['/livez', '/readyz', '/healthz', '/readyz/ping', '/healthz/shutdown']) {
    const reply = await ask(server.adminUrl, { path })
    t.match(reply, { status: 200, text: 'ok' }, path)
    t.equal(reply.headers['content-type'], 'text/plain; charset=utf-8')
    t.equal(reply.headers['x-content-type-options'], 'nosniff')
  }
  const verbose = await ask(server.adminUrl, { path: '/readyz?verbose&exclude=shutdown' })
  t.match(verbose.text, /^\[\+\]ping ok\n.*readyz check passed\n$/s)
  t.notMatch(verbose.text, /shutdown/)
  t.equal((await ask(server.adminUrl, { path: '/readyz/nothing' })).status, 404)
})

t.test(
  'webhook-kubeconfig prints a file with the CA of the server, before or after its first start',
  async (t) => {
    const stateDir = t.testdir()
    const run = await runProgram(t, 'portcullis', ['webhook-kubeconfig', '--state-dir', stateDir])
    t.equal(run.code, 0)
    t.match(run.stdout, /server: https:\/\/127.0.0.1:8443\/webhook/)
    const server = await startServe(t, KEYSTONE, { stateDir })
    const data = /certificate-authority-data: (\S+)/.exec(run.stdout)?.[1] ?? ''
    t.equal(Buffer.from(data, 'base64').toString(), server.ca)
  },
)

t.test('an unknown command, --help and --version answer as people expect', async (t) => {
  t.match(await runProgram(t, 'portcullis', ['fly']), { code: 2, stderr: /there is no command fly/ })
  t.match(await runProgram(t, 'portcullis', []), { code: 0, stdout: /Commands: serve/ })
  t.match(await runProgram(t, 'portcullis', ['serve', '--help']), { code: 0, stdout: /--keystone-url URL/ })
  t.match(await runProgram(t, 'k8s-keystone-auth', ['--help']), { code: 0, stdout: /OS_AUTH_URL/ })
  t.match(await runProgram(t, 'k8s-keystone-auth', ['--version']), {
    code: 0,
    stdout: /^k8s-keystone-auth \d/,
  })
})

t.test('a program that is one command is not led astray by the name of another', async (t) => {
  t.match(await runProgram(t, 'barbican-kms-plugin', ['serve']), { code: 2, stderr: /serve is not expected/ })
  t.match(await runProgram(t, 'k8s-keystone-auth', ['token']), { code: 2, stderr: /flag --keystone-url/ })
})

t.test('a program started through a symbolic link finds its home and Node 24', async (t) => {
  const dir = t.testdir({ link: t.fixture('symlink', `${process.cwd()}/bin/k8s-keystone-auth`) })
  t.match(
    execFileSync(`${dir}/link`, ['--version'], { env: { PATH: '/usr/bin:/bin' }, encoding: 'utf8' }),
    /\d+\.\d+/,
  )
})
