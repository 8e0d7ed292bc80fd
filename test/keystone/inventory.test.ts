import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import {
  assignment,
  domain,
  type Item,
  NAMES,
  type Name,
  project,
  signal,
  WHOLE,
  inventoryWorld as world,
} from '../support/inventory-world.ts'

const RED = { id: 'd-red', name: 'red' }
const BLUE = { id: 'd-blue', name: 'blue' }

t.test('projects come with their own domains, roles with the domains of their users', async (t) => {
  const { read, calls } = world()
  t.strictSame(await read(), {
    projects: [
      { id: 'p-1', name: 'name-p-1', domain: RED, enabled: true },
      { id: 'p-2', name: 'name-p-2', domain: BLUE, enabled: true },
    ],
    assignments: [
      { project: 'p-1', user: { id: 'u-alice', name: 'alice', domain: RED }, role: 'member' },
      { project: 'p-2', user: { id: 'u-bob', name: 'bob', domain: BLUE }, role: 'reader' },
    ],
  })
  const common = { operation: 'list', headers: { 'x-auth-token': 'own-1' }, signal, retry: true }
  t.strictSame(
    calls,
    ['domains', 'projects', 'role_assignments?effective&include_names'].map((path) => ({
      ...common,
      url: `http://h/v3/${path}`,
    })),
  )
  t.ok(calls.every((call) => call.signal === signal))
})

t.test('a project counts as disabled when it is, or its domain is', async (t) => {
  for (const [domainOn, projectOn] of [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ]) {
    const { read } = world({
      domains: [domain('red', domainOn), domain('blue')],
      projects: [project('p-1', 'd-red', { enabled: projectOn }), project('p-2', 'd-blue')],
    })
    const { projects } = await read()
    t.strictSame(
      projects.map(({ enabled }) => enabled),
      [domainOn && projectOn, true],
    )
  }
})

t.test(
  'domains in the list of projects are none, and roles elsewhere or of vanished users are left out',
  async (t) => {
    const [kept] = WHOLE.role_assignments
    const { read } = world({
      projects: [{ id: 'd-red', name: 'red', is_domain: true }, project('p-1', 'd-red')],
      role_assignments: [
        { scope: { domain: { id: 'd-red' } }, user: {}, role: {} },
        { scope: { system: { all: true } } },
        { ...assignment('p-1', 'x', 'admin'), user: { id: 'u-x', name: '', domain: { id: '', name: '' } } },
        { ...assignment('p-1', 'y', 'admin'), user: { id: 'u-y', name: '' } },
        kept,
      ],
    })
    const { projects, assignments } = await read()
    t.strictSame(
      projects.map(({ id }) => id),
      ['p-1'],
    )
    t.strictSame(assignments, [
      { project: 'p-1', user: { id: 'u-alice', name: 'alice', domain: RED }, role: 'member' },
    ])
  },
)

t.test('each list is read to its last page, from the host that was given', async (t) => {
  const next = { '': '?marker=2&limit=1', '?effective&include_names': '?marker=2&effective' } as Record<
    string,
    string
  >
  for (const host of ['https://inside:5000/v3/x', '/v3/x', '']) {
    const { read, calls } = world({}, (name, _token, query) => {
      const all = WHOLE[name as Name]
      const more = next[query]
      return more === undefined
        ? { body: { [name]: all.slice(1), links: { next: null } } }
        : { body: { [name]: all.slice(0, 1), links: { next: `${host}${more}` } } }
    })
    const { projects, assignments } = await read()
    t.strictSame([projects.length, assignments.length], [2, 2], host)
    t.strictSame(calls.map(({ url }) => url).sort(), [
      'http://h/v3/domains',
      'http://h/v3/domains?marker=2&limit=1',
      'http://h/v3/projects',
      'http://h/v3/projects?marker=2&limit=1',
      'http://h/v3/role_assignments?effective&include_names',
      'http://h/v3/role_assignments?marker=2&effective',
    ])
  }
})

t.test('a list that is not whole is an error that names it, never a shorter list', async (t) => {
  const bodies = (name: Name): unknown[] => [
    ...[undefined, null, [], {}, { [name]: null }, { [name]: {} }, { [name]: 'x' }],
    { [name]: WHOLE[name], truncated: true },
    ...[null, 'x', 7, []].map((item) => ({ [name]: [...WHOLE[name], item] })),
    ...['', 7, {}, false, 'http://'].map((next) => ({ [name]: WHOLE[name], links: { next } })),
  ]
  for (const name of NAMES)
    for (const body of bodies(name))
      for (const lastPage of [false, true]) {
        const { read } = world({}, (asked, _token, query) => {
          if (asked !== name) return undefined
          const first = lastPage && !query.includes('marker')
          return { body: first ? { [name]: WHOLE[name], links: { next: '?marker=1' } } : body }
        })
        const message = new RegExp(`list of ${name.replace('_', ' ')} `)
        const label = `${lastPage ? 'page 2' : 'page 1'} of ${name}: ${JSON.stringify(body)}`
        await t.rejects(read(), { code: 'KEYSTONE_BAD_ANSWER', message }, label)
      }
})

t.test('an item that lacks what decides is an error that names its list', async (t) => {
  const noText = [undefined, null, '', 7, {}]
  const [p] = WHOLE.projects as [Item]
  const [a] = WHOLE.role_assignments as [Item & { user: Item }]
  const { user } = a
  const bad: [Name, Item][] = [
    ...noText.flatMap((v): [Name, Item][] => [
      ['domains', { ...domain('red'), id: v }],
      ['domains', { ...domain('red'), name: v }],
      ['projects', { ...p, id: v }],
      ['projects', { ...p, name: v }],
      ['projects', { ...p, domain_id: v }],
      ['role_assignments', { ...a, scope: { project: { id: v } } }],
      ['role_assignments', { ...a, user: { ...user, id: v } }],
      ['role_assignments', { ...a, user: { ...user, domain: { ...RED, id: v } } }],
      ['role_assignments', { ...a, user: { ...user, domain: { ...RED, name: v } } }],
      ['role_assignments', { ...a, role: { name: v } }],
    ]),
    ...[undefined, null, 7, {}].map((v): [Name, Item] => [
      'role_assignments',
      { ...a, user: { ...user, name: v } },
    ]),
    ...[undefined, null, 'true', 1].flatMap((v): [Name, Item][] => [
      ['domains', { ...domain('red'), enabled: v }],
      ['projects', { ...p, enabled: v }],
    ]),
    ...[null, 'x', 7, []].flatMap((v): [Name, Item][] => [
      ['role_assignments', { ...a, scope: v }],
      ['role_assignments', { ...a, scope: { project: v } }],
      ['role_assignments', { ...a, user: v }],
      ['role_assignments', { ...a, user: { ...user, domain: v } }],
      ['role_assignments', { ...a, role: v }],
    ]),
    ['projects', { ...p, is_domain: 'true', enabled: undefined }],
    ['role_assignments', { ...a, scope: undefined }],
  ]
  for (const [name, item] of bad)
    await t.rejects(
      world({ [name]: [...WHOLE[name], item] }).read(),
      { code: 'KEYSTONE_BAD_ANSWER', message: new RegExp(`list of ${name.replace('_', ' ')} `) },
      JSON.stringify([name, item]),
    )
  await t.rejects(
    world({ domains: [domain('red')] }).read(),
    { code: 'KEYSTONE_BAD_ANSWER', message: /list of domains/ },
    'a project whose domain is not listed',
  )
})

t.test('no projects or no roles at all means that the credentials do not see them', async (t) => {
  const hidden = { code: 'KEYSTONE_BAD_ANSWER', message: /credentials/ }
  await t.rejects(world({ projects: [] }).read(), hidden)
  await t.rejects(world({ role_assignments: [] }).read(), hidden)
  await t.rejects(world({ projects: [{ is_domain: true }] }).read(), hidden)
  await t.rejects(world({ role_assignments: [{ scope: { system: {} } }] }).read(), hidden)
})

t.test('a service token that Keystone no longer takes is replaced once, whatever is asked', async (t) => {
  const refusal = (token: string) => (token === 'own-1' ? { status: 401 } : undefined)
  const { read, renewals } = world({}, (_name, token) => refusal(token))
  t.equal((await read()).projects.length, 2)
  t.strictSame(
    renewals,
    NAMES.map(() => ['own-1', signal]),
  )
  const { knows, calls } = world({}, (_name, token) => refusal(token) ?? { status: 404 })
  t.equal(await knows('p-1'), false)
  t.strictSame(
    calls.map(({ headers }) => headers?.['x-auth-token']),
    ['own-1', 'own-2'],
  )
})

t.test('a refusal or a fault of one list fails the whole, and says what is needed', async (t) => {
  for (const name of NAMES) {
    for (const status of [401, 403, 404, 204, 300]) {
      const { read } = world({}, (asked) =>
        asked === name ? { status, body: { [name]: WHOLE[name] } } : undefined,
      )
      const message = new RegExp(`list its ${name.replace('_', ' ')} .*\\(${status}\\).*role admin`)
      await t.rejects(read(), { code: 'KEYSTONE_REFUSED_US', message })
    }
    const down = new PortcullisError('HTTP_TIMEOUT', 'late')
    await t.rejects(world({}, (asked) => (asked === name ? down : undefined)).read(), {
      code: 'HTTP_TIMEOUT',
    })
  }
})

t.test('a project is known or unknown only when Keystone says so clearly', async (t) => {
  t.equal(await world({}, () => ({ status: 200 })).knows('p-1'), true)
  t.equal(await world({}, () => ({ status: 404 })).knows('p-1'), false)
  for (const status of [201, 204, 300, 400, 401, 403, 410])
    await t.rejects(world({}, () => ({ status })).knows('p-1'), {
      code: 'KEYSTONE_REFUSED_US',
      message: new RegExp(`show a project .*\\(${status}\\)`),
    })
  const down = new PortcullisError('KEYSTONE_SERVER_ERROR', 'broken')
  await t.rejects(world({}, () => down).knows('p-1'), { code: 'KEYSTONE_SERVER_ERROR' })
  const { knows, calls } = world({}, () => ({ status: 404 }))
  await knows('../users?x')
  t.equal(calls[0]?.url, 'http://h/v3/projects/..%2Fusers%3Fx')
  t.equal(calls[0]?.signal, signal)
})
