import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { loginBody, type OpenStackCredentials } from '../../src/keystone/credentials.ts'
import { createSession } from '../../src/keystone/session.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { record } from '../support/record.ts'
import { held, type Scripted, scriptKeystone, settled, tokenBody } from '../support/scripted-keystone.ts'

const LIFE = 100_000
const DOWN = new PortcullisError('HTTP_UNREACHABLE', 'down')
const { signal } = new AbortController()
const method = (password: string) =>
  ({ kind: 'user', user: { id: 'u' }, password, scope: { project: { id: 'p' } } }) as const

/** A Keystone whose log-ins give `token-1`, `token-2`, ... that live for LIFE, and a session there. */
function world(odd: (index: number) => Scripted | Promise<Scripted> | undefined = () => undefined) {
  const clock = createManualClock()
  const settings = { password: 'pw-1', region: undefined as string | undefined, interface: 'public' as const }
  let catalog: unknown = []
  const { call, calls } = scriptKeystone(
    (_, index) =>
      odd(index) ?? {
        status: 201,
        headers: { 'x-subject-token': `token-${index + 1}` },
        body: tokenBody({ catalog, expires_at: new Date(clock.now() + LIFE).toISOString() }),
      },
  )
  const credentials = (): OpenStackCredentials => ({ ...settings, method: method(settings.password) })
  const session = createSession({ call, endpoint: async () => 'http://h/v3', credentials, clock })
  return {
    ...{ clock, calls, settings, session },
    offer: (services: unknown) => {
      catalog = services
    },
  }
}

t.test('one log-in serves all who ask, together and later', async (t) => {
  const { session, calls } = world()
  t.strictSame(await Promise.all([session.token(signal), session.token(signal)]), ['token-1', 'token-1'])
  t.equal(await session.token(signal), 'token-1')
  t.equal(calls.length, 1)
  t.strictSame(
    { ...calls[0], signal: undefined },
    {
      operation: 'login',
      method: 'POST',
      url: 'http://h/v3/auth/tokens',
      body: loginBody(method('pw-1')),
      signal: undefined,
      retry: false,
      ahead: true,
    },
  )
})

t.test('after four fifths of its life a token is replaced ahead, and serves until then', async (t) => {
  const next = held<Scripted>()
  const { session, calls, clock } = world((index) => (index === 1 ? next.promise : undefined))
  await session.token(signal)
  await clock.advance(LIFE * 0.8 - 1)
  t.equal(await session.token(signal), 'token-1')
  t.equal(calls.length, 1, 'not before')
  await clock.advance(1)
  t.equal(await session.token(signal), 'token-1', 'nobody waits')
  t.equal(await session.token(signal), 'token-1')
  t.equal(calls.length, 2, 'one log-in at a time')
  next.resolve({
    status: 201,
    headers: { 'x-subject-token': 'next' },
    body: tokenBody({ expires_at: new Date(clock.now() + LIFE).toISOString() }),
  })
  await settled()
  t.equal(await session.token(signal), 'next')
  await clock.advance(LIFE * 0.8 - 1)
  t.equal(await session.token(signal), 'next')
  t.equal(calls.length, 2)
})

t.test('a token ends at the time that Keystone says, by the wall clock', async (t) => {
  const { session, calls, clock } = world()
  await session.token(signal)
  clock.setWallBy(LIFE)
  t.equal(await session.token(signal), 'token-2', 'waits for the next one')
  t.equal(calls.length, 2)
  clock.setWallBy(LIFE * 0.9)
  t.equal(await session.token(signal), 'token-2')
  t.equal(calls.length, 3, 'four fifths are over')
})

t.test(
  'a renewal ahead that fails is tried again by the next call, and matters only at the end',
  async (t) => {
    const { session, calls, clock } = world((index) => (index === 0 || index === 4 ? undefined : DOWN))
    await session.token(signal)
    await clock.advance(LIFE * 0.9)
    for (const so of [2, 3]) {
      t.equal(await session.token(signal), 'token-1')
      await settled()
      t.equal(calls.length, so)
    }
    await clock.advance(LIFE * 0.1)
    await t.rejects(session.token(signal), { code: 'HTTP_UNREACHABLE' })
    t.equal(await session.token(signal), 'token-5')
  },
)

t.test('a failed log-in is not remembered; the next call logs in again', async (t) => {
  const { session, calls } = world((index) => (index === 0 ? DOWN : undefined))
  const both = await Promise.allSettled([session.token(signal), session.token(signal)])
  t.match(both, [{ reason: { code: 'HTTP_UNREACHABLE' } }, { reason: { code: 'HTTP_UNREACHABLE' } }])
  t.equal(await session.token(signal), 'token-2')
  t.equal(calls.length, 2)
})

t.test('refused credentials are an error of their own that tells the status', async (t) => {
  for (const status of [400, 401, 403, 404]) {
    const { session } = world(() => ({ status, body: { error: { code: status } } }))
    await t.rejects(session.token(signal), {
      code: 'KEYSTONE_REFUSED_US',
      message: new RegExp(`\\(${status}\\).*credentials`),
    })
  }
})

t.test('a refused token is replaced once for all who were refused', async (t) => {
  const { session, calls } = world()
  await session.token(signal)
  t.strictSame(await Promise.all(['token-1', 'token-1'].map((old) => session.renewed(old, signal))), [
    'token-2',
    'token-2',
  ])
  t.equal(calls.length, 2)
  t.equal(await session.renewed('token-1', signal), 'token-2', 'somebody did already')
  t.equal(await session.token(signal), 'token-2')
  t.equal(calls.length, 2)
  t.equal(await session.renewed('token-2', signal), 'token-3')
})

t.test('a refused token is given to nobody again, also when the next log-in fails', async (t) => {
  const { session } = world((index) => (index === 1 ? DOWN : undefined))
  await session.token(signal)
  await t.rejects(session.renewed('token-1', signal), { code: 'HTTP_UNREACHABLE' })
  t.equal(await session.token(signal), 'token-3')
})

t.test('credentials are read at each log-in', async (t) => {
  const { session, calls, settings } = world()
  await session.token(signal)
  settings.password = 'pw-2'
  await session.renewed('token-1', signal)
  t.strictSame(
    calls.map(({ body }) => body),
    [loginBody(method('pw-1')), loginBody(method('pw-2'))],
  )
})

t.test('one who gives up is told so at once, and the log-in goes on for the others', async (t) => {
  const first = held<Scripted>()
  const { session, calls } = world((index) => (index === 0 ? first.promise : undefined))
  const deadline = new AbortController()
  const late = { code: 'HTTP_TIMEOUT', message: /log-in/ }
  const gone = [
    session.token,
    (s: AbortSignal) => session.renewed('x', s),
    (s: AbortSignal) => session.serviceUrl('x', s),
  ]
  const waiting = Promise.allSettled(gone.map((ask) => ask(deadline.signal)))
  const other = session.token(signal)
  deadline.abort()
  for (const outcome of await waiting) t.match(outcome, { status: 'rejected', reason: late })
  t.not(calls[0]?.signal, deadline.signal)
  t.equal(calls[0]?.signal.aborted, false)
  first.resolve({
    status: 201,
    headers: { 'x-subject-token': 'shared' },
    body: tokenBody({ expires_at: '2027-01-01T00:00:00Z' }),
  })
  t.equal(await other, 'shared')
  await t.rejects(session.token(deadline.signal), late)
  t.equal(calls.length, 1)
})

t.test('who waited leaves no listener behind, and a log-in has ten seconds', async (t) => {
  const { session } = world((index) => (index === 0 ? DOWN : undefined))
  const { signal } = new AbortController()
  const lifetimes = record(t, AbortSignal, 'timeout')
  const added = record(t, signal, 'addEventListener')
  const removed = record(t, signal, 'removeEventListener')
  await t.rejects(session.token(signal), { code: 'HTTP_UNREACHABLE' })
  await session.token(signal)
  await settled()
  t.equal(added.length, 2)
  t.strictSame(
    removed,
    added.map(([event, listener]) => [event, listener]),
  )
  t.strictSame(lifetimes, [[10_000], [10_000]])
})

/** A service of this type with these endpoints. */
const service = (type: string, ...endpoints: unknown[]) => ({ id: 's', type, name: type, endpoints })
const at = (url: unknown, more: object = {}) => ({
  interface: 'public',
  region: 'R1',
  region_id: 'R1',
  url,
  ...more,
})

t.test('a service is found by type, interface and region, without a slash at the end', async (t) => {
  const { session, settings, offer } = world()
  offer([
    ...[null, 'x', [], { type: 'key-manager' }, { type: 'key-manager', endpoints: 'x' }],
    service('identity', at('http://identity')),
    service('key-manager', null, 'x', at('http://inner', { interface: 'internal' })),
    service('key-manager', at('http://first//'), at('http://second/v1/', { region: 'R2', region_id: 'R2' })),
    service('key-manager', at('http://old', { region: 'R3', region_id: undefined })),
    service('key-manager', at('http://new', { region: undefined, region_id: 'R4' })),
  ])
  for (const [region, wanted, url] of [
    [undefined, 'public', 'http://first'],
    [undefined, 'internal', 'http://inner'],
    ['R1', 'public', 'http://first'],
    ['R2', 'public', 'http://second/v1'],
    ['R3', 'public', 'http://old'],
    ['R4', 'public', 'http://new'],
  ] as const) {
    Object.assign(settings, { region, interface: wanted })
    t.equal(await session.serviceUrl('key-manager', signal), url, `${region} ${wanted}`)
  }
  t.equal(await session.serviceUrl('identity', signal).catch(() => 'none'), 'none', 'not in R4')
})

t.test('a service that the catalogue lacks is an error that names type, interface and region', async (t) => {
  const { session, settings, offer } = world()
  offer([service('identity', at('http://identity')), service('key-manager', at(''), at('http://later'))])
  const missing = (message: RegExp) => ({ code: 'KEYSTONE_REFUSED_US', message })
  await t.rejects(session.serviceUrl('image', signal), missing(/ public endpoint of type image$/))
  await t.rejects(session.serviceUrl('key-manager', signal), missing(/type key-manager$/), 'no empty URL')
  Object.assign(settings, { region: 'R9', interface: 'admin' })
  await t.rejects(
    session.serviceUrl('identity', signal),
    missing(/ admin endpoint of type identity in region R9$/),
  )
})
