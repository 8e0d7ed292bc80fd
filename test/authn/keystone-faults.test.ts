import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { type KeystoneFault, startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { startServe } from '../support/program.ts'
import { tokenBody } from '../support/scripted-keystone.ts'
import { fernetLike } from '../support/tokens.ts'
import { ask, review, tokenReview } from '../support/wire.ts'

const DEADLINE_MS = 1500
const HTML = '<html><body>It works!</body></html>'

const FAULTS: readonly (readonly [string, KeystoneFault, string])[] = [
  ['hangs', { kind: 'hang' }, 'Keystone did not answer in time'],
  ['is slower than the deadline', { kind: 'slow', ms: 3000 }, 'Keystone did not answer in time'],
  ['resets connections', { kind: 'reset' }, 'Keystone cannot be reached'],
  ['answers 500', { kind: 'answer', status: 500, body: '{}' }, 'Keystone answers with a server error'],
  [
    'answers 503 in plain text',
    { kind: 'answer', status: 503, body: 'busy', type: 'text/plain' },
    'Keystone answers with a server error',
  ],
  [
    'answers 429 from a proxy',
    { kind: 'answer', status: 429, body: '' },
    'Keystone answers with a server error',
  ],
  [
    'answers 404 in HTML',
    { kind: 'answer', status: 404, body: HTML, type: 'text/html' },
    'what answers at the Keystone URL is not Keystone',
  ],
  [
    'answers 401 in HTML',
    { kind: 'answer', status: 401, body: HTML, type: 'text/html' },
    'what answers at the Keystone URL is not Keystone',
  ],
  [
    'answers 302',
    { kind: 'answer', status: 302, body: '' },
    'what answers at the Keystone URL is not Keystone',
  ],
  [
    'answers 403',
    { kind: 'answer', status: 403, body: '{"error":{"code":403}}' },
    'Keystone refuses to check tokens for us',
  ],
  [
    'answers 400',
    { kind: 'answer', status: 400, body: '{"error":{"code":400}}' },
    'Keystone refuses to check tokens for us',
  ],
  [
    'answers 200 in HTML',
    { kind: 'answer', status: 200, body: HTML, type: 'text/html' },
    'Keystone’s answer could not be understood',
  ],
  [
    'answers 200 with an empty body',
    { kind: 'answer', status: 200, body: '' },
    'Keystone’s answer could not be understood',
  ],
  [
    'answers 200 with another JSON',
    { kind: 'answer', status: 200, body: '{"token":{}}' },
    'Keystone’s answer could not be understood',
  ],
  ['answers 200 with half a token body', { kind: 'truncated' }, 'Keystone’s answer could not be understood'],
]

t.test('while Keystone is at fault', async (t) => {
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  t.teardown(() => keystone.close())
  const project = keystone.model.addProject('demo')
  const user = keystone.model.addUser('demo', 'pw')
  keystone.model.grant(user.id, project.id, 'member')
  const token = () => keystone.api.issue(user.id, { kind: 'project', id: project.id })
  const server = await startServe(t, [
    '--keystone-url',
    `${keystone.url}/v3`,
    '--keystone-timeout',
    `${DEADLINE_MS}ms`,
  ])
  const known = token()
  t.match((await review(server, tokenReview(known))).result, { authenticated: true })

  for (const [name, fault, text] of FAULTS)
    t.test(
      `that ${name}: a clear error within the deadline, nothing cached, known tokens work, and it heals`,
      async (t) => {
        const fresh = token()
        keystone.fail(fault)
        const start = performance.now()
        const reply = await review(server, tokenReview(fresh))
        t.ok(performance.now() - start < DEADLINE_MS + 2000)
        t.equal(reply.status, 200)
        t.same(reply.result, { authenticated: false, error: text })
        t.equal(reply.headers['retry-after'], undefined)
        t.match((await review(server, tokenReview(known))).result, { authenticated: true }, 'known')
        keystone.fail(undefined)
        t.match((await review(server, tokenReview(fresh))).result, { authenticated: true }, 'healed')
      },
    )

  t.test('a whole token body in 2 MB is too much to be read, the same in 1 MB is accepted', async (t) => {
    const more = {
      user: { id: user.id, name: 'alice', domain: { id: 'default', name: 'Default' } },
      expires_at: new Date(systemClock.now() + 3_600_000).toISOString(),
    }
    for (const [size, result] of [
      [2_000_000, { authenticated: false, error: 'Keystone’s answer could not be understood' }],
      [1_000_000, { authenticated: true, user: { username: 'alice' } }],
    ] as const) {
      const body = JSON.stringify({ ...tokenBody(more), padding: 'x'.repeat(size) })
      keystone.fail({ kind: 'answer', status: 200, body }, { operation: 'GET /v3/auth/tokens' })
      t.match((await review(server, tokenReview(token()))).result, result, `${size}`)
    }
    keystone.fail(undefined)
  })

  t.test('a single reset or 500 is made up for by one quick retry', async (t) => {
    for (const fault of [{ kind: 'reset' }, { kind: 'answer', status: 500, body: '' }] as const) {
      keystone.fail(fault, { times: 1 })
      t.match((await review(server, tokenReview(token()))).result, { authenticated: true }, fault.kind)
    }
  })

  t.test('a fault between validation and groups is an error too: half an identity is none', async (t) => {
    const other = keystone.model.addUser('other', 'pw')
    keystone.model.grant(other.id, project.id, 'member')
    const fresh = keystone.api.issue(other.id, { kind: 'project', id: project.id })
    keystone.fail({ kind: 'answer', status: 500, body: '' }, { operation: 'GET /v3/users/{id}/groups' })
    t.match((await review(server, tokenReview(fresh))).result, {
      authenticated: false,
      error: /server error/,
    })
    keystone.fail(undefined)
    t.match((await review(server, tokenReview(fresh))).result, { authenticated: true })
  })

  t.test('every review was counted by what became of it', async (t) => {
    const { text } = await ask(server.adminUrl, { path: '/metrics' })
    for (const outcome of ['timeout', 'unreachable', 'server_error', 'wrong_url', 'refused_us', 'bad_answer'])
      t.match(text, new RegExp(`portcullis_token_reviews_total\\{outcome="${outcome}"\\} [1-9]`), outcome)
  })
})

t.test('a Keystone that is not there at all is an error, not a refusal', async (t) => {
  const server = await startServe(t, ['--keystone-url', 'http://127.0.0.1:1/v3'])
  t.same((await review(server, tokenReview(fernetLike(Date.now())))).result, {
    authenticated: false,
    error: 'Keystone cannot be reached',
  })
})
