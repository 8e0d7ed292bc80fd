import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import type { Group, KeystoneToken } from '../../src/keystone/token-body.ts'
import { authenticatorWorld, userOf } from '../support/authenticator-world.ts'
import { BETA, SCOPES, tokenOf } from '../support/keystone-tokens.ts'
import { settled } from '../support/scripted-keystone.ts'
import { USERS } from '../support/two-domains.ts'

const { acmeAlice } = USERS
const refused = (refusal: string) => ({ kind: 'refused', refusal })
const failed = (failure: string) => ({ kind: 'failed', failure })
const serverError = () => new PortcullisError('KEYSTONE_SERVER_ERROR', 'answered 500')
const firstGroup = (verdict: unknown) => userOf(verdict).groups[0]

/** A Keystone that answers nothing until the test says so. */
function heldWorld() {
  const world = authenticatorWorld()
  const validation = Promise.withResolvers<KeystoneToken | undefined>()
  const groups = Promise.withResolvers<readonly Group[] | undefined>()
  world.answers.validate = () => validation.promise
  world.answers.groups = () => groups.promise
  return { world, validation, groups }
}

t.test(
  'the signature is awaited before Keystone is asked, then validation and groups go out together',
  async (t) => {
    const { world, validation, groups } = heldWorld()
    const signature = Promise.withResolvers<boolean>()
    world.answers.signature = () => signature.promise
    const token = world.jws(acmeAlice.id)
    const review = world.authenticator.authenticate(token)
    await settled()
    t.same(world.asked, [{ what: 'signature', token }])
    signature.resolve(true)
    await settled()
    t.same(
      world.asked.slice(1).sort(({ what }) => (what === 'validate' ? -1 : 1)),
      [
        { what: 'validate', token },
        { what: 'groups', userId: acmeAlice.id, token, ahead: false },
      ],
    )
    groups.resolve([{ name: 'ops', domainId: BETA.id }])
    validation.resolve(tokenOf())
    t.equal(firstGroup(await review), 'keystone:group:d-beta/ops')
    t.equal(world.asked.length, 3, 'the groups are not asked for twice')
  },
)

t.test('without keys Keystone alone decides', async (t) => {
  const world = authenticatorWorld({ verifyJws: undefined })
  const token = world.jws(acmeAlice.id, tokenOf())
  t.match(await world.authenticator.authenticate(token), { kind: 'authenticated' })
  t.equal(world.asked.length, 2)
})

t.test('each JWS token of a user has an answer of its own, at once and later', async (t) => {
  const world = authenticatorWorld()
  const scopes = [SCOPES.acmeWeb, SCOPES.betaWeb, SCOPES.acme]
  const tokens = [
    ...scopes.map((scope) => world.jws(acmeAlice.id, tokenOf({ scope }))),
    world.jws(acmeAlice.id),
  ]
  const placeOf = (verdict: unknown) =>
    userOf(verdict).groups?.filter((name: string) => /:(domain|project-id):/.test(name)) ?? verdict
  const places = async () => (await Promise.all(tokens.map(world.authenticator.authenticate))).map(placeOf)
  const each = [
    ['keystone:project-id:p-acme-web'],
    ['keystone:project-id:p-beta-web'],
    ['keystone:domain:d-acme'],
    refused('unknown_to_keystone'),
  ]
  t.same(await places(), each)
  t.same(await places(), each)
  t.same(world.looked, [...Array(4).fill('miss'), ...Array(3).fill('hit'), 'negative_hit'])
})

t.test('keys that cannot be tried are a failure, not a refusal', async (t) => {
  const world = authenticatorWorld()
  world.answers.signature = () => Promise.reject(new Error('no such curve'))
  const token = world.jws(acmeAlice.id, tokenOf())
  t.same(await world.authenticator.authenticate(token), failed('internal'))
  t.same(
    world.asked.map(({ what }) => what),
    ['signature'],
  )
})

t.test('while Keystone answers 500 a JWS token fails, in whatever order the answers come', async (t) => {
  for (const order of ['groups first', 'validation first', 'groups long after'] as const) {
    const { world, validation, groups } = heldWorld()
    const review = world.authenticator.authenticate(world.jws(acmeAlice.id))
    await settled()
    if (order === 'groups first') groups.reject(serverError())
    await settled()
    validation.reject(serverError())
    if (order === 'validation first') groups.reject(serverError())
    t.same(await review, failed('server_error'), order)
    if (order === 'groups long after') groups.reject(serverError())
    await settled()
    t.equal(world.clock.pendingTimers, 0)
    t.same(world.sizes(), { entries: 0, negativeEntries: 0, inFlight: 0 })
  }
})

t.test('groups that fail are no groups: the token is not accepted without them', async (t) => {
  for (const [answer, verdict] of [
    [Promise.reject(serverError()), failed('server_error')],
    [Promise.resolve(undefined), refused('unknown_to_keystone')],
  ] as const) {
    answer.catch(() => {})
    const world = authenticatorWorld()
    world.answers.groups = () => answer
    t.same(await world.authenticator.authenticate(world.jws(acmeAlice.id, tokenOf())), verdict)
  }
})

t.test(
  'a token that Keystone does not know is refused, also when its groups fail before or after',
  async (t) => {
    for (const early of [true, false]) {
      const { world, validation, groups } = heldWorld()
      const review = world.authenticator.authenticate(world.jws(acmeAlice.id))
      await settled()
      if (early) groups.reject(serverError())
      validation.resolve(undefined)
      t.same(await review, refused('unknown_to_keystone'))
      groups.reject(serverError())
      await settled()
    }
  },
)

t.test('groups that are known already are not waited for, and may fail later', async (t) => {
  const { world, validation, groups } = heldWorld()
  world.answers.known = (userId) =>
    userId === acmeAlice.id ? [{ name: 'known', domainId: BETA.id }] : undefined
  const review = world.authenticator.authenticate(world.jws(acmeAlice.id))
  await settled()
  validation.resolve(tokenOf())
  t.equal(firstGroup(await review), 'keystone:group:d-beta/known')
  groups.reject(serverError())
  await settled()
})
