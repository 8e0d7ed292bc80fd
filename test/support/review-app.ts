import { type ClientHttp2Session, connect } from 'node:http2'
import type { Test } from 'tap'
import { type App, createApp, listen } from '../../src/server/app.ts'
import type { ReviewAnswer, ReviewHandler, ReviewVersion } from '../../src/server/review.ts'
import { addWebhookRoutes } from '../../src/server/webhook-routes.ts'
import { issue, makeAuthority } from './certificates.ts'
import { recordLog } from './recorded-log.ts'
import { ask, askOn } from './wire.ts'

export type Answer = (version: ReviewVersion, spec: unknown) => ReviewAnswer | Promise<ReviewAnswer>

export const tokenReviews = (answer: Answer): ReviewHandler => ({
  group: 'authentication.k8s.io',
  kind: 'TokenReview',
  answer,
})

export const accessReviews = (answer: Answer): ReviewHandler => ({
  group: 'authorization.k8s.io',
  kind: 'SubjectAccessReview',
  answer,
})

/** A review as a client sends it. */
export const reviewBody = (spec: unknown, group = 'authentication', kind = 'TokenReview', version = 'v1') =>
  JSON.stringify({ kind, apiVersion: `${group}.k8s.io/${version}`, metadata: {}, spec })

const identity = makeAuthority().then(async (authority) => ({
  ca: authority.cert,
  ...(await issue(authority, 'webhook')),
}))

/** The webhooks in this process, over TLS: over HTTP/1.1 and over HTTP/2. */
export async function startWebhooks(
  t: Test,
  routes: Readonly<Record<string, readonly ReviewHandler[]>>,
  prepare: (app: App) => void = () => {},
) {
  const { log, lines } = recordLog()
  const { ca, cert, key } = await identity
  const app = createApp({ log, tls: { cert, key } })
  prepare(app)
  addWebhookRoutes(app, routes, log)
  const url = `https://localhost:${await listen(app, { host: 'localhost', port: 0 })}`
  let session: ClientHttp2Session | undefined
  t.teardown(async () => {
    session?.destroy()
    await app.close()
  })
  const open = () => {
    const opened = connect(url, { ca })
    t.teardown(() => opened.destroy())
    return opened
  }
  type Request = Parameters<typeof askOn>[1]
  return {
    ...{ app, url, ca, lines, open },
    http1: (request: Request) => ask(url, request, { ca }),
    http2: (request: Request) => {
      session ??= open()
      return askOn(session, request)
    },
  }
}
