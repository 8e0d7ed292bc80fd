import { connect } from 'node:http2'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { concurrencyCases } from '../support/concurrency-cases.ts'
import { simulatedAdmin } from '../support/keystone-admin.ts'
import { startServe } from '../support/program.ts'
import { fernetLike, jwtLike } from '../support/tokens.ts'
import { ask, askOn, JSON_TYPE, review, tokenReview } from '../support/wire.ts'

const VALIDATE = 'GET /v3/auth/tokens'
const GROUPS = 'GET /v3/users/{id}/groups'
const LATE = 'Keystone did not answer in time'
const keystone = await startSimulatedKeystone({ clock: systemClock })
t.teardown(() => keystone.close())
const project = keystone.model.addProject('demo')
const user = keystone.model.addUser('demo', 'pw')
keystone.model.grant(user.id, project.id, 'member')
const issue = () => keystone.api.issue(user.id, { kind: 'project', id: project.id })
const serve = (...argv: string[]) => startServe(t, ['--keystone-url', `${keystone.url}/v3`, ...argv])

concurrencyCases(t, simulatedAdmin(keystone))

t.test('1,000 reviews of 20 bad tokens reach Keystone at most 20 times', async (t) => {
  const server = await serve()
  const session = connect(server.url, { ca: server.ca })
  t.teardown(() => session.close())
  const tokens = Array.from({ length: 20 }, () => fernetLike(Date.now()))
  const before = keystone.count(VALIDATE)
  const answers = await Promise.all(
    Array.from({ length: 1000 }, (_, index) =>
      askOn(session, {
        method: 'POST',
        path: '/webhook',
        headers: JSON_TYPE,
        body: tokenReview(tokens[index % 20] as string),
      }),
    ),
  )
  t.ok(answers.every((reply) => reply.status === 200 && reply.text.includes('"authenticated":false}')))
  t.equal(keystone.count(VALIDATE) - before, 20)
})

t.test('1,000 service-account tokens never reach Keystone', async (t) => {
  const server = await serve()
  const session = connect(server.url, { ca: server.ca })
  t.teardown(() => session.close())
  const before = keystone.count(VALIDATE)
  const account = {
    iss: 'https://kubernetes.default.svc',
    sub: 'system:serviceaccount:default:default',
    exp: 9e9,
  }
  const bodies = Array.from({ length: 1000 }, (_, index) =>
    tokenReview(jwtLike({ alg: 'RS256', kid: 'k' }, { ...account, jti: index })),
  )
  const answers = await Promise.all(
    bodies.map((body) => askOn(session, { method: 'POST', path: '/webhook', headers: JSON_TYPE, body })),
  )
  t.ok(answers.every((reply) => JSON.parse(reply.text).status.authenticated === false))
  t.equal(keystone.count(VALIDATE) - before, 0)
})

t.test('a flood of bad tokens does not drive a good one out of the cache', async (t) => {
  const server = await serve('--token-cache-size', '50')
  const token = issue()
  t.match((await review(server, tokenReview(token))).result, { authenticated: true })
  const session = connect(server.url, { ca: server.ca })
  t.teardown(() => session.close())
  await Promise.all(
    Array.from({ length: 200 }, () =>
      askOn(session, {
        method: 'POST',
        path: '/webhook',
        headers: JSON_TYPE,
        body: tokenReview(fernetLike(Date.now())),
      }),
    ),
  )
  const before = keystone.count(VALIDATE)
  t.match((await review(server, tokenReview(token))).result, { authenticated: true })
  t.equal(keystone.count(VALIDATE), before)
})

t.test('the positive cache never outlives the token', async (t) => {
  const short = await startSimulatedKeystone({ clock: systemClock, tokenLifetimeMs: 2000 })
  t.teardown(() => short.close())
  const place = short.model.addProject('p')
  const person = short.model.addUser('u', 'pw')
  short.model.grant(person.id, place.id, 'member')
  const server = await startServe(t, ['--keystone-url', short.url, '--token-cache-negative-ttl', '0'])
  const token = short.api.issue(person.id, { kind: 'project', id: place.id })
  t.match((await review(server, tokenReview(token))).result, { authenticated: true })
  await new Promise((resolve) => setTimeout(resolve, 2100))
  t.same((await review(server, tokenReview(token))).result, { authenticated: false })
})

t.test(
  'cache sizes, hits, misses and joined flights are counted, and entries stay within bounds',
  async (t) => {
    const server = await serve('--token-cache-size', '5')
    const tokens = Array.from({ length: 9 }, issue)
    for (const token of tokens) await review(server, tokenReview(token))
    await review(server, tokenReview(tokens.at(-1) as string))
    const { text } = await ask(server.adminUrl, { path: '/metrics' })
    t.match(text, /^portcullis_token_cache_entries 5$/m)
    t.match(text, /^portcullis_token_cache_evictions_total 4$/m)
    t.match(text, /^portcullis_token_cache_lookups_total\{result="hit"\} 1$/m)
    t.match(text, /^portcullis_token_cache_lookups_total\{result="miss"\} 9$/m)
    t.match(text, /^portcullis_token_lookups_in_flight 0$/m)
  },
)

t.test(
  'a rush of more new tokens than Keystone can tell before the deadline: no question is asked twice',
  async (t) => {
    // 30 tokens of two questions each are six seconds of work for one who answers ten in a second, with a deadline of one
    keystone.fail({ kind: 'slow', ms: 100 })
    t.teardown(() => keystone.fail(undefined))
    const server = await serve('--keystone-timeout', '1s', '--keystone-concurrency', '1')
    const newcomer = () => {
      const guest = keystone.model.addUser('guest', 'pw')
      keystone.model.grant(guest.id, project.id, 'member')
      return keystone.api.issue(guest.id, { kind: 'project', id: project.id })
    }
    const before = { validations: keystone.count(VALIDATE), groups: keystone.count(GROUPS) }
    const tries = await Promise.all(
      Array.from({ length: 30 }, newcomer).map(async (token) => {
        for (let number = 1; ; number++) {
          const { text } = await review(server, tokenReview(token))
          if (text.includes('"authenticated":true')) return number
          t.match(text, LATE)
          if (number === 30) throw new Error('never answered')
        }
      }),
    )
    t.ok(Math.max(...tries) > 1, 'some did not get their answer at once')
    t.equal(keystone.count(VALIDATE) - before.validations, 30)
    t.equal(keystone.count(GROUPS) - before.groups, 30)
  },
)

t.test(
  'a review waits no longer than the deadline, and what Keystone says later serves the next one',
  async (t) => {
    // each answer within the deadline of a second, both together not
    keystone.fail({ kind: 'slow', ms: 700 })
    t.teardown(() => keystone.fail(undefined))
    const server = await serve('--keystone-timeout', '1s')
    const token = issue()
    const before = keystone.count(VALIDATE)
    t.match((await review(server, tokenReview(token))).result, { error: LATE })
    t.match((await review(server, tokenReview(token))).result, { authenticated: true })
    t.equal(keystone.count(VALIDATE) - before, 1)
  },
)
