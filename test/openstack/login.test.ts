import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { KeystoneAdmin } from '../support/keystone-admin.ts'
import { runProgram } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startOnTerminal } from '../support/terminal.ts'
import { ask } from '../support/wire.ts'

const SERVER = ['--server', 'https://lab:6443', '--cluster', 'lab']

/** A user with a project in a domain of their own, and a home folder. */
async function world(t: Test, provider: 'fernet' | 'jws') {
  const admin = await realKeystone(provider).admin()
  const domain = await admin.createDomain()
  const user = await admin.createUser({ domain: domain.id })
  const [one, two] = [await admin.createProject(domain.id), await admin.createProject(domain.id)]
  await admin.grant(user, { project: one.id }, 'member')
  await admin.grant(user, { project: two.id }, 'reader')
  const env = { HOME: temporaryFolder(t), OS_PASSWORD: user.password }
  const who = ['--keystone-url', admin.url, '--user-name', user.name, '--user-domain-name', domain.name]
  const run = (...argv: string[]) => runProgram(t, 'portcullis', argv, env)
  return { admin, domain, user, one, two, env, who, run }
}

/** Whether the token that `portcullis token` would give is good. */
async function isGood(admin: KeystoneAdmin, token: string): Promise<boolean> {
  const headers = { 'x-auth-token': token, 'x-subject-token': token }
  return (await ask(admin.url, { path: '/auth/tokens?nocatalog', headers })).status === 200
}

for (const provider of ['fernet', 'jws'] as const)
  t.test(`with ${provider} tokens: in, elsewhere and out again`, async (t) => {
    const { admin, domain, user, one, two, who, run } = await world(t, provider)
    const place = ['--project', one.name, '--project-domain-name', domain.name]
    t.match(await run('login', ...SERVER, ...who, ...place), { code: 0, stderr: '' })
    const whoami = await run('whoami')
    t.match(whoami.stdout, `${user.name} (${user.id}) of domain ${domain.name} (${domain.id})`)
    t.match(whoami.stdout, `keystone:role:${domain.id}/${one.name}/member`)
    t.match(await run('login', '--project', two.id), { code: 0, stderr: '' })
    const elsewhere = await run('whoami')
    t.match(elsewhere.stdout, `project ${two.name}`)
    t.match(
      elsewhere.stdout,
      /logged in by +(token, password|password, token)/,
      'by the token of the first project',
    )
    const { stdout } = await run('projects')
    for (const { id, name } of [one, two])
      t.match(stdout, new RegExp(`project +${name} +${id} +${domain.id}`))

    const args = ['--keystone-url', admin.url, '--user-name', user.name, '--user-domain-name', domain.name]
    const kubectl = ['token', ...args, '--project-domain-name', domain.name, '--project-id', two.id]
    const { token } = JSON.parse((await run(...kubectl)).stdout).status
    t.ok(await isGood(admin, token))
    t.match(await run('logout'), { code: 0, stdout: /revoked at Keystone/ })
    t.notOk(await isGood(admin, token))
  })

t.test('the only project of a user is taken unasked, on a terminal', async (t) => {
  const { admin, domain, env } = await world(t, 'fernet')
  const [user, project] = [
    await admin.createUser({ domain: domain.id }),
    await admin.createProject(domain.id),
  ]
  await admin.grant(user, { project: project.id }, 'member')
  const terminal = startOnTerminal(t, 'portcullis', ['login', ...SERVER], {
    HOME: env.HOME,
    OS_AUTH_URL: admin.url,
  })
  await terminal.shown('User name: ')
  terminal.type(`${user.name}\r`)
  await terminal.shown('Domain of the user (empty: Default): ')
  terminal.type(`${domain.name}\r`)
  await terminal.shown('Password: ')
  terminal.type(`${user.password}\r`)
  t.equal(await terminal.exited, 0, terminal.screen())
  t.match(terminal.screen(), `${user.name} of domain ${domain.name}, project ${project.name}`)
})

t.test('where Keystone wants a passcode as well, it is asked for, once', async (t) => {
  const { admin, domain, env } = await world(t, 'fernet')
  const [user, project] = [
    await admin.createUser({ domain: domain.id }),
    await admin.createProject(domain.id),
  ]
  await admin.grant(user, { project: project.id }, 'member')
  const { passcode } = await admin.addTotp(user, { needed: true })
  const flags = ['--keystone-url', admin.url, '--user-name', user.name, '--user-domain-id', domain.id]
  const own = { HOME: env.HOME }
  const terminal = startOnTerminal(t, 'portcullis', ['login', ...SERVER, ...flags], own)
  await terminal.shown('Password: ')
  terminal.type(`${user.password}\r`)
  await terminal.shown('One-time passcode: ')
  terminal.type(`${passcode()}\r`)
  t.equal(await terminal.exited, 0, terminal.screen())
  const whoami = await runProgram(t, 'portcullis', ['whoami'], own)
  t.match(whoami.stdout, `project ${project.name}`)
  t.match(whoami.stdout, /logged in by .*totp/, 'with the kept token: nobody could be asked for another')
})

t.test('a token with access rules cannot be revoked, and logout says so', async (t) => {
  const { admin, user, one, env } = await world(t, 'fernet')
  const rule = { service: 'kubernetes', method: 'POST', path: '/authenticate' }
  const credential = await admin.createCredential(user, one.id, 'member', [rule])
  const file = join(env.HOME, 'secret')
  writeFileSync(file, credential.secret)
  const flags = ['--application-credential-id', credential.id, '--application-credential-secret-file', file]
  const run = (...argv: string[]) => runProgram(t, 'portcullis', argv, { HOME: env.HOME })
  t.match(await run('login', ...SERVER, '--keystone-url', admin.url, ...flags), { code: 0, stderr: '' })
  t.match((await run('whoami')).stdout, `project ${one.name}`)
  t.match(await run('logout'), { code: 1, stdout: /does not revoke it/ })
  t.match(await run('logout'), { code: 0, stdout: /no token/ })
})
