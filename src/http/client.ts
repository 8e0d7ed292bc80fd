import { Agent, type Dispatcher, errors } from 'undici'
import { PortcullisError } from '../errors.ts'

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Ends the request: HTTP_TIMEOUT. Every request has one. */
  readonly signal: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  /** Header names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export interface HttpClient {
  /** Any answer of at most `maxBytes` is an answer; else HTTP_UNREACHABLE, HTTP_TIMEOUT or HTTP_ANSWER_TOO_LARGE. */
  request(request: HttpRequest): Promise<HttpAnswer>
  close(): Promise<void>
}

/** HTTP towards OpenStack and Kubernetes: keep-alive, no redirects, bounded answers. */
export function createHttpClient(options: {
  /** PEM of the certificate authorities to trust instead of the system's. */
  ca?: string | undefined
  userAgent: string
  /** Connections to one origin. */
  connections: number
  maxBytes?: number
}): HttpClient {
  const maxBytes = options.maxBytes ?? 1024 * 1024
  const agent = new Agent({
    connections: options.connections,
    pipelining: 1,
    allowH2: false,
    keepAliveTimeout: 30_000,
    maxResponseSize: maxBytes,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 10_000, ...(options.ca === undefined ? {} : { ca: options.ca }) },
  })
  return {
    async request({ method = 'GET', url, headers, body, signal }) {
      const { origin, pathname, search } = new URL(url)
      try {
        const answer = await agent.request({
          origin,
          path: pathname + search,
          method,
          signal,
          headers: { 'user-agent': options.userAgent, accept: 'application/json', ...headers },
          ...(body === undefined ? {} : { body }),
        })
        return { status: answer.statusCode, headers: answer.headers, body: await read(answer.body) }
      } catch (error) {
        throw translated(error, origin, signal)
      }
    },
    close: () => agent.destroy(),
  }
}

async function read(body: Dispatcher.ResponseData['body']): Promise<Buffer> {
  return Buffer.from(await body.arrayBuffer())
}

/** The cause's own text can hold what was sent or received, so only its code is kept. */
function translated(error: unknown, origin: string, signal: AbortSignal): PortcullisError {
  if (signal.aborted) return new PortcullisError('HTTP_TIMEOUT', `${origin} did not answer in time`)
  if (error instanceof errors.ResponseExceededMaxSizeError)
    return new PortcullisError('HTTP_ANSWER_TOO_LARGE', `${origin} sent a larger answer than is accepted`)
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? 'connection failed'
  return new PortcullisError('HTTP_UNREACHABLE', `cannot reach ${origin}: ${code}`)
}
