import t from 'tap'
import { compatibleIdentity } from '../../src/authn/identity.ts'
import { PortcullisError } from '../../src/errors.ts'
import type { KeystoneToken } from '../../src/keystone/token-body.ts'
import { authenticatorWorld, DEADLINE_MS, mapping, userOf } from '../support/authenticator-world.ts'
import { ACME, BETA, SCOPES, tokenOf } from '../support/keystone-tokens.ts'
import { settled } from '../support/scripted-keystone.ts'
import { fernetLike } from '../support/tokens.ts'
import { USERS } from '../support/two-domains.ts'

const { acmeAlice, acmeBob, betaAlice } = USERS
const refused = (refusal: string) => ({ kind: 'refused', refusal })
const failed = (failure: string) => ({ kind: 'failed', failure })

t.test('each token is answered with its own user, groups and expiry', async (t) => {
  const world = authenticatorWorld()
  const alice = world.fernet(tokenOf())
  const other = world.fernet(tokenOf({ user: betaAlice, scope: SCOPES.betaWeb, roles: [], expiresAt: 2e12 }))
  world.groupsOf(acmeAlice.id, { name: 'ops', domainId: ACME.id }, { name: 'ops', domainId: BETA.id })
  world.groupsOf(betaAlice.id, { name: 'dev', domainId: BETA.id })
  const verdicts = await Promise.all([alice, other].map(world.authenticator.authenticate))
  t.same(
    verdicts.map((verdict) => [userOf(verdict).username, userOf(verdict).uid, userOf(verdict).groups]),
    [
      [
        'keystone:user:d-acme/alice',
        acmeAlice.id,
        [
          'keystone:group:d-acme/ops',
          'keystone:group:d-beta/ops',
          'keystone:project:d-acme/web',
          'keystone:project-id:p-acme-web',
          'keystone:role:d-acme/web/member',
          'keystone:role:d-acme/web/reader',
        ],
      ],
      [
        'keystone:user:d-beta/alice',
        betaAlice.id,
        ['keystone:group:d-beta/dev', 'keystone:project:d-beta/web', 'keystone:project-id:p-beta-web'],
      ],
    ],
  )
  t.match(verdicts, [{ expiresAt: tokenOf().expiresAt }, { expiresAt: 2e12 }])
})

t.test('a misshapen or expired token is refused at once, without a look-up or a call', async (t) => {
  const world = authenticatorWorld()
  const { authenticate } = world.authenticator
  const age = (hours: number) => fernetLike(world.clock.now() - hours * 3_600_000)
  t.same(authenticate('x'), refused('misshapen'))
  t.same(authenticate(age(25)), refused('expired'))
  t.same([world.asked, world.looked], [[], []])
  t.same(await authenticate(age(23)), refused('unknown_to_keystone'))
})

t.test('a known token is answered at once, without a promise and without a call', async (t) => {
  const world = authenticatorWorld()
  const { authenticate } = world.authenticator
  const [valid, unknown] = [world.fernet(tokenOf()), world.fernet()]
  const first = [await authenticate(valid), await authenticate(unknown)]
  t.same(first[1], refused('unknown_to_keystone'))
  t.same([authenticate(valid), authenticate(unknown)], first)
  t.equal(world.asked.length, 3)
  t.same(world.looked, ['miss', 'miss', 'hit', 'negative_hit'])
  t.same(world.sizes(), { entries: 1, negativeEntries: 1, inFlight: 0 })
})

t.test('reviews of one token share one flight, other tokens have their own', async (t) => {
  const world = authenticatorWorld()
  const answer = Promise.withResolvers<undefined>()
  world.answers.validate = () => answer.promise
  const [one, two] = [world.fernet(), world.fernet()]
  const reviews = [one, one, two, one].map(world.authenticator.authenticate)
  t.same(world.looked, ['miss', 'joined', 'miss', 'joined'])
  t.same(
    world.asked,
    [one, two].map((token) => ({ what: 'validate', token })),
  )
  t.same(world.sizes(), { entries: 0, negativeEntries: 0, inFlight: 2 })
  answer.resolve(undefined)
  t.same(await Promise.all(reviews), Array(4).fill(refused('unknown_to_keystone')))
  t.same(world.sizes(), { entries: 0, negativeEntries: 2, inFlight: 0 })
})

t.test('a failure is named, logged and not kept: the next review asks again', async (t) => {
  const faults: [unknown, string][] = [
    [new PortcullisError('HTTP_UNREACHABLE', 'nothing there'), 'unreachable'],
    [new PortcullisError('KEYSTONE_SERVER_ERROR', 'answered 500'), 'server_error'],
    [new PortcullisError('KEYSTONE_REFUSED_US', 'answered 403'), 'refused_us'],
    [Object.assign(new Error('odd'), { code: 'HTTP_UNREACHABLE' }), 'internal'],
    ['a string', 'internal'],
  ]
  for (const place of ['validate', 'groups'] as const)
    for (const [fault, failure] of faults) {
      const world = authenticatorWorld()
      const token = world.fernet(tokenOf())
      const answer = world.answers[place]
      world.answers[place] = () => Promise.reject<never>(fault)
      t.same(await world.authenticator.authenticate(token), failed(failure), place)
      t.match(world.lines, [{ level: 'warn', failure, err: (fault as Error).message ?? fault, msg: /token/ }])
      t.equal(world.lines.length, 1)
      t.same(world.sizes(), { entries: 0, negativeEntries: 0, inFlight: 0 })
      t.equal(world.clock.pendingTimers, 0)
      world.answers[place] = answer as never
      t.match(await world.authenticator.authenticate(token), { kind: 'authenticated' })
      t.same(world.looked, ['miss', 'miss'])
    }
})

t.test('a Fernet token waits for its validation before the groups of its user are asked for', async (t) => {
  const world = authenticatorWorld()
  const answer = Promise.withResolvers<ReturnType<typeof tokenOf>>()
  world.answers.validate = () => answer.promise
  const token = world.fernet()
  const review = world.authenticator.authenticate(token)
  await settled()
  t.same(world.asked, [{ what: 'validate', token }], 'no key is tried on it')
  answer.resolve(tokenOf({ user: acmeBob }))
  await review
  t.same(world.asked.slice(1), [{ what: 'groups', userId: acmeBob.id, token, ahead: true }])
})

t.test(
  'reserved groups come from no group of Keystone, and from a mapping only where that is allowed',
  async (t) => {
    const world = authenticatorWorld({
      identity: compatibleIdentity,
      systemGroups: ['system:masters', 'system:monitoring'],
    })
    world.authenticator.useRoleMappings([mapping({ groups: ['view', 'system:monitoring', 'system:nodes'] })])
    const names = ['system:masters', 'ops', 'system:monitoring']
    world.groupsOf(acmeAlice.id, ...names.map((name) => ({ name, domainId: ACME.id })))
    const groups = async (roles: string[]) =>
      userOf(await world.authenticator.authenticate(world.fernet(tokenOf({ roles })))).groups
    t.same(await groups(['member']), ['ops', 'p-acme-web', 'view', 'system:monitoring'])
    t.equal(world.counted.dropped, 3)
    t.match(world.lines, Array(3).fill({ level: 'debug', msg: /group/ }))
    t.same(await groups(['reader']), ['ops', 'p-acme-web'], 'a mapping of another role gives nothing')
    t.equal(world.counted.dropped, 5)
  },
)

t.test(
  'what Keystone vouches for is refused when it has ended, may not log in or has a reserved name',
  async (t) => {
    const now = Date.parse('2026-06-01T00:00:00Z')
    const rows: [object, object | undefined, string | undefined][] = [
      [{ expiresAt: now }, undefined, 'expired'],
      [{ expiresAt: now + 1 }, undefined, undefined],
      [{ scope: SCOPES.system }, undefined, 'wrong_scope'],
      [{ accessRules: [] }, undefined, 'access_rules'],
      [{ user: betaAlice }, undefined, 'not_allowed'],
      [{ user: { ...acmeBob, name: 'system:admin' } }, undefined, 'reserved_name'],
      [{ user: { ...acmeBob, name: 'system:admin' } }, { username: 'bob' }, undefined],
      [{}, { username: 'system:admin' }, 'reserved_name'],
      [{ user: { ...acmeBob, name: '' } }, undefined, 'reserved_name'],
    ]
    for (const [more, mapped, refusal] of rows) {
      const told: unknown[] = []
      const world = authenticatorWorld({
        identity: compatibleIdentity,
        admission: { scopes: ['project'], domains: [ACME.id], projects: [], roles: [] },
        loggedIn: async (known) => void told.push(known),
      })
      if (mapped) world.authenticator.useRoleMappings([mapping(mapped)])
      const verdict = await world.authenticator.authenticate(world.fernet(tokenOf(more)))
      if (refusal === undefined) t.equal(verdict.kind, 'authenticated', JSON.stringify(more))
      else t.same(verdict, refused(refusal), JSON.stringify(more))
      t.equal(told.length, refusal === undefined ? 1 : 0, 'only who is let in has logged in')
    }
  },
)

t.test('a JWS token that none of the keys signed is refused without a call to Keystone', async (t) => {
  const world = authenticatorWorld()
  const token = world.jws(acmeAlice.id, tokenOf())
  world.answers.signature = async () => false
  t.same(await world.authenticator.authenticate(token), refused('bad_signature'))
  t.same(world.asked, [{ what: 'signature', token }])
  t.same(world.authenticator.authenticate(token), refused('bad_signature'), 'kept')
})

t.test('the groups are of the user whom Keystone names, whatever the token says', async (t) => {
  for (const fault of [undefined, new PortcullisError('KEYSTONE_SERVER_ERROR', 'answered 500')]) {
    const world = authenticatorWorld()
    const token = world.jws(acmeAlice.id, tokenOf({ user: acmeBob }))
    world.answers.groups = async (userId) => {
      if (userId === acmeAlice.id && fault) throw fault
      return [{ name: `of ${userId === acmeBob.id ? 'bob' : 'alice'}`, domainId: BETA.id }]
    }
    t.equal(userOf(await world.authenticator.authenticate(token)).groups[0], 'keystone:group:d-beta/of bob')
    t.same(world.asked.at(-1), { what: 'groups', userId: acmeBob.id, token, ahead: true })
    t.same(world.asked.map(({ what }) => what).sort(), ['groups', 'groups', 'signature', 'validate'])
  }
})

t.test('what was asked before a reload is answered, but neither kept nor joined after it', async (t) => {
  const { authenticator, answers, fernet, looked, asked, sizes } = authenticatorWorld()
  const flights: PromiseWithResolvers<KeystoneToken | undefined>[] = []
  answers.validate = () => {
    const flight = Promise.withResolvers<KeystoneToken | undefined>()
    flights.push(flight)
    return flight.promise
  }
  const token = fernet()
  const before = authenticator.authenticate(token)
  authenticator.useRoleMappings([mapping({ username: 'new' })])
  const after = authenticator.authenticate(token)
  t.same(looked, ['miss', 'miss'])
  flights[0]?.resolve(tokenOf())
  t.equal(userOf(await before).username, 'new', 'the mappings in force when the answer came')
  t.same(sizes(), { entries: 0, negativeEntries: 0, inFlight: 1 })
  const joined = authenticator.authenticate(token)
  t.equal(looked.at(-1), 'joined', 'the old flight did not take the new one away')
  flights[1]?.resolve(tokenOf())
  t.equal(userOf(await after).username, 'new')
  t.same(await joined, await after)
  t.same(sizes(), { entries: 1, negativeEntries: 0, inFlight: 0 })
  t.equal(asked.filter(({ what }) => what === 'validate').length, 2)
})

t.test(
  'a review waits as long as the deadline; what came later is kept, and slowness is logged by the monotonic clock',
  async (t) => {
    for (const [over, wall, seconds] of [
      [-1, 0, undefined],
      [0, 3_600_000, undefined],
      [1, 0, 4.001],
      [500, -60_000, 4.5],
    ] as const) {
      const world = authenticatorWorld()
      const validation = Promise.withResolvers<KeystoneToken>()
      world.answers.validate = () => validation.promise
      const token = world.fernet()
      const review = world.authenticator.authenticate(token)
      await world.clock.advance(1000)
      world.leaves(0)
      world.clock.setWallBy(wall)
      await world.clock.advance(DEADLINE_MS - 1000 + over)
      validation.resolve(tokenOf({ expiresAt: 2e12 }))
      if (over < 0) t.match(await review, { kind: 'authenticated' })
      else t.same(await review, failed('timeout'))
      await settled()
      const logged = world.lines.map(({ level, seconds }) => [level, seconds])
      t.same(logged, seconds === undefined ? [] : [['warn', seconds]])
      t.match(world.authenticator.authenticate(token), { kind: 'authenticated' })
      t.equal(world.clock.pendingTimers, 0)
    }
  },
)
