import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { issue, makeAuthority, writePair } from './certificates.ts'
import { type KeystoneAdmin, login, loginWith } from './keystone-admin.ts'
import { startServe } from './program.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { review, tokenReview } from './wire.ts'

const NO = { authenticated: false }
const LOGIN_RULE = { service: 'kubernetes', method: 'POST', path: '/authenticate' }
/** After a user-wide revocation Keystone refuses tokens of the same second. */
const NEXT_SECOND_MS = 1100

/** Servers in front of that Keystone, and users of it. */
function cast(t: Test, admin: KeystoneAdmin) {
  const stateDir = temporaryFolder(t)
  const servers = new Map<string, ReturnType<typeof startServe>>()
  /** One server for each set of flags: the cases have users of their own. */
  const serve = (...argv: string[]) => {
    const key = argv.join(' ')
    const server = servers.get(key) ?? startServe(t, ['--keystone-url', admin.url, ...argv], { stateDir })
    servers.set(key, server)
    return server
  }
  const member = async (role = 'member') => {
    const [user, project] = [await admin.createUser(), await admin.createProject()]
    await admin.grant(user, { project: project.id }, role)
    return { user, project, token: await login(admin.url, user, { project: { id: project.id } }) }
  }
  return { serve, member }
}

/**
 * What a TokenReview is answered with, on any Keystone: the table of docs/architecture.md and the kinds of tokens.
 * Runs against the simulator and against the real Keystone alike, so that the one is held to the other.
 */
export function tokenReviewCases(t: Test, admin: KeystoneAdmin): void {
  const { serve, member } = cast(t, admin)

  t.test(
    'a project token gives user, groups and extra under the qualified mapping, in the version asked',
    async (t) => {
      const { user, project, token } = await member()
      await admin.createGroup('ops', user)
      const server = await serve()
      for (const version of ['v1', 'v1beta1'] as const) {
        const reply = await review(server, tokenReview(token, version))
        t.equal(reply.status, 200)
        t.match(reply.answer, { kind: 'TokenReview', apiVersion: `authentication.k8s.io/${version}` })
        t.notOk(reply.text.includes(token), 'the token is not echoed')
        t.equal(reply.result.authenticated, true)
        t.equal(reply.result.audiences, undefined)
        t.match(reply.result.user, { username: `keystone:user:default/${user.name}`, uid: user.id })
        const groups = reply.result.user?.groups ?? []
        for (const group of [
          'keystone:group:default/ops',
          `keystone:project:default/${project.name}`,
          `keystone:project-id:${project.id}`,
          `keystone:role:default/${project.name}/member`,
        ])
          t.ok(groups.includes(group), group)
        t.same(reply.result.user?.extra['alpha.kubernetes.io/identity/project/id'], [project.id])
        t.same(reply.result.user?.extra['alpha.kubernetes.io/identity/user/domain/id'], ['default'])
      }
    },
  )

  t.test(
    'k8s-keystone-auth names users and groups as CPO’s does, and takes project tokens only',
    async (t) => {
      const { user, project, token } = await member()
      await admin.createGroup('ops', user)
      await admin.grant(user, { domain: 'default' }, 'member')
      const authority = await makeAuthority()
      const folder = temporaryFolder(t)
      const flags = writePair(folder, await issue(authority, 'server'))
      writeFileSync(join(folder, 'ca.crt'), authority.cert)
      const server = await startServe(t, ['--keystone-url', admin.url, ...flags], {
        name: 'k8s-keystone-auth',
      })
      const trusting = { url: server.url, ca: authority.cert }
      const { result } = await review(trusting, tokenReview(token, 'v1beta1'))
      t.equal(result.user?.username, user.name)
      t.same(result.user?.groups, ['ops', project.id])
      t.same(
        Object.keys(result.user?.extra ?? {}).sort(),
        ['project/id', 'project/name', 'roles', 'user/domain/id', 'user/domain/name'].map(
          (k) => `alpha.kubernetes.io/identity/${k}`,
        ),
      )
      const ofDomain = await login(admin.url, user, { domain: { id: 'default' } })
      t.same((await review(trusting, tokenReview(ofDomain))).result, NO)
    },
  )

  t.test('domain and system tokens log in, unscoped ones only when that is allowed', async (t) => {
    const user = await admin.createUser()
    await admin.grant(user, { domain: 'default' }, 'member')
    await admin.grant(user, 'system', 'reader')
    const tokens = {
      domain: await login(admin.url, user, { domain: { id: 'default' } }),
      system: await login(admin.url, user, { system: { all: true } }),
      unscoped: await login(admin.url, user),
    }
    const server = await serve()
    const groups = async (token: string) => (await review(server, tokenReview(token))).result.user?.groups
    t.ok((await groups(tokens.domain))?.includes('keystone:domain-role:default/member'))
    t.ok((await groups(tokens.system))?.includes('keystone:system-role:reader'))
    t.same((await review(server, tokenReview(tokens.unscoped))).result, NO)
    const open = await serve('--token-scopes', 'unscoped')
    const { result } = await review(open, tokenReview(tokens.unscoped))
    t.match(result, { authenticated: true, user: { uid: user.id } })
    t.same((await review(open, tokenReview(tokens.domain))).result, NO)
  })

  t.test('application credentials log in; restricted ones only with the access rule for it', async (t) => {
    const { user, project } = await member()
    const credential = (rules?: (typeof LOGIN_RULE)[]) =>
      admin.createCredential(user, project.id, 'member', rules)
    const [plain, compute, kubernetes] = [
      await credential(),
      await credential([{ service: 'compute', method: 'GET', path: '/v2.1/servers' }]),
      await credential([LOGIN_RULE]),
    ]
    const server = await serve()
    const ask = async (made: typeof plain) =>
      (await review(server, tokenReview(await loginWith(admin.url, made)))).result
    t.match(await ask(plain), { authenticated: true, user: { uid: user.id } })
    t.same(await ask(compute), NO)
    t.match(await ask(kubernetes), { authenticated: true, user: { uid: user.id } })
    const token = await loginWith(admin.url, plain)
    await admin.deleteCredential(user, plain.id)
    t.same((await review(server, tokenReview(token))).result, NO, 'the credential is gone')
  })

  t.test(
    'a revoked token, a disabled user and a disabled project are refused once the cache entry ends',
    async (t) => {
      const [revoked, disabled, closed] = [await member(), await member(), await member()]
      const server = await serve('--token-cache-ttl', '1s', '--token-cache-negative-ttl', '0')
      const ask = async ({ token }: typeof revoked) => (await review(server, tokenReview(token))).result
      for (const one of [revoked, disabled, closed]) t.match(await ask(one), { authenticated: true })
      await admin.revoke(revoked.token)
      await admin.setUserEnabled(disabled.user, false)
      await admin.setProjectEnabled(closed.project.id, false)
      await sleep(NEXT_SECOND_MS)
      for (const one of [revoked, disabled, closed]) t.same(await ask(one), NO)
      await admin.setProjectEnabled(closed.project.id, true)
      t.match(await ask(closed), { authenticated: true }, 'enabled again')
    },
  )

  t.test('leaving a group takes the group away: by the next log-in at the latest', async (t) => {
    const { user, project, token } = await member()
    await admin.createGroup('ops', user)
    const server = await serve()
    const groups = async (text: string) => (await review(server, tokenReview(text))).result.user?.groups ?? []
    t.ok((await groups(token)).includes('keystone:group:default/ops'))
    await admin.leaveGroups(user)
    await sleep(NEXT_SECOND_MS)
    const next = await groups(await login(admin.url, user, { project: { id: project.id } }))
    t.notOk(next.includes('keystone:group:default/ops'))
    t.ok(next.length > 0)
  })
}

/** What we make of an identity that Keystone vouches for: the same whatever the form of its tokens. */
export function identityCases(t: Test, admin: KeystoneAdmin): void {
  const { serve, member } = cast(t, admin)

  t.test('tokens of domains, projects and roles that are not listed are refused', async (t) => {
    const { user, project, token } = await member('k8s-developer')
    const domain = await admin.createDomain()
    const stranger = await admin.createUser({ domain: domain.id })
    await admin.grant(stranger, { project: project.id }, 'k8s-developer')
    const foreign = await login(admin.url, stranger, { project: { id: project.id } })
    const answer = async (text: string, ...flags: string[]) =>
      (await review(await serve(...flags), tokenReview(text))).result
    t.match(await answer(token, '--allowed-domains', 'default'), { user: { uid: user.id } })
    t.same(await answer(foreign, '--allowed-domains', 'default'), NO)
    t.match(await answer(foreign, '--allowed-domains', `x,${domain.name}`), { user: { uid: stranger.id } })
    t.match(await answer(token, '--allowed-projects', `default/${project.name}`), { authenticated: true })
    t.same(await answer(token, '--allowed-projects', project.name), NO)
    t.match(await answer(token, '--allowed-roles', 'k8s-admin,k8s-developer'), { authenticated: true })
    t.same(await answer(token, '--allowed-roles', 'k8s-admin'), NO)
  })

  t.test(
    'a Keystone group named system:masters is dropped, a user named system:... is refused',
    async (t) => {
      const { user, token } = await member()
      await admin.createGroup('system:masters', user)
      const admiral = await admin.createUser({ name: `system:admin-${user.id}` })
      const project = await admin.createProject()
      await admin.grant(admiral, { project: project.id }, 'member')
      const server = await serve('--identity', 'compatible')
      const { result } = await review(server, tokenReview(token))
      t.equal(result.authenticated, true)
      t.notOk(result.user?.groups.some((group) => group.startsWith('system:')))
      const named = await login(admin.url, admiral, { project: { id: project.id } })
      t.same((await review(server, tokenReview(named))).result, NO)
    },
  )

  t.test('role mappings add groups and names, and hold as soon as the file changes', async (t) => {
    const { user, token } = await member('k8s-developer')
    const file = join(temporaryFolder(t), 'sync.yaml')
    writeFileSync(file, 'role-mappings:\n- {keystone-role: k8s-developer, groups: [dev, "system:masters"]}\n')
    const server = await serve('--sync-config-file', file, '--identity', 'compatible')
    const identity = async () => (await review(server, tokenReview(token))).result.user
    t.match(await identity(), { username: user.name, uid: user.id })
    t.ok((await identity())?.groups.includes('dev'))
    t.notOk(
      (await identity())?.groups.includes('system:masters'),
      'not even by a mapping, unless it is allowed',
    )
    writeFileSync(file, 'role-mappings:\n- {keystone-role: k8s-developer, username: developer}\n')
    await server.logged('Took up the new sync configuration')
    t.match(await identity(), { username: 'developer', uid: user.id })
    writeFileSync(file, 'role-mappings: everybody\n')
    await server.logged('Kept the last good sync configuration')
    t.match(await identity(), { username: 'developer' }, 'a bad file changes nothing')
  })

  t.test(
    'audiences: ours that were asked for, a no without one in common, none where none is configured',
    async (t) => {
      const { token } = await member()
      const server = await serve('--audiences', 'cluster-a,cluster-b')
      const ask = async (audiences?: string[]) =>
        (await review(server, tokenReview(token, 'v1', audiences))).result
      t.same((await ask(['cluster-b', 'other', 'cluster-a'])).audiences, ['cluster-b', 'cluster-a'])
      t.same(await ask(['other']), NO)
      t.match(await ask(), { authenticated: true, audiences: undefined })
      const plain = await review(await serve(), tokenReview(token, 'v1', ['https://kubernetes.default.svc']))
      t.match(plain.result, { authenticated: true, audiences: undefined })
    },
  )

  t.test('a token that nobody issued is refused', async (t) => {
    const { token } = await member()
    const server = await serve()
    const other = token.includes('.')
      ? `${token.slice(0, -8)}AAAAAAAA`
      : `${token.slice(0, 20)}AAAA${token.slice(24)}`
    t.same((await review(server, tokenReview(other))).result, NO)
    t.match((await review(server, tokenReview(token))).result, { authenticated: true })
  })
}
