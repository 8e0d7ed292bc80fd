import { lookup } from 'node:dns/promises'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { AddressInfo, Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import { systemClock } from '../clock.ts'
import type { HostPort } from '../config/option.ts'
import type { Log } from '../log.ts'
import { NOT_JSON, tooLarge } from './review-responder.ts'
import type { StreamTaker } from './review-streams.ts'
import { TLS_RULES } from './serving-certificate.ts'
import { statusObject } from './status.ts'

/** The one place that knows Fastify; routes are added by those who take an App. */
export type App = FastifyInstance
export type Reply = FastifyReply

/** A review with the largest token and many groups has some 100 KB; contracts A.7. */
export const BODY_LIMIT = 1024 * 1024
/** Above Go's 90 s for idle connections: a connection is never closed by us while the apiserver uses it (contracts A.4). */
const KEEP_ALIVE_MS = 100_000
/** A request that takes longer to arrive than the apiserver waits for its answer is of no use to anybody. */
const REQUEST_MS = 35_000
const HTTP1_TIMEOUTS = { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: REQUEST_MS }
const MAX_CONNECTIONS = 4096
/** The apiserver waits no longer for an answer. */
const DRAIN_MS = 30_000

export interface ServingTls extends Pick<SecureContextOptions, 'cert' | 'key' | 'ca'> {}

/**
 * A Fastify instance that answers every fault with a Status object, takes JSON only and never sends
 * Retry-After. With `tls`: TLS 1.2 and up, HTTP/2 and HTTP/1.1; a client CA makes client certificates required. Closing
 * waits `drainMs` at most for answers and for clients to go.
 */
export function createApp(options: { log: Log; tls?: ServingTls; drainMs?: number }): App {
  const answerFault = faultAnswers(options.log)
  const common = {
    bodyLimit: BODY_LIMIT,
    ...HTTP1_TIMEOUTS,
    http2SessionTimeout: KEEP_ALIVE_MS,
    return503OnClosing: false,
    frameworkErrors: answerFault as never,
    routerOptions: { ignoreTrailingSlash: true },
    exposeHeadRoutes: false,
    // no route has a schema: Fastify need not load what compiles them
    // Stryker disable next-line ObjectLiteral: only the start is slower without it
    schemaController: { compilersFactory: { buildValidator: noSchemas, buildSerializer: noSchemas } },
  }
  const app = (
    options.tls === undefined
      ? fastify(common)
      : fastify({
          ...common,
          http2: true,
          https: {
            allowHTTP1: true,
            // Fastify sets these on servers without HTTP/2 alone
            ...HTTP1_TIMEOUTS,
            ...TLS_RULES,
            ...options.tls,
            ...(options.tls.ca !== undefined && { requestCert: true, rejectUnauthorized: true }),
          },
        })
  ) as App
  app.server.maxConnections = MAX_CONNECTIONS
  acceptJsonOnly(app)
  endConnectionsOnClose(app, options.drainMs ?? DRAIN_MS)
  app.setErrorHandler(answerFault)
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send(statusObject(404, 'there is nothing at this path')),
  )
  return app
}

/** Answers what a handler threw, and what Fastify refuses before any handler sees it. */
function faultAnswers(log: Log) {
  return (error: { statusCode?: number; code?: string }, request: FastifyRequest, reply: Reply) => {
    const code = error.statusCode ?? 500
    if (request.raw.httpVersionMajor === 2) reply.removeHeader('connection')
    if (code >= 500) log.error({ err: error.code ?? 'unknown' }, 'A request failed inside')
    return reply.code(code).send(statusObject(code, MESSAGES[code] ?? 'the request cannot be served'))
  }
}

/** An answer to what was asked before the end would keep its HTTP/1.1 connection, and with it the server, for 100 s. */
function endConnectionsOnClose(app: App, drainMs: number): void {
  const connections = new Set<Socket>()
  app.server.on('connection', (connection: Socket) => {
    connections.add(connection)
    connection.once('close', () => connections.delete(connection))
  })
  let closing = false
  app.addHook('preClose', (done) => {
    closing = true
    // Node stops looking for requests that take too long, and would wait for good for a client that is silent or stalled
    systemClock.after(drainMs, () => {
      for (const connection of connections) connection.destroy()
    })
    done()
  })
  app.addHook('onSend', (request, reply, _payload, done) => {
    if (closing && request.raw.httpVersionMajor === 1) reply.header('connection', 'close')
    done()
  })
}

// Stryker disable next-line BlockStatement: nothing calls it, and that is its point
function noSchemas(): never {
  // Stryker disable next-line StringLiteral: nothing calls it
  throw new Error('routes have no schemas here')
}

/** Our own words: the library's can quote what was sent, which may be a token. */
const MESSAGES: Readonly<Record<number, string>> = {
  400: NOT_JSON,
  413: tooLarge(BODY_LIMIT),
  414: 'the URL is too long',
  415: 'expected Content-Type: application/json',
  500: 'internal error',
}

function acceptJsonOnly(app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, body),
  )
}

/** JSON.parse that refuses what would reach for a prototype. Throws on what is no JSON. */
export function jsonParser(app: App): (text: string) => unknown {
  const parse = app.getDefaultJsonParser('error', 'error')
  return (text) => {
    let document: unknown
    parse(undefined as never, text, (error, parsed) => {
      if (error) throw error
      document = parsed
    })
    return document
  }
}

/** Lets `take` have each new HTTP/2 stream first. What it leaves goes the way of Fastify. */
export function takeStreams(app: App, take: StreamTaker): void {
  const [pass] = app.server.listeners('stream')
  if (pass === undefined) return
  app.server.removeListener('stream', pass as () => void)
  app.server.on('stream', (...args: [ServerHttp2Stream, IncomingHttpHeaders]) => {
    if (!take(args[0], args[1])) pass.apply(app.server, args)
  })
}

/** Starts to listen; gives the port, which matters when it was 0. */
export async function listen(app: App, { host, port }: HostPort): Promise<number> {
  // for the name localhost Fastify would start a second server, without our limits and renewed certificates
  const { address } = await lookup(host)
  await app.listen({ host: address, port })
  return (app.server.address() as AddressInfo).port
}
