import { isRecord } from '../json.ts'
import type { App } from './app.ts'
import { REVIEW_VERSIONS, type ReviewAnswer, type ReviewHandler, type ReviewVersion } from './review.ts'
import { statusObject } from './status.ts'

type Request = { readonly handler: ReviewHandler; readonly version: ReviewVersion; readonly spec: unknown }

/**
 * POST `/webhook` takes every kind of review, as k8s-keystone-auth does; the other paths take one kind each. The
 * answer has the request's apiVersion and kind (contracts A.5) and nothing else of the request: above all no token.
 */
export function addWebhookRoutes(app: App, routes: Readonly<Record<string, readonly ReviewHandler[]>>): void {
  for (const [path, handlers] of Object.entries(routes)) {
    const prefixes = answerPrefixes(handlers)
    app.route({
      method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url: path,
      // what other methods bring is not read
      onRequest: (_request, reply, _done) =>
        void reply.code(405).header('allow', 'POST').send(statusObject(405, 'expected POST')),
      handler: () => undefined,
    })
    app.post(path, (request, reply) => {
      const review = readReview(request.body, handlers)
      const refuse = (message: string) => void reply.code(400).send(statusObject(400, message))
      if (typeof review === 'string') return refuse(review)
      const finish = (answer: ReviewAnswer) => {
        if ('invalid' in answer) return refuse(answer.invalid)
        const prefix = prefixes.get(`${review.handler.kind}/${review.version}`)
        reply.header('content-type', 'application/json').send(`${prefix}${answer.status}}`)
      }
      const answer = review.handler.answer(review.version, review.spec)
      if (answer instanceof Promise) answer.then(finish)
      else finish(answer)
    })
  }
}

/** Everything that stands before the status, made once for each kind and version. */
function answerPrefixes(handlers: readonly ReviewHandler[]): ReadonlyMap<string, string> {
  return new Map(
    handlers.flatMap(({ group, kind }) =>
      REVIEW_VERSIONS.map((version) => [
        `${kind}/${version}`,
        `{"kind":"${kind}","apiVersion":"${group}/${version}","metadata":{"creationTimestamp":null},"status":`,
      ]),
    ),
  )
}

function readReview(body: unknown, handlers: readonly ReviewHandler[]): Request | string {
  if (!isRecord(body)) return 'expected a review: a JSON object with apiVersion, kind and spec'
  const handler = handlers.find((candidate) => candidate.kind === body.kind)
  if (handler === undefined)
    return `kind: expected ${handlers.map((candidate) => candidate.kind).join(' or ')}`
  const version = REVIEW_VERSIONS.find((candidate) => `${handler.group}/${candidate}` === body.apiVersion)
  if (version === undefined)
    return `apiVersion: expected ${REVIEW_VERSIONS.map((candidate) => `${handler.group}/${candidate}`).join(' or ')}`
  return { handler, version, spec: body.spec }
}
