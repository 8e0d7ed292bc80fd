import { join } from 'node:path'
import t from 'tap'
import { login, systemReaderEnv } from '../support/keystone-admin.ts'
import { startServe } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { jwtLike } from '../support/tokens.ts'
import { ask, review, tokenReview } from '../support/wire.ts'

const keystone = realKeystone('fernet')
const admin = await keystone.admin()
const [user, service, project] = [
  await admin.createUser(),
  await admin.createUser(),
  await admin.createProject(),
]
await admin.grant(user, { project: project.id }, 'member')
await admin.grant(service, { project: project.id }, 'service')
const OS_AUTH = {
  OS_AUTH_URL: admin.url.replace('/v3', ''),
  OS_USER_ID: service.id,
  OS_PROJECT_ID: project.id,
}

t.test(
  'with a service user of role service tokens are validated by its token, groups read by the subject’s',
  async (t) => {
    await admin.createGroup('ops', user)
    const server = await startServe(t, [], { env: { ...OS_AUTH, OS_PASSWORD: service.password } })
    const token = await login(admin.url, user, { project: { id: project.id } })
    const { result } = await review(server, tokenReview(token))
    t.match(result, { authenticated: true, user: { uid: user.id } })
    t.ok(result.user?.groups.includes('keystone:group:default/ops'))
    await admin.revoke(token)
    t.match((await review(server, tokenReview(await login(admin.url, user)))).result, {
      authenticated: false,
    })
    const { text } = await ask(server.adminUrl, { path: '/metrics' })
    t.match(text, /keystone_calls_total\{operation="login",outcome="ok"\} 1/, 'one log-in for all')
  },
)

t.test('credentials for the whole system validate no tokens: these ask about themselves', async (t) => {
  const server = await startServe(t, [], { env: await systemReaderEnv(admin) })
  const token = await login(admin.url, user, { project: { id: project.id } })
  t.match((await review(server, tokenReview(token))).result, { authenticated: true, user: { uid: user.id } })
  const { text } = await ask(server.adminUrl, { path: '/metrics' })
  t.match(text, /keystone_calls_total\{operation="validate",outcome="ok"\} 1/)
  t.notMatch(text, /keystone_calls_total\{operation="login",outcome="[a-z]+"\} [1-9]/)
})

t.test('a service token that Keystone no longer takes is renewed once, unseen by the user', async (t) => {
  const server = await startServe(t, [], { env: { ...OS_AUTH, OS_PASSWORD: service.password } })
  const scope = { project: { id: project.id } }
  t.match((await review(server, tokenReview(await login(admin.url, user, scope)))).result, {
    authenticated: true,
  })
  // a user-wide event ends the service's token; enabled again it can log in anew
  await admin.setUserEnabled(service, false)
  await admin.setUserEnabled(service, true)
  await new Promise((resolve) => setTimeout(resolve, 1100))
  t.match((await review(server, tokenReview(await login(admin.url, user, scope)))).result, {
    authenticated: true,
  })
  const { text } = await ask(server.adminUrl, { path: '/metrics' })
  t.match(text, /keystone_calls_total\{operation="login",outcome="ok"\} 2/)
})

t.test('a wrong service password is an error for the token, never a refusal', async (t) => {
  const server = await startServe(t, [], { env: { ...OS_AUTH, OS_PASSWORD: 'wrong' } })
  const token = await login(admin.url, user, { project: { id: project.id } })
  t.match((await review(server, tokenReview(token))).result, {
    authenticated: false,
    error: 'Keystone refuses to check tokens for us',
  })
})

t.test('with Keystone’s public keys JWS tokens of other signers cost no call', async (t) => {
  const other = realKeystone('jws')
  const root = await other.admin()
  const [person, place] = [await root.createUser(), await root.createProject()]
  await root.grant(person, { project: place.id }, 'member')
  const server = await startServe(t, [
    '--keystone-url',
    root.url,
    '--keystone-jws-keys-dir',
    join(other.home, 'var/jws/public'),
  ])
  const token = await login(root.url, person, { project: { id: place.id } })
  t.match((await review(server, tokenReview(token))).result, { authenticated: true })
  const claims = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
  const forged = jwtLike({ alg: 'ES256', typ: 'JWT' }, claims)
  t.same((await review(server, tokenReview(forged))).result, { authenticated: false })
  const { text } = await ask(server.adminUrl, { path: '/metrics' })
  t.match(text, /token_reviews_total\{outcome="bad_signature"\} 1/)
  t.match(text, /keystone_calls_total\{operation="validate",outcome="refused"\} 0/)
})
