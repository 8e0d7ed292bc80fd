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

/** An answer whose body has no end that can be waited for. */
export interface HttpStream {
  readonly status: number
  /** Throws HTTP_UNREACHABLE or HTTP_TIMEOUT when it breaks off; whoever reads it bounds it. */
  readonly body: AsyncIterable<Buffer>
}

export interface HttpClient {
  /** Any answer of at most `maxBytes` is an answer; else HTTP_UNREACHABLE, HTTP_TIMEOUT or HTTP_ANSWER_TOO_LARGE. */
  request(request: HttpRequest): Promise<HttpAnswer>
  close(): Promise<void>
}

export interface StreamingHttpClient extends HttpClient {
  /** The beginning of an answer, of whatever size it will be; errors as those of `request`. */
  stream(request: HttpRequest): Promise<HttpStream>
}

/** HTTP towards OpenStack and Kubernetes: keep-alive, no redirects, bounded answers. */
export function createHttpClient(options: {
  /** PEM of the certificate authorities to trust instead of the system's. */
  ca?: string | undefined
  /** PEM of our own certificate and its key, for servers that know clients by them. */
  cert?: string | undefined
  key?: string | undefined
  /** The name that the server's certificate must have, when it is not the URL's host. */
  serverName?: string | undefined
  userAgent: string
  /** Connections to one origin. */
  connections: number
  maxBytes?: number
}): StreamingHttpClient {
  const maxBytes = options.maxBytes ?? 1024 * 1024
  const { ca, cert, key, serverName } = options
  const agent = (maxResponseSize: number) =>
    new Agent({
      connections: options.connections,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: 30_000,
      maxResponseSize,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        timeout: 10_000,
        ...(ca !== undefined && { ca }),
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
        ...(serverName !== undefined && { servername: serverName }),
      },
    })
  const bounded = agent(maxBytes)
  let unbounded: Agent | undefined

  function send(over: Agent, { method = 'GET', url, headers, body, signal }: HttpRequest) {
    const { origin, pathname, search } = new URL(url)
    return over.request({
      origin,
      path: pathname + search,
      method,
      signal,
      headers: { 'user-agent': options.userAgent, accept: 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
    })
  }

  return {
    async request(request) {
      try {
        const answer = await send(bounded, request)
        return { status: answer.statusCode, headers: answer.headers, body: await read(answer.body) }
      } catch (error) {
        throw translated(error, request)
      }
    },
    async stream(request) {
      unbounded ??= agent(-1)
      try {
        const answer = await send(unbounded, request)
        return { status: answer.statusCode, body: pieces(answer.body, request) }
      } catch (error) {
        throw translated(error, request)
      }
    },
    async close() {
      await Promise.all([bounded.destroy(), unbounded?.destroy()])
    },
  }
}

async function read(body: Dispatcher.ResponseData['body']): Promise<Buffer> {
  return Buffer.from(await body.arrayBuffer())
}

async function* pieces(body: Dispatcher.ResponseData['body'], request: HttpRequest): AsyncGenerator<Buffer> {
  try {
    yield* body
  } catch (error) {
    throw translated(error, request)
  }
}

/** The cause's own text can hold what was sent or received, so only its code is kept. */
function translated(error: unknown, { url, signal }: HttpRequest): PortcullisError {
  const { origin } = new URL(url)
  if (signal.aborted) return new PortcullisError('HTTP_TIMEOUT', `${origin} did not answer in time`)
  if (error instanceof errors.ResponseExceededMaxSizeError)
    return new PortcullisError('HTTP_ANSWER_TOO_LARGE', `${origin} sent a larger answer than is accepted`)
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? 'connection failed'
  return new PortcullisError('HTTP_UNREACHABLE', `cannot reach ${origin}: ${code}`)
}
