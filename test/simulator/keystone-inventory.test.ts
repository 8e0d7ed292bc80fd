import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { type SimulatedKeystone, startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { inventoryCases, inventoryOf } from '../support/inventory-cases.ts'
import { simulatedAdmin } from '../support/keystone-admin.ts'

const keystone = await startSimulatedKeystone({ clock: systemClock })
t.teardown(() => keystone.close())
await inventoryCases(t, simulatedAdmin(keystone))

/** A Keystone with one project and its admin. */
async function small(t: { teardown(run: () => unknown): void }) {
  const keystone: SimulatedKeystone = await startSimulatedKeystone({ clock: systemClock })
  t.teardown(() => keystone.close())
  const admin = simulatedAdmin(keystone)
  const [user, project] = [await admin.createUser(), await admin.createProject()]
  await admin.grant(user, { project: project.id }, 'admin')
  const inventory = inventoryOf(t, admin.url, user, { project: { id: project.id } })
  return { keystone, user, project, read: () => inventory.read(AbortSignal.timeout(10_000)) }
}

t.test('half a list, a cut one or none is an error: what is missing would count as gone', async (t) => {
  const { keystone, project, read } = await small(t)
  const answer = (body: object) => ({ kind: 'answer', status: 200, body: JSON.stringify(body) }) as const
  const one = { id: project.id, name: 'p', domain_id: 'default', enabled: true, is_domain: false }
  for (const [why, operation, body] of [
    ['Keystone’s list_limit cut it', 'GET /v3/projects', { projects: [one], truncated: true }],
    ['there is no list', 'GET /v3/projects', { links: {} }],
    ['one item is no project', 'GET /v3/projects', { projects: [one, { id: 'x' }] }],
    ['the domain of a project is missing', 'GET /v3/domains', { domains: [] }],
    ['no project at all', 'GET /v3/projects', { projects: [] }],
    ['no role assignment at all', 'GET /v3/role_assignments', { role_assignments: [] }],
    [
      'one assignment has no role',
      'GET /v3/role_assignments',
      { role_assignments: [{ scope: { project: one } }] },
    ],
    ['a next page that is no address', 'GET /v3/projects', { projects: [one], links: { next: 7 } }],
  ] as const) {
    keystone.fail(answer(body), { operation })
    await t.rejects(read(), { code: 'KEYSTONE_BAD_ANSWER' }, why)
  }
  keystone.fail({ kind: 'truncated' }, { operation: 'GET /v3/role_assignments' })
  await t.rejects(read(), { code: 'KEYSTONE_BAD_ANSWER' }, 'the body ends too early')
  keystone.fail({ kind: 'answer', status: 503, body: '' }, { operation: 'GET /v3/domains' })
  await t.rejects(read(), { code: 'KEYSTONE_SERVER_ERROR' })
  keystone.fail(undefined)
  t.equal((await read()).projects.length, 1)
})

t.test('a list of several pages is read to its end', async (t) => {
  const { keystone, project, read } = await small(t)
  const next = 'https://inside.example:5000/v3/projects?marker=abc'
  const body = JSON.stringify({
    projects: [{ id: 'x', name: 'x', domain_id: 'default', enabled: true }],
    links: { next },
  })
  keystone.fail({ kind: 'answer', status: 200, body }, { operation: 'GET /v3/projects', times: 1 })
  t.same(new Set((await read()).projects.map(({ id }) => id)), new Set(['x', project.id]))
})

t.test('a user whom the identity backend no longer knows has no role', async (t) => {
  const { keystone, project, read } = await small(t)
  keystone.model.grant('f'.repeat(32), project.id, 'member')
  t.notOk((await read()).assignments.some(({ user }) => user.id === 'f'.repeat(32)))
})

t.test('the projects of a disabled domain count as disabled', async (t) => {
  const { keystone, read } = await small(t)
  const domain = keystone.model.addDomain('closed')
  const project = keystone.model.addProject('p', domain.id)
  domain.enabled = false
  t.equal((await read()).projects.find(({ id }) => id === project.id)?.enabled, false)
})
