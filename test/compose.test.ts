import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { join } from 'node:path'
import t from 'tap'
import type { OpenStackSettings } from '../src/config/openstack-credentials.ts'
import { issue, makeAuthority } from './support/certificates.ts'
import { left } from './support/http-client-cases.ts'
import { settled } from './support/scripted-keystone.ts'
import { serveHere, startStubKeystone } from './support/serve-world.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { fernetLike, jwtLike } from './support/tokens.ts'
import { until } from './support/until.ts'
import { askOn, JSON_TYPE, tokenReview } from './support/wire.ts'

const NO = { authenticated: false }
const HOUR = 3_600_000

t.test(
  'webhooks and health listen at their own addresses, and clients of the own certificate need one themselves',
  async (t) => {
    const keystone = await startStubKeystone(t)
    const clients = await makeAuthority('clients')
    const stateDir = temporaryFolder(t)
    const clientCa = join(stateDir, 'clients.crt')
    writeFileSync(clientCa, clients.cert)
    const flags = ['--listen', '127.0.0.2:0', '--admin-listen', '127.0.0.3:0', '--client-ca-file', clientCa]
    const { post, admin } = await serveHere(t, keystone, flags, { stateDir })
    t.match(await admin('/readyz'), { status: 200, text: 'ok' })
    await t.rejects(post('/webhook', tokenReview('x')), 'no certificate')
    await t.rejects(post('/webhook', tokenReview('x'), await issue(await makeAuthority('others'), 'x')))
    t.match(await post('/webhook', tokenReview('x'), await issue(clients, 'kube-apiserver')), {
      status: 200,
    })
  },
)

t.test('each path takes its kinds of review', async (t) => {
  const { post } = await serveHere(t, await startStubKeystone(t), [])
  const spec = { user: 'alice', resourceAttributes: { verb: 'get', resource: 'pods' } }
  const accessReview = JSON.stringify({
    kind: 'SubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    spec,
  })
  for (const [path, token, access] of [
    ['/webhook', 200, 200],
    ['/authenticate', 200, 400],
    ['/authorize', 400, 200],
  ] as const) {
    t.equal((await post(path, tokenReview('x'))).status, token, path)
    t.equal((await post(path, accessReview)).status, access, path)
  }
})

t.test(
  'tokens, refusals and groups are kept for their own times, and room is made by the size',
  async (t) => {
    const keystone = await startStubKeystone(t)
    const { clock, review, admin } = await serveHere(t, keystone, [
      ...['--token-cache-ttl', '60s', '--token-cache-negative-ttl', '5s', '--groups-cache-ttl', '100s'],
      ...['--token-cache-size', '2', '--user-agent', 'one', '--user-agent', 'two'],
    ])
    const [alice, nobody] = [keystone.issue('alice'), fernetLike(Date.now())]
    const counts = async () => {
      t.match(await review(alice), { authenticated: true, user: { uid: 'u-alice' } })
      t.same(await review(nobody), NO)
      return [keystone.count('validate'), keystone.count('groups')]
    }
    t.same(await counts(), [2, 1])
    await clock.advance(4999)
    t.same(await counts(), [2, 1])
    await clock.advance(2)
    t.same(await counts(), [3, 1], 'the refusal has ended')
    await clock.advance(55_000)
    t.same(await counts(), [5, 1], 'the token has ended, the groups have not')
    await clock.advance(60_000)
    t.same(await counts(), [7, 2], 'the groups have ended')
    t.equal(keystone.asked[0]?.userAgent, 'one two portcullis/9.9.9')
    for (const name of ['bob', 'carol']) await review(keystone.issue(name))
    t.match((await admin('/metrics')).text, /^portcullis_token_cache_evictions_total 1$/m)
  },
)

t.test('Keystone is waited for, and Fernet tokens are asked about, as long as the flags say', async (t) => {
  const keystone = await startStubKeystone(t)
  const flags = ['--keystone-timeout', '2500ms', '--max-token-age', '2h']
  const { clock, review } = await serveHere(t, keystone, flags)
  t.same(await review(fernetLike(clock.now() - 2 * HOUR - 1000)), NO)
  t.equal(keystone.asked.length, 0, 'too old')
  t.same(await review(fernetLike(clock.now() - 2 * HOUR + 60_000)), NO)
  t.equal(keystone.asked.length, 1)
  keystone.control.odd = () => new Promise(() => {})
  let answered: unknown
  const late = review(fernetLike(clock.now())).then((result) => {
    answered = result
  })
  await until('the question to reach Keystone', () => keystone.asked.length === 2, 5000)
  await clock.advance(2499)
  t.equal((await review('x')).authenticated, false)
  t.equal(answered, undefined)
  await clock.advance(1)
  await late
  t.match(answered, { error: 'Keystone did not answer in time' })
})

t.test('so many calls to Keystone run at once as the flag says, and the others wait', async (t) => {
  const keystone = await startStubKeystone(t)
  const { wire, clock } = await serveHere(t, keystone, ['--keystone-concurrency', '20'])
  const answered = Promise.withResolvers<never>()
  keystone.control.odd = () => answered.promise
  const session = connect(wire.url, { ca: wire.ca })
  t.teardown(() => session.destroy())
  const ask = async (token: string) => {
    const body = tokenReview(token)
    const reply = await askOn(session, { method: 'POST', path: '/webhook', headers: JSON_TYPE, body })
    return JSON.parse(reply.text).status
  }
  const all = Array.from({ length: 200 }, () => ask(fernetLike(clock.now())))
  await until('Keystone to be asked', () => keystone.asked.length >= 20)
  t.same(await ask('x'), NO, 'answered when all the others were read')
  t.equal(keystone.asked.length, 20)
  answered.resolve(keystone.error(404) as never)
  t.same(await Promise.all(all), Array(200).fill(NO))
})

t.test('service credentials are read again for each log-in; those for the system are not used', async (t) => {
  const keystone = await startStubKeystone(t)
  let password = 'before'
  let scope: object = { project: { id: 'p' } }
  const openstack = () =>
    ({
      authUrl: undefined,
      caFile: undefined,
      credentials: {
        ...{ region: undefined, interface: 'public' },
        method: { kind: 'user', user: { id: 'u' }, password, scope },
      },
    }) as OpenStackSettings
  const { review } = await serveHere(t, keystone, [], { openstack })
  const authorities = () =>
    keystone.asked.filter((one) => one.what === 'validate').map((one) => one.authority)
  t.match(await review(keystone.issue('alice')), { user: { uid: 'u-alice' } })
  password = 'after'
  keystone.control.odd = ({ authority }) => (authority === 'service-1' ? keystone.error(401) : undefined)
  t.match(await review(keystone.issue('bob')), { user: { uid: 'u-bob' } })
  t.same(authorities(), ['service-1', 'service-1', 'service-2'])
  const logins = keystone.asked.filter((one) => one.what === 'login').map(({ body }) => body)
  t.match(logins, [/"before"/, /"after"/])
  scope = { system: { all: true } }
  const ofSystem = await serveHere(t, keystone, [], { openstack })
  const token = keystone.issue('carol')
  t.match(await ofSystem.review(token), { user: { uid: 'u-carol' } })
  t.equal(authorities().at(-1), token)
  t.match(ofSystem.lines, [{ msg: /whole system/ }])
})

t.test('Keystone is trusted by the flag’s authorities, or else by those of the cloud', async (t) => {
  const [right, wrong] = [await makeAuthority('right'), await makeAuthority('wrong')]
  const keystone = await startStubKeystone(t, await issue(right, 'keystone'))
  const dir = t.testdir({ right: right.cert, wrong: wrong.cert })
  const cloud = (ca: string) => () => ({
    caFile: join(dir, ca),
    credentials: { method: { scope: { system: {} } } },
  })
  for (const [flag, ofCloud, uid] of [
    ['right', 'wrong', 'u-alice'],
    ['wrong', 'right', undefined],
    [undefined, 'right', 'u-alice'],
  ] as const) {
    const flags = flag === undefined ? [] : ['--keystone-ca-file', join(dir, flag)]
    const openstack = cloud(ofCloud) as unknown as () => OpenStackSettings
    const { clock, review } = await serveHere(t, keystone, flags, { openstack })
    const { user } = await clock.skipPauses(50, review(keystone.issue('alice')))
    t.equal(user?.uid, uid, `${flag}, ${ofCloud}`)
  }
})

t.test('a JWS token that none of the given keys signed costs no call', async (t) => {
  const keystone = await startStubKeystone(t)
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const dir = t.testdir({ 'a.pem': publicKey.export({ type: 'spki', format: 'pem' }) })
  const { clock, review } = await serveHere(t, keystone, ['--keystone-jws-keys-dir', dir])
  const claims = { sub: 'u-alice', exp: clock.now() / 1000 + 60, openstack_methods: ['password'] }
  t.same(await review(jwtLike({ alg: 'ES256', typ: 'JWT' }, claims)), NO)
  t.equal(keystone.asked.length, 0)
})

t.test(
  'groups named system:... are given by a mapping of the file alone, and where the flag allows it',
  async (t) => {
    const keystone = await startStubKeystone(t)
    const mapping = '{keystone-role: member, groups: ["system:masters", "system:monitoring"]}'
    const dir = t.testdir({ 'sync.yaml': `role-mappings: [${mapping}]` })
    const flags = [
      '--sync-config-file',
      join(dir, 'sync.yaml'),
      '--allowed-system-groups',
      'system:monitoring',
    ]
    const { review } = await serveHere(t, keystone, flags)
    const groups = (await review(keystone.issue('alice'))).user?.groups ?? []
    t.same(
      groups.filter((name) => name.startsWith('system:')),
      ['system:monitoring'],
    )
  },
)

t.test(
  'a server that stops serves through the delay, then leaves no timer and no connection, and listens no more',
  async (t) => {
    const keystone = await startStubKeystone(t)
    const dir = t.testdir({ 'a.csv': '', 'b.csv': '', 'sync.yaml': '' })
    const file = (name: string) => join(dir, name)
    const server = await serveHere(t, keystone, [
      ...['--policy-file', file('a.csv'), '--shadow-policy', file('b.csv')],
      ...['--sync-config-file', file('sync.yaml'), '--shutdown-delay', '2s'],
    ])
    const { clock, admin, post } = server
    await server.review(keystone.issue('alice'))
    const names = async (path: string) =>
      [...(await admin(`${path}?verbose`)).text.matchAll(/^\[.\](\S+)/gm)].map(([, name]) => name)
    const watched = [
      'serving-certificate',
      'policy',
      'shadow-policy',
      'sync-config',
      'login-sync',
      'reconcile',
    ]
    t.same(await names('/healthz'), ['ping', 'shutdown', ...watched])
    let stopped = false
    const stopping = server.stop().then(() => {
      stopped = true
    })
    await settled()
    await clock.advance(1999)
    t.equal((await post('/webhook', tokenReview('x'))).status, 200)
    const states = ['/readyz', '/livez', '/healthz'].map(async (path) => (await admin(path)).status)
    t.same(await Promise.all(states), [500, 200, 200])
    t.equal(stopped, false)
    await clock.advance(1)
    await stopping
    t.equal(clock.pendingTimers, 0)
    t.equal(await left(keystone.server.open), 0)
    await t.rejects(post('/webhook', tokenReview('x')), { code: 'ECONNREFUSED' })
    await t.rejects(admin('/livez'), { code: 'ECONNREFUSED' })
  },
)
