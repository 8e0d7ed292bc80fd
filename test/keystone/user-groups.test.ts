import fc from 'fast-check'
import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { createUserGroups } from '../../src/keystone/user-groups.ts'
import { createManualClock, type ManualClock } from '../support/manual-clock.ts'
import { type Scripted, scriptKeystone } from '../support/scripted-keystone.ts'

const { signal } = new AbortController()
const TTL = 60_000
/** Keystone's clock: a year behind ours. */
const KEYSTONE = Date.parse('2025-06-01T12:00:00Z')
const DATE = { date: new Date(KEYSTONE).toUTCString() }
const ADMINS_RED = { name: 'admins', domainId: 'd-red' }
const ADMINS_BLUE = { name: 'admins', domainId: 'd-blue' }
const group = ({ name, domainId }: { name: string; domainId: string }) => ({
  id: `g-${domainId}`,
  name,
  domain_id: domainId,
  description: '',
})
const groupsAnswer = (...groups: unknown[]): Scripted => ({ headers: DATE, body: { groups } })

function world(answer: (clock: ManualClock, index: number) => Scripted | Promise<Scripted>) {
  const clock = createManualClock()
  const { call, calls } = scriptKeystone((_, index) => answer(clock, index))
  const endpoint = async () => 'http://h/v3'
  const groups = createUserGroups({ call, endpoint, clock, ttlMs: TTL })
  const fetch = (userId = 'u-1', more: object = {}) =>
    groups.fetch({ userId, token: `token-of-${userId}`, signal, ahead: false, ...more })
  return { clock, calls, groups, fetch }
}

t.test('groups are asked for with the user’s own token, under the user’s id', async (t) => {
  const { fetch, calls } = world(() => groupsAnswer(group(ADMINS_RED), group(ADMINS_BLUE)))
  const begun = () => {}
  t.strictSame(await fetch('u-1', { begun }), [ADMINS_RED, ADMINS_BLUE], 'each with its own domain')
  await fetch('../projects?x', { ahead: true })
  const common = { operation: 'groups', signal, retry: true }
  t.strictSame(calls, [
    {
      ...common,
      url: 'http://h/v3/users/u-1/groups',
      headers: { 'x-auth-token': 'token-of-u-1', 'openstack-identity-access-rules': '1.0' },
      ahead: false,
      begun,
    },
    {
      ...common,
      url: 'http://h/v3/users/..%2Fprojects%3Fx/groups',
      headers: { 'x-auth-token': 'token-of-../projects?x', 'openstack-identity-access-rules': '1.0' },
      ahead: true,
      begun: undefined,
    },
  ])
  t.equal(calls[0]?.signal, signal)
})

t.test('groups are known for the user who asked and for no other', async (t) => {
  const { fetch, groups } = world((_, index) => groupsAnswer(group(index === 0 ? ADMINS_RED : ADMINS_BLUE)))
  const before = KEYSTONE - 3_600_000
  t.equal(groups.known('u-1', before), undefined)
  await fetch('u-1')
  t.equal(groups.known('u-2', before), undefined)
  await fetch('u-2')
  t.strictSame(groups.known('u-1', before), [ADMINS_RED])
  t.strictSame(groups.known('u-2', before), [ADMINS_BLUE])
})

t.test('a user without groups has an empty list, which is known as well', async (t) => {
  const { fetch, groups } = world(() => groupsAnswer())
  t.strictSame(await fetch(), [])
  t.strictSame(groups.known('u-1', KEYSTONE - 3_600_000), [])
})

t.test(
  'groups are known only for tokens issued a whole second before the question, by Keystone’s clock',
  async (t) => {
    for (const tookMs of [0, 1, 400, 3000]) {
      const { fetch, groups, clock } = world(async (clock) => {
        await clock.advance(tookMs)
        clock.setWallBy(7_200_000)
        return groupsAnswer(group(ADMINS_RED))
      })
      await fetch()
      clock.setWallBy(-86_400_000)
      const asked = KEYSTONE - tookMs
      t.strictSame(groups.known('u-1', asked - 1000), [ADMINS_RED], `took ${tookMs}: issued a second before`)
      t.strictSame(groups.known('u-1', asked - 3_600_000), [ADMINS_RED])
      for (const later of [-999, -1, 0, 1, tookMs, tookMs + 1000, 3_600_000])
        t.equal(groups.known('u-1', asked + later), undefined, `took ${tookMs}: issued ${later} ms after`)
    }
  },
)

t.test('the time until the question leaves counts as if it had left at once', async (t) => {
  const clock = createManualClock()
  const groups = createUserGroups({
    call: scriptKeystone(() => groupsAnswer(group(ADMINS_RED))).call,
    endpoint: async () => {
      await clock.advance(2000)
      return 'http://h/v3'
    },
    clock,
    ttlMs: TTL,
  })
  await groups.fetch({ userId: 'u-1', token: 'tok', signal, ahead: false })
  t.equal(groups.known('u-1', KEYSTONE - 2999), undefined)
  t.strictSame(groups.known('u-1', KEYSTONE - 3000), [ADMINS_RED])
})

t.test('what is known ends after its time to live, however the wall clock moves', async (t) => {
  const { fetch, groups, clock } = world(() => groupsAnswer(group(ADMINS_RED)))
  await fetch()
  clock.setWallBy(10 * TTL)
  await clock.advance(TTL - 1)
  t.strictSame(groups.known('u-1', KEYSTONE - 1000), [ADMINS_RED])
  clock.setWallBy(-20 * TTL)
  await clock.advance(2)
  t.equal(groups.known('u-1', KEYSTONE - 1000), undefined)
})

t.test('a newer answer replaces what was known, an older token keeps none of it', async (t) => {
  const { fetch, groups } = world((_, index) => ({
    headers: { date: new Date(KEYSTONE + index * 10_000).toUTCString() },
    body: { groups: index === 0 ? [group(ADMINS_RED), group(ADMINS_BLUE)] : [group(ADMINS_BLUE)] },
  }))
  await fetch()
  t.equal(groups.known('u-1', KEYSTONE), undefined)
  await fetch()
  t.strictSame(groups.known('u-1', KEYSTONE), [ADMINS_BLUE])
  t.strictSame(groups.known('u-1', KEYSTONE - 60_000), [ADMINS_BLUE])
})

t.test('an answer without Keystone’s time is used once and not kept', async (t) => {
  for (const headers of [{}, { date: 'today' }, { date: undefined }]) {
    const { fetch, groups } = world(() => ({ headers, body: { groups: [group(ADMINS_RED)] } }))
    t.strictSame(await fetch(), [ADMINS_RED])
    for (const issuedAt of [0, -1e15, KEYSTONE]) t.equal(groups.known('u-1', issuedAt), undefined)
  }
})

t.test(
  'a token that Keystone does not take has no groups to tell; any other refusal is an error',
  async (t) => {
    for (const status of [401, 404]) {
      const { fetch, groups } = world(() => ({ status, headers: DATE, body: { groups: [] } }))
      t.equal(await fetch(), undefined, `${status}`)
      t.equal(groups.known('u-1', 0), undefined, 'and nothing is kept')
    }
    for (const status of [201, 204, 300, 400, 403, 409]) {
      const { fetch, groups } = world(() => ({
        status,
        headers: DATE,
        body: { groups: [group(ADMINS_RED)] },
      }))
      await t.rejects(fetch(), {
        code: 'KEYSTONE_REFUSED_US',
        message: new RegExp(`groups.*\\(${status}\\)`),
      })
      t.equal(groups.known('u-1', 0), undefined)
    }
    const { fetch } = world(() => new PortcullisError('HTTP_TIMEOUT', 'late'))
    await t.rejects(fetch(), { code: 'HTTP_TIMEOUT' })
  },
)

t.test('a list that is cut, or has one group that cannot be read, is an error and is not kept', async (t) => {
  const good = group(ADMINS_RED)
  const noText = [undefined, null, '', 7, {}]
  const bad: unknown[] = [
    ...[undefined, null, [], 'x', {}, { groups: null }, { groups: {} }, { groups: 'admins' }],
    { groups: [good], truncated: true },
    { groups: [], truncated: true },
    { groups: [good], links: { next: 'http://h/v3/users/u-1/groups?marker=1' } },
    ...[null, 'admins', 7, []].flatMap((item) => [{ groups: [item] }, { groups: [good, item] }]),
    ...noText.flatMap((value) => [
      { groups: [{ ...good, name: value }, good] },
      { groups: [good, { ...good, domain_id: value }] },
    ]),
  ]
  for (const body of bad) {
    const { fetch, groups } = world(() => ({ headers: DATE, body }))
    await t.rejects(fetch(), { code: 'KEYSTONE_BAD_ANSWER', message: /groups/ }, JSON.stringify(body))
    t.equal(groups.known('u-1', 0), undefined)
  }
})

t.test('a list that says it is whole is read', async (t) => {
  const whole = [{ truncated: false }, { links: null }, { links: {} }, { links: { next: null, self: 'x' } }]
  for (const more of [...whole, { links: 'x' }, { truncated: null }]) {
    const { fetch } = world(() => ({ headers: DATE, body: { groups: [group(ADMINS_RED)], ...more } }))
    t.strictSame(await fetch(), [ADMINS_RED], JSON.stringify(more))
  }
})

t.test('a failed question leaves what was known as it was', async (t) => {
  const { fetch, groups } = world((_, index) =>
    index === 0 ? groupsAnswer(group(ADMINS_RED)) : new PortcullisError('HTTP_UNREACHABLE', 'down'),
  )
  await fetch()
  await t.rejects(fetch(), { code: 'HTTP_UNREACHABLE' })
  t.strictSame(groups.known('u-1', KEYSTONE - 1000), [ADMINS_RED])
})

t.test(
  'whatever the times, a token of the second of the question or later is never answered from memory',
  async (t) => {
    const times = fc.record({ tookMs: fc.nat(5000), issuedAgo: fc.integer({ min: -5000, max: 10_000 }) })
    await fc.assert(
      fc.asyncProperty(times, async ({ tookMs, issuedAgo }) => {
        const { fetch, groups } = world(async (clock) => {
          await clock.advance(tookMs)
          return groupsAnswer(group(ADMINS_RED))
        })
        await fetch()
        const known = groups.known('u-1', KEYSTONE - issuedAgo)
        t.equal(known !== undefined, issuedAgo >= tookMs + 1000)
      }),
      { numRuns: 50 },
    )
  },
)
