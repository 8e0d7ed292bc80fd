import t from 'tap'
import { type ErrorCode, PortcullisError } from '../../src/errors.ts'
import type { KeystoneCall } from '../../src/keystone/caller.ts'
import { makeCaller, type Reply, URL_OF_TOKENS } from '../support/caller-world.ts'
import { held, settled } from '../support/scripted-keystone.ts'

const OK: Reply = { status: 200, body: '{"ok":true}' }
const DOWN = new PortcullisError('HTTP_UNREACHABLE', 'cannot reach it')

t.test('a call is sent as it is given, a body as JSON', async (t) => {
  const { call, requests } = makeCaller(() => OK)
  const { signal } = new AbortController()
  await call({ signal })
  await call({ signal, method: 'DELETE', headers: { 'x-auth-token': 'one' } })
  await call({ signal, method: 'POST', headers: { 'x-auth-token': 'two' }, body: { a: ['é'] } })
  t.strictSame(requests, [
    { url: URL_OF_TOKENS, headers: {}, signal },
    { method: 'DELETE', url: URL_OF_TOKENS, headers: { 'x-auth-token': 'one' }, signal },
    {
      method: 'POST',
      url: URL_OF_TOKENS,
      headers: { 'x-auth-token': 'two', 'content-type': 'application/json' },
      body: '{"a":["é"]}',
      signal,
    },
  ])
  t.ok(
    requests.every((request) => request.signal === signal),
    'with the very signal of the call',
  )
})

t.test('an answer is JSON that Keystone gave itself, and is counted as ok or refused', async (t) => {
  const error = (code: number) => JSON.stringify({ error: { code, message: 'No.' } })
  const rows: [number, string, unknown, 'ok' | 'refused'][] = [
    [200, '{"token":{}}', { token: {} }, 'ok'],
    [201, '{}', {}, 'ok'],
    [204, '', undefined, 'ok'],
    [300, '{"versions":{}}', { versions: {} }, 'ok'],
    [400, error(400), JSON.parse(error(400)), 'refused'],
    [401, error(401), JSON.parse(error(401)), 'refused'],
    [401, '{"receipt":{},"required_auth_methods":[]}', { receipt: {}, required_auth_methods: [] }, 'refused'],
    [404, error(404), JSON.parse(error(404)), 'refused'],
    [413, error(413), JSON.parse(error(413)), 'refused'],
  ]
  for (const [status, body, read, outcome] of rows) {
    const headers = { 'x-subject-token': 'issued', date: 'today' }
    const { call, counted } = makeCaller(() => ({ status, body, headers }))
    t.strictSame(await call(), { status, headers, body: read }, `${status} ${body}`)
    t.strictSame(counted, [['validate', outcome, 0]], `${status} is ${outcome}`)
  }
})

t.test('what only looks like an answer of Keystone is an error, never a no', async (t) => {
  const error = (code: unknown) => JSON.stringify({ error: { code } })
  const rows: [number, string, ErrorCode][] = [
    [199, '{}', 'KEYSTONE_WRONG_URL'],
    [200, '', 'KEYSTONE_BAD_ANSWER'],
    [200, '{"token":{}', 'KEYSTONE_BAD_ANSWER'],
    [200, '[{}]', 'KEYSTONE_BAD_ANSWER'],
    [200, 'null', 'KEYSTONE_BAD_ANSWER'],
    [201, '"text"', 'KEYSTONE_BAD_ANSWER'],
    [300, '<html>', 'KEYSTONE_BAD_ANSWER'],
    [301, '{}', 'KEYSTONE_WRONG_URL'],
    [302, error(302), 'KEYSTONE_WRONG_URL'],
    [399, error(399), 'KEYSTONE_WRONG_URL'],
    [401, '', 'KEYSTONE_WRONG_URL'],
    [401, '<html>', 'KEYSTONE_WRONG_URL'],
    [401, '{}', 'KEYSTONE_WRONG_URL'],
    [401, '{"error":"no"}', 'KEYSTONE_WRONG_URL'],
    [401, '[{"error":{"code":401}}]', 'KEYSTONE_WRONG_URL'],
    [401, '[]', 'KEYSTONE_WRONG_URL'],
    [401, '{"receipt":"r"}', 'KEYSTONE_WRONG_URL'],
    [403, '{"receipt":{}}', 'KEYSTONE_WRONG_URL'],
    [401, error(404), 'KEYSTONE_WRONG_URL'],
    [404, error('404'), 'KEYSTONE_WRONG_URL'],
    [404, '{"message":"no Route matched"}', 'KEYSTONE_WRONG_URL'],
    [429, error(429), 'KEYSTONE_SERVER_ERROR'],
    [500, error(500), 'KEYSTONE_SERVER_ERROR'],
    [502, '<html>', 'KEYSTONE_SERVER_ERROR'],
    [503, '{}', 'KEYSTONE_SERVER_ERROR'],
  ]
  for (const [status, body, code] of rows) {
    const { call, counted, gate } = makeCaller(() => ({ status, body }))
    await t.rejects(call(), { code, message: new RegExp(`${status}`) }, `${status} ${body}`)
    t.strictSame(counted, [['validate', 'failed', 0]], `${status} is failed`)
    t.equal(gate.running, 0)
  }
})

t.test('an error names address and path, but no id, query, token or body', async (t) => {
  const hidden = 'a-word-of-the-proxy'
  const [long, short] = ['f'.repeat(32), 'f'.repeat(31)]
  for (const [status, hint] of [
    [500, /answered 500$/],
    [200, /answered 200 .*JSON/],
    [401, /answered 401.*Keystone URL$/],
  ] as const) {
    const { call } = makeCaller(() => ({ status, body: hidden }))
    const failed = await call({ url: `https://k:1/v3/users/${long}/${short}?q=${hidden}` }).catch(
      (error: Error) => error,
    )
    const { message } = failed as Error
    t.match(message, hint)
    t.ok(message.startsWith(`https://k:1/v3/users/.../${short} `), message)
    t.notMatch(message, hidden)
  }
})

t.test(
  'a lost connection or a broken Keystone is tried once more, 50 ms later, where that does no harm',
  async (t) => {
    for (const first of [DOWN, { status: 503 }, { status: 429 }]) {
      const { call, clock, requests, gate, counted } = makeCaller((_, index) => (index === 0 ? first : OK))
      const answer = call({ retry: true })
      await settled()
      await clock.advance(49)
      t.equal(requests.length, 1, 'not before the pause is over')
      t.equal(gate.running, 1, 'the call keeps its place')
      await clock.advance(1)
      t.strictSame(await answer, { status: 200, headers: {}, body: { ok: true } })
      t.strictSame(requests[0], requests[1], 'the same again')
      t.strictSame(counted, [
        ['validate', 'failed', 0],
        ['validate', 'ok', 0],
      ])
      t.equal(gate.running, 0)
    }
  },
)

t.test('there is no third attempt, and the last one says what is wrong', async (t) => {
  const { call, clock, requests, gate } = makeCaller((_, index) =>
    index === 0 ? DOWN : { status: 500 + index },
  )
  const answer = call({ retry: true })
  answer.catch(() => {})
  await settled()
  await clock.advance(1000)
  await t.rejects(answer, { code: 'KEYSTONE_SERVER_ERROR', message: /501/ })
  t.equal(requests.length, 2)
  t.equal(gate.running, 0)
})

t.test('what another attempt would not mend, or must not repeat, is tried once', async (t) => {
  const rows: [Reply, Partial<KeystoneCall>, { code: string } | { name: string } | { message: string }][] = [
    [DOWN, { retry: false }, { code: 'HTTP_UNREACHABLE' }],
    [{ status: 503 }, { retry: false }, { code: 'KEYSTONE_SERVER_ERROR' }],
    [new PortcullisError('HTTP_TIMEOUT', 'late'), { retry: true }, { code: 'HTTP_TIMEOUT' }],
    [
      new PortcullisError('HTTP_ANSWER_TOO_LARGE', 'much'),
      { retry: true },
      { code: 'HTTP_ANSWER_TOO_LARGE' },
    ],
    [new TypeError('a slip'), { retry: true }, { name: 'TypeError' }],
    [Object.assign(new Error('x'), { code: 'HTTP_UNREACHABLE' }), { retry: true }, { message: 'x' }],
    [{ status: 200, body: '[]' }, { retry: true }, { code: 'KEYSTONE_BAD_ANSWER' }],
    [{ status: 404, body: '[]' }, { retry: true }, { code: 'KEYSTONE_WRONG_URL' }],
  ]
  for (const [reply, more, error] of rows) {
    const { call, requests, gate, clock } = makeCaller(() => reply)
    const answer = call(more)
    answer.catch(() => {})
    await settled()
    await clock.advance(50)
    await t.rejects(answer, error)
    t.equal(requests.length, 1, JSON.stringify(error))
    t.equal(gate.running, 0)
  }
})

t.test('a call whose time ended during the first attempt is not tried again', async (t) => {
  const deadline = new AbortController()
  const { call, requests, gate, clock } = makeCaller(() => {
    deadline.abort()
    return DOWN
  })
  const answer = call({ retry: true, signal: deadline.signal })
  answer.catch(() => {})
  await settled()
  await clock.advance(50)
  await t.rejects(answer, { code: 'HTTP_UNREACHABLE' })
  t.equal(requests.length, 1)
  t.equal(gate.running, 0)
})

t.test('each attempt is timed by itself, by the monotonic clock, without the pause', async (t) => {
  const { call, clock, counted } = makeCaller(async (_, index) => {
    await clock.advance(index === 0 ? 30 : 70)
    clock.setWallBy(-3_600_000)
    return index === 0 ? DOWN : OK
  })
  const answer = call({ retry: true, operation: 'groups' })
  await settled()
  await settled()
  await clock.advance(50)
  await answer
  t.strictSame(counted, [
    ['groups', 'failed', 30],
    ['groups', 'ok', 70],
  ])
})

t.test('a call begins when it is its turn, once, before anything is sent', async (t) => {
  const first = held<Reply>()
  const { call, clock, requests, gate } = makeCaller((_, index) => (index === 0 ? first.promise : DOWN), 1)
  const begun: number[] = []
  const running = call()
  const waiting = call({ retry: true, begun: () => begun.push(requests.length) })
  waiting.catch(() => {})
  await settled()
  t.strictSame(begun, [], 'not while it waits')
  t.equal(gate.waiting, 1)
  first.resolve(OK)
  await running
  await settled()
  t.strictSame(begun, [1])
  await clock.advance(50)
  await t.rejects(waiting, { code: 'HTTP_UNREACHABLE' })
  t.equal(requests.length, 3)
  t.strictSame(begun, [1], 'not again for the second attempt')
})

t.test('a call that finishes what was begun goes before those that begin, and no others do', async (t) => {
  const first = held<Reply>()
  const { call, requests } = makeCaller((_, index) => (index === 0 ? first.promise : OK), 1)
  const all = [call({ url: 'http://k/1' }), call({ url: 'http://k/2', retry: true })]
  all.push(call({ url: 'http://k/3', ahead: true }))
  await t.rejects(call({ url: 'http://k/4' }), { code: 'HTTP_OVERLOADED' })
  first.resolve(OK)
  await Promise.all(all)
  t.strictSame(
    requests.map(({ url }) => url),
    ['http://k/1', 'http://k/3', 'http://k/2'],
  )
})

t.test('a call whose time ends while it waits is neither sent nor counted', async (t) => {
  const first = held<Reply>()
  const { call, requests, counted } = makeCaller(() => first.promise, 1)
  const running = call()
  const deadline = new AbortController()
  const waiting = call({ signal: deadline.signal, begun: () => t.fail('begun') })
  deadline.abort()
  await t.rejects(waiting, { code: 'HTTP_TIMEOUT' })
  first.resolve(OK)
  await running
  t.equal(requests.length, 1)
  t.equal(counted.length, 1)
})
