import fc from 'fast-check'
import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { listPlaces } from '../../src/keystone/places.ts'
import { type Scripted, scriptKeystone } from '../support/scripted-keystone.ts'

const { signal } = new AbortController()
const PROJECT = { id: 'p-1', name: 'shop', domain_id: 'd-red' }
const DOMAIN = { id: 'd-red', name: 'red' }

/** Keystone with these lists, or with another answer for one of them. */
function world(lists: { projects?: unknown; domains?: unknown; system?: unknown }, odd?: [string, Scripted]) {
  const { call, calls } = scriptKeystone(({ url }) => {
    const kind = url.slice('http://h/v3/auth/'.length) as 'projects' | 'domains' | 'system'
    return odd?.[0] === kind ? odd[1] : { body: { [kind]: lists[kind] ?? [], links: {} } }
  })
  return { calls, list: () => listPlaces({ call, url: 'http://h/v3', token: 'tok', signal }) }
}

t.test('projects, domains and the system are asked for with the token, in this order', async (t) => {
  const { calls, list } = world({})
  t.strictSame(await list(), [])
  const headers = { 'x-auth-token': 'tok', 'openstack-identity-access-rules': '1.0' }
  t.strictSame(
    calls,
    ['projects', 'domains', 'system'].map((kind) => ({
      operation: 'places',
      url: `http://h/v3/auth/${kind}`,
      headers,
      signal,
      retry: true,
    })),
  )
  t.ok(calls.every((call) => call.signal === signal))
})

t.test('places are listed by kind, then by name, each with its own ids', async (t) => {
  const { list } = world({
    projects: [
      { ...PROJECT, enabled: true, description: 'x' },
      { id: 'p-2', name: 'bank', domain_id: 'd-blue', enabled: false },
      { id: 'p-3', name: 'atm', domain_id: 'd-red', enabled: 'yes' },
    ],
    domains: [
      { ...DOMAIN, enabled: false },
      { id: 'd-blue', name: 'blue', domain_id: 'x' },
    ],
    system: [{ all: true }],
  })
  t.strictSame(await list(), [
    { kind: 'project', id: 'p-3', name: 'atm', domainId: 'd-red', enabled: true },
    { kind: 'project', id: 'p-2', name: 'bank', domainId: 'd-blue', enabled: false },
    { kind: 'project', id: 'p-1', name: 'shop', domainId: 'd-red', enabled: true },
    { kind: 'domain', id: 'd-blue', name: 'blue', enabled: true },
    { kind: 'domain', id: 'd-red', name: 'red', enabled: false },
    { kind: 'system' },
  ])
})

t.test('a token that Keystone does not take, for whichever list, has no places to tell', async (t) => {
  for (const kind of ['projects', 'domains', 'system'])
    for (const status of [401, 404]) {
      const { list, calls } = world({ projects: [PROJECT] }, [kind, { status, body: { [kind]: [] } }])
      t.equal(await list(), undefined, `${kind} ${status}`)
      t.equal(calls.length, ['projects', 'domains', 'system'].indexOf(kind) + 1)
    }
})

t.test('what is not a whole list is an error that names which, never a shorter list', async (t) => {
  const noText = [undefined, null, '', 7]
  const items = [
    null,
    'x',
    7,
    [],
    ...noText.flatMap((v) => [
      { ...PROJECT, id: v },
      { ...PROJECT, name: v },
    ]),
  ]
  const rows: [string, Scripted][] = [
    ...['projects', 'domains', 'system'].flatMap((kind): [string, Scripted][] => [
      ...[403, 400, 201, 204, 300].map((status): [string, Scripted] => [
        kind,
        { status, body: { [kind]: [] } },
      ]),
      ...[undefined, null, [], {}, { places: [] }, { [kind]: {} }, { [kind]: 'x' }, { [kind]: null }].map(
        (body): [string, Scripted] => [kind, { body }],
      ),
    ]),
    ...['projects', 'domains'].flatMap((kind) =>
      items.flatMap((item): [string, Scripted][] => [
        [kind, { body: { [kind]: [item] } }],
        [kind, { body: { [kind]: [PROJECT, item] } }],
      ]),
    ),
    ...noText.map((v): [string, Scripted] => [
      'projects',
      { body: { projects: [{ ...PROJECT, domain_id: v }] } },
    ]),
  ]
  for (const odd of rows)
    await t.rejects(
      world({}, odd).list(),
      { code: 'KEYSTONE_BAD_ANSWER', message: new RegExp(`list of ${odd[0].replace(/s$/, '')}`) },
      JSON.stringify(odd),
    )
  const down = new PortcullisError('HTTP_TIMEOUT', 'late')
  for (const kind of ['projects', 'domains', 'system'])
    await t.rejects(world({}, [kind, down]).list(), { code: 'HTTP_TIMEOUT' })
})

t.test('whatever the order of the answer, places come in order of their names', async (t) => {
  const names = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9é]{1,4}$/), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(names, async (given) => {
      const { list } = world({ domains: given.map((name) => ({ id: `id-${name}`, name })) })
      const places = (await list()) ?? []
      t.strictSame(
        places.map((place) => place.kind === 'domain' && [place.id, place.name]),
        [...given].sort().map((name) => [`id-${name}`, name]),
      )
    }),
    { numRuns: 50 },
  )
})
