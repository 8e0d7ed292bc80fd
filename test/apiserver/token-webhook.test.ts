import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { login, simulatedAdmin } from '../support/keystone-admin.ts'
import { startKubeApiserver } from '../support/kube-apiserver.ts'
import { runProgram, type ServingProgram, startServe } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { fernetLike } from '../support/tokens.ts'
import { ask } from '../support/wire.ts'

/** kube-apiserver keeps every good token for 10 s, whatever the TTL of the webhook's answers (and 1 s to spare). */
const FORGOTTEN_MS = 11_000
const EXTRA = 'alpha.kubernetes.io/identity'

/** How many TokenReviews have reached the program, whatever their outcome. */
async function reviewsOf(server: ServingProgram): Promise<number> {
  const { text } = await ask(server.adminUrl, { path: '/metrics' })
  const counts = [...text.matchAll(/^\w*token_reviews_total\{.*\} (\d+)$/gm)].map((match) => Number(match[1]))
  return counts.reduce((sum, count) => sum + count, 0)
}

/** The program in front of a Keystone, and a kubeconfig that leads kube-apiserver to the program. */
async function webhook(t: Test, keystoneUrl: string, ...flags: readonly string[]) {
  const stateDir = temporaryFolder(t)
  const server = await startServe(t, ['--keystone-url', keystoneUrl, ...flags], { stateDir })
  const printed = await runProgram(t, 'portcullis', [
    ...['webhook-kubeconfig', '--server', `${server.url}/webhook`],
    ...['--ca-file', join(stateDir, 'ca.crt')],
  ])
  t.equal(printed.code, 0, printed.stderr)
  const tokenWebhook = join(stateDir, 'webhook.kubeconfig')
  writeFileSync(tokenWebhook, printed.stdout)
  return { server, tokenWebhook }
}

/** The same on a simulated Keystone, whose faults can be set. */
async function world(t: Test) {
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  t.teardown(() => keystone.close())
  const admin = simulatedAdmin(keystone)
  const member = async () => {
    const [user, project] = [await admin.createUser(), await admin.createProject()]
    await admin.grant(user, { project: project.id }, 'member')
    return { user, project, token: await login(admin.url, user, { project: { id: project.id } }) }
  }
  return { keystone, admin, member, ...(await webhook(t, keystone.url)) }
}

t.test(
  'kubectl auth whoami shows user, uid, groups and extra under both versions of the webhook',
  async (t) => {
    const { tokenWebhook, admin, member } = await world(t)
    const { user, project, token } = await member()
    await admin.createGroup('ops', user)
    for (const tokenWebhookVersion of ['v1', 'v1beta1'] as const) {
      const apiserver = await startKubeApiserver({ tokenWebhook, tokenWebhookVersion })
      const { code, stdout, stderr } = await apiserver.kubectl(['auth', 'whoami', '-o', 'json'], { token })
      t.equal(code, 0, stderr)
      const { userInfo } = JSON.parse(stdout).status
      t.equal(userInfo.username, `keystone:user:default/${user.name}`)
      t.equal(userInfo.uid, user.id)
      for (const group of [
        'keystone:group:default/ops',
        `keystone:role:default/${project.name}/member`,
        'system:authenticated',
      ])
        t.ok(userInfo.groups.includes(group), `${group} with ${tokenWebhookVersion}`)
      t.same(userInfo.extra[`${EXTRA}/project/id`], [project.id])
      t.same(userInfo.extra[`${EXTRA}/user/domain/id`], ['default'])
    }
  },
)

t.test('a token of a real Keystone logs in with kubectl, and no longer once it is revoked', async (t) => {
  const admin = await realKeystone('fernet').admin()
  const [user, project] = [await admin.createUser(), await admin.createProject()]
  await admin.grant(user, { project: project.id }, 'member')
  await admin.createGroup('ops', user)
  const token = await login(admin.url, user, { project: { id: project.id } })
  const { tokenWebhook } = await webhook(t, admin.url, '--token-cache-ttl', '1s')
  const apiserver = await startKubeApiserver({
    tokenWebhook,
    flags: ['--authentication-token-webhook-cache-ttl=1s'],
  })
  const whoami = () => apiserver.kubectl(['auth', 'whoami', '-o', 'json'], { token })
  const { code, stdout, stderr } = await whoami()
  t.equal(code, 0, stderr)
  t.match(JSON.parse(stdout).status.userInfo, {
    username: `keystone:user:default/${user.name}`,
    uid: user.id,
  })
  t.ok(JSON.parse(stdout).status.userInfo.groups.includes('keystone:group:default/ops'))
  await admin.revoke(token)
  await sleep(FORGOTTEN_MS + 1000)
  t.match(await whoami(), { code: 1, stderr: /Unauthorized|logged in/ })
})

t.test('a bad token gets 401, and 50 more calls with it reach the webhook at most once', async (t) => {
  const { server, tokenWebhook } = await world(t)
  const apiserver = await startKubeApiserver({ tokenWebhook })
  const token = fernetLike(Date.now())
  const status = async () => (await apiserver.request('/api', { token })).status
  t.equal(await status(), 401)
  const before = await reviewsOf(server)
  t.ok(before >= 1, 'kube-apiserver asked')
  for (let call = 0; call < 50; call += 1) t.equal(await status(), 401)
  t.ok((await reviewsOf(server)) - before <= 1)
})

t.test(
  'with Keystone down a known token works, an unknown one gets 401 until Keystone is back',
  async (t) => {
    const { keystone, server, tokenWebhook, member } = await world(t)
    // kube-apiserver's memory is kept short, so that it is ours that answers
    const flags = ['--authentication-token-webhook-cache-ttl=1s']
    const apiserver = await startKubeApiserver({ tokenWebhook, flags })
    const [known, unknown] = [await member(), await member()]
    const status = async (token: string) => (await apiserver.request('/api', { token })).status
    // 403: authenticated, but RBAC grants nothing
    const welcome = await status(known.token)
    t.ok([200, 403].includes(welcome))
    const before = await reviewsOf(server)
    keystone.fail({ kind: 'reset' })
    await sleep(FORGOTTEN_MS)
    t.equal(await status(known.token), welcome)
    t.ok((await reviewsOf(server)) > before, 'kube-apiserver had forgotten the answer and asked again')
    t.equal(await status(unknown.token), 401)
    keystone.fail(undefined)
    t.equal(await status(unknown.token), welcome)
  },
)
