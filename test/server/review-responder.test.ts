import t from 'tap'
import {
  createReviewResponder,
  NOT_JSON,
  type ReviewReply,
  refusal,
  tooLarge,
} from '../../src/server/review-responder.ts'
import { recordLog } from '../support/recorded-log.ts'
import { type Answer, accessReviews, reviewBody, tokenReviews } from '../support/review-app.ts'

const echo =
  (what: string): Answer =>
  (version, spec) => ({ status: JSON.stringify({ what, version, spec }) })
const BOTH = [tokenReviews(echo('token')), accessReviews(echo('access'))]

function responder(handlers = BOTH, parse: (text: string) => unknown = JSON.parse) {
  const { log, lines } = recordLog()
  const respond = createReviewResponder({ handlers, parse, log })
  return { lines, respond: (body: string | Buffer) => respond(Buffer.from(body as string)) }
}
const statusOf = async (reply: ReviewReply | Promise<ReviewReply>) => JSON.parse((await reply).text)

t.test('the answer has the kind and version of the request, and nothing else of it', async (t) => {
  const { respond } = responder()
  for (const [group, kind, what] of [
    ['authentication', 'TokenReview', 'token'],
    ['authorization', 'SubjectAccessReview', 'access'],
  ] as const)
    for (const version of ['v1', 'v1beta1']) {
      const { code, text } = respond(reviewBody({ a: [1] }, group, kind, version)) as ReviewReply
      t.equal(code, 200)
      t.strictSame(JSON.parse(text), {
        kind,
        apiVersion: `${group}.k8s.io/${version}`,
        metadata: { creationTimestamp: null },
        status: { what, version, spec: { a: [1] } },
      })
    }
})

t.test('an answer that is ready is given at once, one that comes later is waited for', async (t) => {
  const later: Answer = async () => ({ status: '{"late":true}' })
  const { respond } = responder([tokenReviews(echo('now')), accessReviews(later)])
  t.notOk(respond(reviewBody({})) instanceof Promise)
  const reply = respond(reviewBody({}, 'authorization', 'SubjectAccessReview'))
  t.ok(reply instanceof Promise)
  t.strictSame((await statusOf(reply)).status, { late: true })
})

t.test('a handler sees the spec whatever it is, since it checks it itself', async (t) => {
  const { respond } = responder()
  for (const spec of [null, 'text', 7, [1], {}])
    t.strictSame((await statusOf(respond(reviewBody(spec)))).status.spec, spec)
  const bare = JSON.stringify({ kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1' })
  t.strictSame((await statusOf(respond(bare))).status, { what: 'token', version: 'v1' })
})

t.test('what is not a review of these kinds is a 400 that says what was expected', async (t) => {
  const { respond, lines } = responder()
  const kinds = /^kind: expected TokenReview or SubjectAccessReview$/
  const tokens = /^apiVersion: expected authentication\.k8s\.io\/v1 or authentication\.k8s\.io\/v1beta1$/
  const access = /^apiVersion: expected authorization\.k8s\.io\/v1 or authorization\.k8s\.io\/v1beta1$/
  const object = /JSON object with apiVersion, kind and spec/
  for (const [body, message] of [
    ['', NOT_JSON],
    ['{', NOT_JSON],
    [`${reviewBody({})}x`, NOT_JSON],
    [Buffer.concat([Buffer.from('"'), Buffer.from([0xff]), Buffer.from('"')]), NOT_JSON],
    [Buffer.from(reviewBody({ a: 'é' }), 'latin1'), NOT_JSON],
    ['null', object],
    ['[]', object],
    ['7', object],
    ['"TokenReview"', object],
    ['{}', kinds],
    [reviewBody({}, 'authentication', 'tokenreview'), kinds],
    [reviewBody({}, 'authentication', 'Pod'), kinds],
    [reviewBody({}, 'authorization', 'TokenReview'), tokens],
    [reviewBody({}, 'authentication', 'TokenReview', 'v2'), tokens],
    [reviewBody({}, 'authentication', 'TokenReview', 'v1beta2'), tokens],
    [reviewBody({}, 'authentication', 'SubjectAccessReview'), access],
    [JSON.stringify({ kind: 'TokenReview', spec: {} }), tokens],
    [JSON.stringify({ kind: 'TokenReview', apiVersion: 'v1', spec: {} }), tokens],
    [JSON.stringify({ kind: ['TokenReview'], apiVersion: 'authentication.k8s.io/v1' }), kinds],
  ] as const) {
    const reply = await respond(body)
    t.equal(reply.code, 400, String(body))
    const status = JSON.parse(reply.text)
    t.match(status, { kind: 'Status', status: 'Failure', code: 400, reason: 'BadRequest' }, String(body))
    t.match(status.message, message, String(body))
  }
  t.strictSame(lines, [], 'a client’s fault is no fault of the server')
})

t.test('a path of one kind expects that kind alone', async (t) => {
  const { respond } = responder([accessReviews(echo('access'))])
  t.match(await statusOf(respond(reviewBody({}))), {
    code: 400,
    message: /^kind: expected SubjectAccessReview$/,
  })
})

t.test('text in UTF-8 is read as such', async (t) => {
  const { respond } = responder()
  t.strictSame((await statusOf(respond(reviewBody({ name: 'Zoë 日本' })))).status.spec, { name: 'Zoë 日本' })
})

t.test('what a handler says is wrong with the request is a 400, at once or later', async (t) => {
  const invalid = { invalid: 'spec.token: expected a text' }
  const { respond } = responder([tokenReviews(() => invalid), accessReviews(async () => invalid)])
  for (const [group, kind] of [
    ['authentication', 'TokenReview'],
    ['authorization', 'SubjectAccessReview'],
  ] as const) {
    const reply = await respond(reviewBody({}, group, kind))
    t.equal(reply.code, 400)
    t.match(JSON.parse(reply.text), { kind: 'Status', code: 400, message: 'spec.token: expected a text' })
  }
})

t.test('a handler that breaks is a 500 and one log line, without the words of the error', async (t) => {
  const coded = Object.assign(new Error('what was sent'), { code: 'E_TEST' })
  for (const [thrown, err] of [
    [coded, 'E_TEST'],
    [new Error('what was sent'), 'unknown'],
    ['what was sent', 'unknown'],
    [undefined, 'unknown'],
    [null, 'unknown'],
  ] as const)
    for (const answer of [
      () => {
        throw thrown
      },
      () => Promise.reject(thrown),
    ]) {
      const { respond, lines } = responder([tokenReviews(answer)])
      const reply = await respond(reviewBody({ token: 'what was sent' }))
      t.equal(reply.code, 500)
      t.match(JSON.parse(reply.text), {
        kind: 'Status',
        code: 500,
        reason: 'InternalError',
        message: /error/,
      })
      t.notMatch(reply.text, /what was sent/)
      t.strictSame(lines, [{ level: 'error', err, msg: 'A request failed inside' }])
    }
})

t.test('a refusal is a Status of its code, and a large body is told the limit', async (t) => {
  const { code, text } = refusal(413, tooLarge(1000))
  t.equal(code, 413)
  t.match(JSON.parse(text), {
    kind: 'Status',
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: /1000 bytes/,
  })
})
