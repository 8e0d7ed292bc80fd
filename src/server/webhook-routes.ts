import type { Log } from '../log.ts'
import { type App, BODY_LIMIT, jsonParser, takeStreams } from './app.ts'
import type { ReviewHandler } from './review.ts'
import { createReviewResponder, type ReviewReply } from './review-responder.ts'
import { reviewStreams } from './review-streams.ts'
import { statusObject } from './status.ts'

const NOTHING = Buffer.alloc(0)

/**
 * POST `/webhook` takes every kind of review, as k8s-keystone-auth does; the other paths take one kind each. Both
 * ways in, over HTTP/1.1 and over HTTP/2, end at the same responder.
 */
export function addWebhookRoutes(
  app: App,
  routes: Readonly<Record<string, readonly ReviewHandler[]>>,
  log: Log,
): void {
  const parse = jsonParser(app)
  const responders = new Map(
    Object.entries(routes).map(
      ([path, handlers]) => [path, createReviewResponder({ handlers, parse, log })] as const,
    ),
  )
  for (const [path, respond] of responders) {
    app.route({
      method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url: path,
      // what other methods bring is not read
      onRequest: (_request, reply, _done) =>
        void reply.code(405).header('allow', 'POST').send(statusObject(405, 'expected POST')),
      handler: () => undefined,
    })
    app.post(path, (request, reply) => {
      const finish = ({ code, text }: ReviewReply) =>
        void reply.code(code).header('content-type', 'application/json').send(text)
      const answer = respond((request.body as Buffer | undefined) ?? NOTHING)
      if (answer instanceof Promise) answer.then(finish)
      else finish(answer)
    })
  }
  takeStreams(app, reviewStreams({ responders, limit: BODY_LIMIT }))
}
