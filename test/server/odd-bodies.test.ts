import { connect } from 'node:http2'
import t from 'tap'
import { startServe } from '../support/program.ts'
import { fernetLike } from '../support/tokens.ts'
import { ask, askOn, JSON_TYPE } from '../support/wire.ts'

const TOKEN = fernetLike(Date.now())
const V1 = 'authentication.k8s.io/v1'
const text = (value: unknown) => JSON.stringify(value)
const reviewOf = (more: object) =>
  text({ apiVersion: V1, kind: 'TokenReview', spec: { token: TOKEN }, ...more })

/** Bodies that are no TokenReview: each a 400, unless the last column says otherwise. */
const ODD: readonly (readonly [string, string | Buffer, number?])[] = [
  ['empty', ''],
  ['white space', ' \n'],
  ['cut', reviewOf({}).slice(0, -40)],
  ['cut in a string', `{"kind":"Tok`],
  ['two documents', reviewOf({}) + reviewOf({})],
  ['an empty object', '{}'],
  ['null', 'null'],
  ['a list', '[]'],
  ['a list of reviews', `[${reviewOf({})}]`],
  ['a number', '42'],
  ['a string', text(TOKEN)],
  ['true', 'true'],
  ['plain text', `token=${TOKEN}`],
  ['XML', '<TokenReview/>'],
  ['invalid UTF-8', Buffer.concat([Buffer.from('{"kind":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')])],
  ['UTF-16', Buffer.from(reviewOf({}), 'utf16le')],
  ['a NUL byte', '\u0000'],
  ['100,000 nested lists', '['.repeat(100_000)],
  ['100,000 nested and closed lists', '['.repeat(100_000) + ']'.repeat(100_000)],
  ['100,000 nested objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
  ['nested lists for a token', reviewOf({ spec: { token: [[[[]]]] } })],
  ['no kind', text({ apiVersion: V1, spec: { token: TOKEN } })],
  ['kind of another type', reviewOf({ kind: 7 })],
  ['kind of another API', reviewOf({ kind: 'Pod' })],
  ['kind in another case', reviewOf({ kind: 'tokenreview' })],
  ['no apiVersion', text({ kind: 'TokenReview', spec: { token: TOKEN } })],
  ['apiVersion of another type', reviewOf({ apiVersion: {} })],
  ['apiVersion of another group', reviewOf({ apiVersion: 'authorization.k8s.io/v1' })],
  ['apiVersion that does not exist', reviewOf({ apiVersion: 'authentication.k8s.io/v2' })],
  ['no spec', text({ apiVersion: V1, kind: 'TokenReview' })],
  ['spec null', reviewOf({ spec: null })],
  ['spec a string', reviewOf({ spec: TOKEN })],
  ['spec a list', reviewOf({ spec: [TOKEN] })],
  ['token a number', reviewOf({ spec: { token: 7 } })],
  ['token a list', reviewOf({ spec: { token: [TOKEN] } })],
  ['audiences a string', reviewOf({ spec: { token: TOKEN, audiences: 'a' } })],
  ['audiences of numbers', reviewOf({ spec: { token: TOKEN, audiences: [1] } })],
  ['a prototype', `{"__proto__":{"x":1},${reviewOf({}).slice(1)}`],
  ['2 MB', Buffer.alloc(2 * 1024 * 1024, 0x20), 413],
  ['20 MB', Buffer.alloc(20 * 1024 * 1024, 0x61), 413],
]

/** Reviews that are well-formed but ask about no token: 200 and a clean no. */
const CLEAN_NO: readonly (readonly [string, string])[] = [
  ['an empty token', reviewOf({ spec: { token: '' } })],
  ['no token', reviewOf({ spec: {} })],
  ['token null', reviewOf({ spec: { token: null } })],
  ['a token of 900,000 characters', reviewOf({ spec: { token: 'gAAAA'.repeat(180_000) } })],
  ['a token with line breaks', reviewOf({ spec: { token: `${TOKEN}\r\nX-Auth-Token: x` } })],
  [
    'unknown fields and metadata null',
    reviewOf({ spec: { token: 'x', more: 1 }, metadata: { creationTimestamp: null }, x: [] }),
  ],
]

t.test('odd requests', async (t) => {
  const server = await startServe(t, ['--keystone-url', 'http://127.0.0.1:1/v3'])
  const session = connect(server.url, { ca: server.ca, maxSessionMemory: 100 })
  t.teardown(() => session.close())
  const send = (body: string | Buffer) =>
    askOn(session, { method: 'POST', path: '/webhook', headers: JSON_TYPE, body })

  t.test(
    'a body that is no TokenReview gets a Status that says what is wrong, over both HTTP versions',
    async (t) => {
      for (const [name, body, code = 400] of ODD) {
        const reply = await send(body)
        t.match(JSON.parse(reply.text), { kind: 'Status', status: 'Failure', code }, name)
        t.equal(reply.status, code, name)
        t.equal(reply.headers['retry-after'], undefined)
        t.notOk(reply.text.includes(TOKEN), `${name}: no token in the answer`)
        if (body.length > 1_000_000) continue // over HTTP/1.1 the connection ends while the client still writes
        const old = await ask(
          server.url,
          { method: 'POST', path: '/webhook', headers: JSON_TYPE, body },
          { ca: server.ca },
        )
        t.same([old.status, old.text], [reply.status, reply.text], `${name} over HTTP/1.1`)
      }
    },
  )

  t.test('a review that names no token is a clean no', async (t) => {
    for (const [name, body] of CLEAN_NO) {
      const reply = await send(body)
      t.equal(reply.status, 200, name)
      t.same(JSON.parse(reply.text).status, { authenticated: false }, name)
    }
  })

  t.test('another method gets 405, another path 404, another content type 415', async (t) => {
    const body = reviewOf({})
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])
      t.equal((await askOn(session, { method, path: '/webhook' })).status, 405, method)
    for (const path of [
      '/',
      '/webhooks',
      '/webhook/x',
      '/../webhook',
      '/%77ebhook%00',
      `/${'x'.repeat(5000)}`,
    ])
      t.match(
        await askOn(session, { method: 'POST', path, headers: JSON_TYPE, body }),
        { status: /^4/ },
        path.slice(0, 20),
      )
    for (const type of ['text/plain', 'application/yaml', 'application/x-www-form-urlencoded', 'nonsense'])
      t.match(
        JSON.parse(
          (
            await askOn(session, {
              method: 'POST',
              path: '/webhook',
              headers: { 'content-type': type },
              body,
            })
          ).text,
        ),
        { kind: 'Status', code: 415 },
        type,
      )
    const bare = await askOn(session, { method: 'POST', path: '/webhook', body })
    t.match(JSON.parse(bare.text), { kind: 'Status', code: 400 }, 'no content type, so no body')
  })

  t.test('after all that the server still answers and logged neither token nor stack', async (t) => {
    t.equal((await send(reviewOf({ spec: { token: 'x' } }))).status, 200)
    t.notOk(server.stderr().includes(TOKEN))
    t.notMatch(server.stderr(), /\bat .*\.[jt]s:\d+/)
  })
})
