import { writeFileSync } from 'node:fs'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import t from 'tap'
import { issue, makeAuthority } from '../support/certificates.ts'
import { execInfo, preparePlugin } from '../support/exec-plugin.ts'
import { login } from '../support/keystone-admin.ts'

const pluginWorld = preparePlugin(t)
const GROUP = 'client.authentication.k8s.io'

t.test('stdout holds one ExecCredential of the version that is asked for, and stderr nothing', async (t) => {
  const { run, env } = await pluginWorld(t)
  for (const [asked, version] of [
    [execInfo('v1'), 'v1'],
    [execInfo('v1beta1'), 'v1beta1'],
    ['', 'v1'],
  ] as const) {
    const { code, stdout, stderr } = await run({ ...env, KUBERNETES_EXEC_INFO: asked })
    t.same({ code, stderr }, { code: 0, stderr: '' })
    const { status, ...rest } = JSON.parse(stdout)
    t.same(rest, { apiVersion: `${GROUP}/${version}`, kind: 'ExecCredential' })
    t.same(Object.keys(status).sort(), ['expirationTimestamp', 'token'])
  }
})

t.test(
  'the expiry is RFC 3339 and a minute early, earlier by a fifth when the token lives less long',
  async (t) => {
    const { keystone, run, env } = await pluginWorld(t)
    const until = Date.parse(JSON.parse((await run(env)).stdout).status.expirationTimestamp)
    const expires = [...keystone.mint.issuedTo(keystone.model.users.keys().next().value as string)].at(
      -1,
    )?.expiresAt
    t.ok(Math.abs(until - ((expires ?? 0) - 60_000)) <= 2000, 'a minute before Keystone’s own expiry')
    const short = await pluginWorld(t, { tokenLifetimeMs: 10_000 })
    const { stdout } = await short.run(short.env)
    t.match(stdout, /"expirationTimestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"/)
    t.ok(Date.parse(JSON.parse(stdout).status.expirationTimestamp) > Date.now() + 4000)
  },
)

t.test(
  'a version that nobody knows, and what is no ExecCredential, are refused with nothing on stdout',
  async (t) => {
    const { run, env, logins } = await pluginWorld(t)
    for (const info of [execInfo('v1').replace('/v1"', '/v1alpha1"'), '{"kind":"Pod"}', 'no json', '[]'])
      t.match(await run({ ...env, KUBERNETES_EXEC_INFO: info }), {
        code: 1,
        stdout: '',
        stderr: /^client-keystone-auth: CONFIG_INVALID: KUBERNETES_EXEC_INFO .*\n$/,
      })
    t.equal(logins(), 0)
  },
)

t.test('portcullis token is the same program', async (t) => {
  const { run, env } = await pluginWorld(t)
  const first = await run(env)
  const { code, stdout } = await run(env, ['token'], 'portcullis')
  t.same({ code, stdout }, { code: 0, stdout: first.stdout })
})

t.test(
  'password, application credential and token log in, for project, domain, system or nothing',
  async (t) => {
    const { run, env, admin, user, project, keystone } = await pluginWorld(t)
    await admin.grant(user, 'system', 'reader')
    await admin.grant(user, { domain: 'default' }, 'reader')
    const credential = await admin.createCredential(user, project.id, 'member')
    const { OS_PROJECT_ID: _, ...unscoped } = env
    const { OS_USERNAME: __, OS_PASSWORD: ___, ...url } = unscoped
    const own = await login(admin.url, user)
    const name = [...keystone.model.credentials.values()].at(-1)?.name as string
    const secret = { OS_APPLICATION_CREDENTIAL_SECRET: credential.secret }
    const cases: readonly (readonly [string, Record<string, string>, object])[] = [
      ['password, project', env, { scope: { kind: 'project', id: project.id }, methods: ['password'] }],
      ['password, nothing', unscoped, { scope: { kind: 'unscoped' } }],
      ['password, system', { ...unscoped, OS_SYSTEM_SCOPE: 'all' }, { scope: { kind: 'system' } }],
      [
        'password, domain',
        { ...unscoped, OS_DOMAIN_NAME: 'Default' },
        { scope: { kind: 'domain', id: 'default' } },
      ],
      [
        'project by name',
        { ...unscoped, OS_PROJECT_NAME: project.name, OS_PROJECT_DOMAIN_NAME: 'Default' },
        { scope: { id: project.id } },
      ],
      ['user by id', { ...unscoped, OS_USERNAME: '', OS_USER_ID: user.id }, { user: user.id }],
      [
        'credential',
        { ...url, ...secret, OS_APPLICATION_CREDENTIAL_ID: credential.id },
        { credential: credential.id },
      ],
      [
        'credential by name',
        { ...url, ...secret, OS_APPLICATION_CREDENTIAL_NAME: name, OS_USERNAME: user.name },
        { credential: credential.id },
      ],
      [
        'token',
        { ...url, OS_TOKEN: own, OS_PROJECT_ID: project.id },
        { scope: { id: project.id }, methods: ['token', 'password'] },
      ],
    ]
    for (const [what, variables, expected] of cases) {
      const { code, stderr, token } = await run(variables)
      t.equal(code, 0, `${what}: ${stderr}`)
      t.match(keystone.mint.find(token ?? ''), expected, what)
    }
  },
)

t.test('a token without a scope is passed on, and Keystone is not asked', async (t) => {
  const { run, admin, logins } = await pluginWorld(t)
  const { code, stdout } = await run({ OS_AUTH_URL: admin.url, OS_TOKEN: 'given-by-somebody' })
  t.equal(code, 0)
  t.same(JSON.parse(stdout).status, { token: 'given-by-somebody' })
  t.equal(logins(), 0)
})

t.test('clouds.yaml, secure.yaml and the cluster’s configuration fill in what is missing', async (t) => {
  const { run, env, user, project, home } = await pluginWorld(t)
  const path = join(home, 'clouds.yaml')
  writeFileSync(path, `clouds: {c: {auth: {auth_url: "${env.OS_AUTH_URL}", username: ${user.name}}}}`)
  writeFileSync(join(home, 'secure.yaml'), `clouds: {c: {auth: {password: ${user.password}}}}`)
  const { code, stderr } = await run({
    OS_CLOUD: 'c',
    OS_CLIENT_CONFIG_FILE: path,
    KUBERNETES_EXEC_INFO: execInfo('v1', { project_id: project.id, auth_url: 'http://not.used/v3' }),
  })
  t.equal(code, 0, stderr)
  t.match(await run({ OS_CLOUD: 'x', OS_CLIENT_CONFIG_FILE: path }), {
    code: 1,
    stdout: '',
    stderr: /^client-keystone-auth: CONFIG_INVALID: OS_CLOUD: there is no cloud x in .*\n$/,
  })
})

t.test('a secret can come from a file or from what a command prints', async (t) => {
  const { run, env, user, home } = await pluginWorld(t)
  const { OS_PASSWORD: _, ...others } = env
  writeFileSync(join(home, 'secret'), `${user.password}\n`, { mode: 0o600 })
  t.match(await run(others, ['--password-file', join(home, 'secret')]), { code: 0, stderr: '' })
  t.match(await run(others, ['--password-command', `cat ${home}/secret`]), { code: 0, stderr: '' })
  for (const [command, reason] of [
    ['exit 3', /exit code 3/],
    ['true', /printed nothing/],
  ] as const)
    t.match(await run(others, ['--password-command', command]), {
      code: 1,
      stdout: '',
      stderr: new RegExp(
        `^client-keystone-auth: LOGIN_INCOMPLETE: flag --password-command: .*${reason.source}\n$`,
      ),
    })
})

t.test('what is missing is named, with where it can be set', async (t) => {
  const { run, env } = await pluginWorld(t)
  const without = (name: string) => ({ ...env, [name]: '' })
  const sentence = (name: string, where: string) =>
    new RegExp(`^client-keystone-auth: LOGIN_INCOMPLETE: ${name} is missing: set ${where}.*\n$`)
  for (const [variables, name, where] of [
    [without('OS_PASSWORD'), 'password', 'OS_PASSWORD or --password-file'],
    [without('OS_AUTH_URL'), 'auth_url', 'OS_AUTH_URL or --keystone-url'],
    [without('OS_USERNAME'), 'username', 'OS_USERNAME or --user-name'],
    [{ ...env, OS_AUTH_TYPE: 'v3totp' }, 'passcode', 'OS_PASSCODE or --passcode'],
    [{ ...env, OS_APPLICATION_CREDENTIAL_ID: 'i' }, 'application_credential_secret', 'OS_APPLICATION'],
  ] as const)
    t.match(await run(variables), { code: 1, stdout: '', stderr: sentence(name, where) })
  t.match(await run({ ...env, OS_AUTH_TYPE: 'v2password' }), {
    code: 1,
    stdout: '',
    stderr: /OS_AUTH_TYPE: expected/,
  })
  t.match(await run(env, ['--no-such-flag']), {
    code: 1,
    stdout: '',
    stderr: /flag --no-such-flag: there is no such/,
  })
})

t.test(
  'a refused log-in is exit code 1 with one sentence and nothing on stdout, asked for once',
  async (t) => {
    const { run, env, logins, keystone } = await pluginWorld(t)
    const wrong = { ...env, OS_PASSWORD: 'wrong-password' }
    t.match(await run(wrong), { code: 1, stdout: '', stderr: /^client-keystone-auth: LOGIN_REFUSED: .*\n$/ })
    t.equal(logins(), 1)
    // kubectl runs a plugin that failed several times
    for (let call = 0; call < 4; call += 1)
      t.match(await run(wrong), { code: 1, stdout: '', stderr: /LOGIN_REFUSED/ })
    t.equal(logins(), 1, 'the same password is not tried again at once')
    t.match(await run(env), { code: 0 })
    t.match(await run(wrong, ['--force-refresh']), { code: 1 })
    t.equal(logins(), 3)
    keystone.fail({ kind: 'answer', status: 503, body: '' })
    t.match(await run(env, ['--no-cache']), {
      code: 1,
      stdout: '',
      stderr: /KEYSTONE_SERVER_ERROR: .*503\n$/,
    })
    t.equal(logins(), 4, 'a log-in is not repeated')
  },
)

t.test(
  'a Keystone that does not answer, or is not there, ends at the deadline with a sentence',
  async (t) => {
    const { run, env, keystone } = await pluginWorld(t)
    keystone.fail({ kind: 'hang' })
    t.match(await run(env, ['--keystone-timeout', '300ms']), {
      code: 1,
      stdout: '',
      stderr: /HTTP_TIMEOUT: http.* did not answer in time\n$/,
    })
    keystone.fail({ kind: 'truncated' })
    t.match(await run(env), { code: 1, stdout: '', stderr: /KEYSTONE_BAD_ANSWER|HTTP_UNREACHABLE/ })
    keystone.fail({ kind: 'answer', status: 200, body: '<html>', type: 'text/html' })
    t.match(await run(env), { code: 1, stdout: '', stderr: /KEYSTONE_BAD_ANSWER/ })
    t.match(await run({ ...env, OS_AUTH_URL: 'http://127.0.0.1:9/v3' }), {
      code: 1,
      stdout: '',
      stderr:
        /^client-keystone-auth: HTTP_UNREACHABLE: cannot reach http:\/\/127\.0\.0\.1:9: ECONNREFUSED\n$/,
    })
  },
)

t.test(
  'TLS: an authority and a client certificate of files, and a fault names host and authority',
  async (t) => {
    const { run, env, home, keystone } = await pluginWorld(t)
    const [authority, other] = [await makeAuthority(), await makeAuthority('other')]
    const [server, client] = [await issue(authority, 'keystone'), await issue(authority, 'client')]
    const files = {
      'ca.crt': authority.cert,
      'other.crt': other.cert,
      'c.crt': client.cert,
      'c.key': client.key,
      'no.pem': 'x',
    }
    for (const [name, text] of Object.entries(files)) writeFileSync(join(home, name), text)
    const front = createServer(
      { ...server, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
      (socket) => {
        const back = connect(Number(new URL(keystone.url).port), '127.0.0.1')
        socket.pipe(back).pipe(socket)
        for (const end of [socket, back]) end.on('error', () => {})
      },
    )
    await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
    t.teardown(() => front.close())
    const origin = `https://localhost:${(front.address() as AddressInfo).port}`
    const secure = { ...env, OS_AUTH_URL: `${origin}/v3` }
    const [ca, cert, key] = ['ca.crt', 'c.crt', 'c.key'].map((name) => join(home, name)) as [
      string,
      string,
      string,
    ]
    t.match(await run(secure, ['--cacert', ca, '--cert', cert, '--key', key]), { code: 0, stderr: '' })
    t.match(await run({ ...secure, OS_CACERT: ca }, ['--no-cache']), {
      code: 1,
      stdout: '',
      stderr: /HTTP_UNREACHABLE/,
    })
    for (const [flags, authorities] of [
      [['--cacert', join(home, 'other.crt')], join(home, 'other.crt')],
      [[], 'this machine'],
    ] as const)
      t.match(await run(secure, flags), {
        code: 1,
        stdout: '',
        stderr: new RegExp(
          `cannot trust the certificate of ${origin} with the authorities of ${authorities} \\(.*--cacert`,
        ),
      })
    t.match(await run(secure, ['--cacert', join(home, 'no.pem')]), {
      code: 1,
      stdout: '',
      stderr: /CERTIFICATE_INVALID: .*no\.pem/,
    })
    t.match(await run(secure, ['--cacert', '/dev/null/none']), {
      code: 1,
      stdout: '',
      stderr: /FILE_UNREADABLE/,
    })
  },
)

t.test('--help names no secret, --version is the version', async (t) => {
  const { run, env } = await pluginWorld(t)
  t.match(await run(env, ['--help']), { code: 0, stdout: /Usage: client-keystone-auth \[flags\]/ })
  t.match(await run(env, ['--version']), { code: 0, stdout: /^client-keystone-auth \d/ })
})
