import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { execInfo, makeMember } from '../support/exec-plugin.ts'
import { login } from '../support/keystone-admin.ts'
import { runProgram } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { ask } from '../support/wire.ts'

const admin = await realKeystone('fernet').admin()

/** The plugin with a cache of its own. */
function plugin(t: Test) {
  const home = temporaryFolder(t)
  return async (env: Record<string, string>, ...flags: readonly string[]) => {
    const all = { XDG_CACHE_HOME: home, KUBERNETES_EXEC_INFO: execInfo('v1'), ...env }
    const outcome = await runProgram(t, 'client-keystone-auth', flags, all)
    return { ...outcome, token: /"token":"([^"]+)"/.exec(outcome.stdout)?.[1] ?? '' }
  }
}

/** What Keystone says of a token, asked with the token itself. */
async function bodyOf(token: string) {
  const headers = { 'x-auth-token': token, 'x-subject-token': token }
  const reply = await ask(admin.url, { path: '/auth/tokens', headers })
  return JSON.parse(reply.text).token
}

t.test('every way to log in gives a token of a real Keystone that is what was asked for', async (t) => {
  const { user, project, env } = await makeMember(admin)
  const run = plugin(t)
  await admin.grant(user, 'system', 'reader')
  const credential = await admin.createCredential(user, project.id, 'member')
  const { OS_PROJECT_ID: _, ...unscoped } = env
  const { OS_AUTH_URL } = env
  const cases: readonly (readonly [string, Record<string, string>, object])[] = [
    ['project', env, { project: { id: project.id }, methods: ['password'] }],
    [
      'Keystone found below its root',
      { ...env, OS_AUTH_URL: OS_AUTH_URL.replace('/v3', '') },
      { project: { id: project.id } },
    ],
    ['nothing', unscoped, { user: { id: user.id }, project: undefined }],
    ['system', { ...unscoped, OS_SYSTEM_SCOPE: 'all' }, { system: { all: true } }],
    [
      'application credential',
      {
        OS_AUTH_URL,
        OS_APPLICATION_CREDENTIAL_ID: credential.id,
        OS_APPLICATION_CREDENTIAL_SECRET: credential.secret,
      },
      { methods: ['application_credential'] },
    ],
    [
      'another scope for a token',
      { OS_AUTH_URL, OS_TOKEN: await login(admin.url, user), OS_PROJECT_ID: project.id },
      { project: { id: project.id } },
    ],
  ]
  for (const [what, variables, expected] of cases) {
    const { code, stderr, token } = await run(variables)
    t.equal(code, 0, `${what}: ${stderr}`)
    t.match(await bodyOf(token), expected, what)
  }
  for (const wrong of [
    { OS_PASSWORD: 'wrong-password' },
    { OS_PROJECT_ID: 'f'.repeat(32) },
    { OS_USERNAME: 'nobody' },
  ])
    t.match(await run({ ...env, ...wrong }), { code: 1, stdout: '', stderr: /LOGIN_REFUSED: .*\(401\).*\n$/ })
})

t.test(
  'a passcode logs in alone or with the password, and a kept token needs no other passcode',
  async (t) => {
    const { user, env } = await makeMember(admin)
    const { passcode } = await admin.addTotp(user)
    const run = plugin(t)
    const folder = temporaryFolder(t)
    writeFileSync(join(folder, 'code'), `${passcode()}\n`)
    const { OS_PASSWORD: _, ...others } = env
    const alone = { ...others, OS_AUTH_TYPE: 'v3totp' }
    const first = await run(alone, '--passcode-command', `cat ${folder}/code`)
    t.match(first, { code: 0, stderr: '' })
    t.same((await bodyOf(first.token)).methods, ['totp'])
    writeFileSync(join(folder, 'code'), '000000\n')
    t.equal((await run(alone, '--passcode-command', `cat ${folder}/code`)).token, first.token)
    // somebody else: Keystone 22 with its cache in memory answers 500 to the second passcode of one user
    const other = await makeMember(admin)
    await admin.addTotp(other.user)
    const wrong = { ...other.env, OS_PASSWORD: '', OS_AUTH_TYPE: 'v3totp', OS_PASSCODE: '000000' }
    t.match(await run(wrong), { code: 1, stdout: '', stderr: /LOGIN_REFUSED/ })
  },
)

t.test('where Keystone wants both, a password alone is told so, and both together log in', async (t) => {
  const { user, env } = await makeMember(admin)
  const { passcode } = await admin.addTotp(user, { needed: true })
  const run = plugin(t)
  t.match(await run(env), {
    code: 1,
    stdout: '',
    stderr:
      /LOGIN_REFUSED: Keystone wants more than was given, password with totp: use --auth-type v3multifactor/,
  })
  const { code, stderr, token } = await run({
    ...env,
    OS_AUTH_TYPE: 'v3multifactor',
    OS_PASSCODE: passcode(),
  })
  t.equal(code, 0, stderr)
  t.same([...(await bodyOf(token)).methods].sort(), ['password', 'totp'])
})
