import type { Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { createHttpClient } from '../../src/http/client.ts'
import { createGate } from '../../src/http/gate.ts'
import { createKeystoneCaller } from '../../src/keystone/caller.ts'
import { createInventoryReader } from '../../src/keystone/inventory.ts'
import { createSession } from '../../src/keystone/session.ts'
import { type KeystoneAdmin, login, type TestScope, type TestUser } from './keystone-admin.ts'
import { ask } from './wire.ts'

/** An inventory reader that logs in as this user. */
export function inventoryOf(
  t: Pick<Test, 'teardown'>,
  url: string,
  user: TestUser,
  scope: { project: { id: string } },
) {
  const http = createHttpClient({ userAgent: 'test', connections: 4, maxBytes: 2 ** 26 })
  t.teardown(() => http.close())
  const gate = createGate({ running: 4, waiting: 100 })
  const call = createKeystoneCaller({ http, gate, clock: systemClock, metrics: { called() {} } })
  const endpoint = async () => url
  const credentials = () => ({
    method: { kind: 'user', user: { id: user.id }, password: user.password, scope } as const,
    region: undefined,
    interface: 'public' as const,
  })
  const session = createSession({ call, endpoint, credentials, clock: systemClock })
  return createInventoryReader({ call, endpoint, session })
}

const SIGNAL = () => AbortSignal.timeout(20_000)
const names = (value: object) => Object.keys(value).sort().join(' ')

/** What Keystone's lists say of roles in all the ways that a user can have them; simulated or real alike. */
export async function inventoryCases(t: Test, admin: KeystoneAdmin): Promise<void> {
  const { url } = admin
  const domain = await admin.createDomain()
  const user = () => admin.createUser({ domain: domain.id })
  const [direct, grouped, inheriting, deleted, disabled, reader] = (await Promise.all(
    Array.from({ length: 6 }, user),
  )) as [TestUser, TestUser, TestUser, TestUser, TestUser, TestUser]
  const [open, closed, gone] = [
    await admin.createProject(domain.id),
    await admin.createProject(domain.id),
    await admin.createProject(domain.id),
  ]
  await admin.grant(direct, { project: open.id }, 'member')
  await admin.createGroup('inventory', grouped)
  await admin.grantGroup('inventory', domain.id, open.id, 'reader')
  await admin.grantInherited(inheriting, domain.id, 'reader')
  await admin.grant(inheriting, { domain: domain.id }, 'member')
  for (const user of [deleted, disabled]) await admin.grant(user, { project: open.id }, 'reader')
  for (const project of [closed, gone]) await admin.grant(direct, { project: project.id }, 'reader')
  await admin.grant(reader, 'system', 'reader')
  await admin.grant(reader, { project: open.id }, 'admin')
  await admin.deleteUser(deleted)
  await admin.setUserEnabled(disabled, false)
  await admin.setProjectEnabled(closed.id, false)
  await admin.deleteProject(gone.id)
  const projects = new Map([
    [open.id, 'open'],
    [closed.id, 'closed'],
    [gone.id, 'gone'],
  ])
  const users = new Map([
    [direct.id, 'direct'],
    [grouped.id, 'grouped'],
    [inheriting.id, 'inheriting'],
    [deleted.id, 'deleted'],
    [disabled.id, 'disabled'],
    [reader.id, 'reader'],
  ])
  const get = async (who: TestUser, scope: TestScope, path: string) => {
    const reply = await ask(url, { path, headers: { 'x-auth-token': await login(url, who, scope) } })
    return { status: reply.status, body: JSON.parse(reply.text) }
  }
  const system = { system: { all: true } } as const
  const project = { project: { id: open.id } }
  const LISTS = ['projects', 'domains', 'role_assignments?effective&include_names']

  t.test('an admin and a reader of the system may list, others may not', async (t) => {
    for (const path of LISTS) {
      t.equal((await get(reader, project, `/${path}`)).status, 200, `admin, ${path}`)
      t.equal((await get(reader, system, `/${path}`)).status, 200, `reader of the system, ${path}`)
      const { status, body } = await get(direct, project, `/${path}`)
      const action = `identity:list_${path.replace(/\?.*/, '')}`
      t.equal(status, 403)
      t.equal(body.error.message, `You are not authorized to perform the requested action: ${action}.`)
    }
  })

  t.test('the lists have the same fields', async (t) => {
    const first = async (path: string, name: string, fits: (item: Record<string, unknown>) => boolean) => {
      const { body } = await get(reader, system, path)
      t.same(names(body), ['links', name].sort().join(' '))
      return body[name].find(fits)
    }
    const item = await first('/projects', 'projects', ({ id }) => id === closed.id)
    t.same(names(item), 'description domain_id enabled id is_domain links name options parent_id tags')
    t.match(item, { domain_id: domain.id, enabled: false, is_domain: false, parent_id: domain.id })
    t.match(await first('/domains', 'domains', ({ id }) => id === domain.id), {
      name: domain.name,
      enabled: true,
    })
    const row = await first(`/${LISTS[2]}`, 'role_assignments', ({ scope }) =>
      JSON.stringify(scope).includes(open.id),
    )
    t.same(names(row), 'links role scope user')
    t.match(row.scope.project, { id: open.id, name: open.name, domain: { id: domain.id, name: domain.name } })
    t.same(names(row.user), 'domain id name')
    t.ok(row.role.name)
  })

  t.test('a project is shown, and a deleted one is not found', async (t) => {
    const shown = await get(reader, system, `/projects/${open.id}`)
    t.match(shown, { status: 200, body: { project: { id: open.id, enabled: true } } })
    const { status, body } = await get(reader, system, `/projects/${gone.id}`)
    t.equal(status, 404)
    t.equal(body.error.message, `Could not find project: ${gone.id}.`)
  })

  t.test('the inventory has the roles that tokens would have, by whatever way', async (t) => {
    const inventory = inventoryOf(t, url, reader, project)
    const found = await inventory.read(SIGNAL())
    const rows = found.assignments
      .filter((row) => projects.has(row.project))
      .map((row) => `${users.get(row.user.id)} ${row.role} ${projects.get(row.project)}`)
    t.same([...new Set(rows)].sort(), [
      'direct member open',
      'direct reader closed',
      'direct reader open',
      'disabled reader open',
      'grouped reader open',
      'inheriting reader closed',
      'inheriting reader open',
      'reader admin open',
      'reader member open',
      'reader reader open',
    ])
    const own = found.assignments.find((row) => row.user.id === direct.id)
    t.same(own?.user, { id: direct.id, name: direct.name, domain: { id: domain.id, name: domain.name } })
    const standing = found.projects
      .filter((project) => projects.has(project.id))
      .map((project) => `${projects.get(project.id)} ${project.enabled}`)
    t.same(standing.sort(), ['closed false', 'open true'])
    t.equal(await inventory.knows(closed.id, SIGNAL()), true)
    t.equal(await inventory.knows(gone.id, SIGNAL()), false)
  })

  t.test('who may not list gets an error, not an empty inventory', async (t) => {
    const inventory = inventoryOf(t, url, direct, project)
    await t.rejects(inventory.read(SIGNAL()), { code: 'KEYSTONE_REFUSED_US' })
    await t.rejects(inventory.knows(gone.id, SIGNAL()), { code: 'KEYSTONE_REFUSED_US' })
  })
}
