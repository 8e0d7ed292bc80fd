import type { Agent, IncomingMessage } from 'node:http'
import type { AgentOptions } from 'node:https'
import { errorText, PortcullisError } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'
import type { HttpAnswer, HttpClient, HttpRequest } from './client.ts'

const MAX_BYTES = 1024 * 1024
/**
 * Codes of OpenSSL and Node for a chain that does not end at an authority we trust, or is not for this host. An alert is
 * the server's word about our certificate.
 */
const UNTRUSTED = /^(?!.*ALERT).*(CERT|VERIFY_LEAF)/

export interface TlsFiles {
  /** PEM files: authorities in place of those of Node and of this machine, client certificate and its key. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/**
 * HTTP for commands that make a few calls and end: Node's own client, loaded at the first call, because undici takes
 * longer to load than Keystone to answer. Throws as `createHttpClient` does, and FILE_UNREADABLE or CERTIFICATE_INVALID.
 */
export function createPlainHttpClient(options: { userAgent: string; tls: TlsFiles }): HttpClient {
  const { userAgent, tls } = options
  let agent: Agent | undefined

  function send(
    { method = 'GET', url, headers, body, signal }: HttpRequest,
    ofThisMachine: boolean,
  ): Promise<HttpAnswer> {
    signal.throwIfAborted() // no event comes any more
    const secure = new URL(url).protocol === 'https:'
    // an import would run every getter of the module, and one of them loads undici
    const { Agent, request } = process.getBuiltinModule(secure ? 'node:https' : 'node:http')
    agent ??= new Agent({ keepAlive: true, ...(secure && tlsOptions(tls, ofThisMachine)) })
    const allHeaders = { 'user-agent': userAgent, accept: 'application/json', ...headers }
    return new Promise<HttpAnswer>((resolve, reject) => {
      const sent = request(url, { method, agent: agent as Agent, headers: allHeaders }, (answer) =>
        read(answer, resolve, reject),
      )
      sent.on('error', reject)
      signal.addEventListener('abort', () => sent.destroy(new Error('aborted')), { once: true })
      sent.end(body)
    })
  }

  return {
    async request(request) {
      try {
        return await send(request, false).catch((error: unknown) => {
          // the authorities of this machine take half a second to read; nothing has been sent yet
          if (tls.ca !== undefined || !UNTRUSTED.test(codeOf(error))) throw error
          agent = undefined
          return send(request, true)
        })
      } catch (error) {
        throw translated(error, request, tls)
      }
    },
    close: async () => agent?.destroy(),
  }
}

function tlsOptions({ ca, cert, key }: TlsFiles, ofThisMachine: boolean): AgentOptions {
  const { createSecureContext, getCACertificates } = process.getBuiltinModule('node:tls')
  const both = ofThisMachine && [
    ...new Set([...getCACertificates('default'), ...getCACertificates('system')]),
  ]
  const options = {
    ...(both && { ca: both }),
    ...(ca !== undefined && { ca: readConfigFile(ca) }),
    ...(cert !== undefined && { cert: readConfigFile(cert) }),
    ...(key !== undefined && { key: readConfigFile(key) }),
  }
  const unusable = (why: string) => {
    const files = [ca, cert, key].filter((path) => path !== undefined).join(', ')
    return new PortcullisError('CERTIFICATE_INVALID', `cannot use ${files}: ${why}`)
  }
  // OpenSSL takes a file without a certificate for an empty list
  if (typeof options.ca === 'string' && !options.ca.includes('-----BEGIN ')) throw unusable('no PEM')
  try {
    return { secureContext: createSecureContext(options) }
  } catch (error) {
    throw unusable((error as NodeJS.ErrnoException).code ?? 'no PEM')
  }
}

function read(
  answer: IncomingMessage,
  resolve: (answer: HttpAnswer) => void,
  reject: (error: unknown) => void,
): void {
  const chunks: Buffer[] = []
  let size = 0
  answer.on('data', (chunk: Buffer) => {
    size += chunk.length
    chunks.push(chunk)
    if (size > MAX_BYTES) answer.destroy(new PortcullisError('HTTP_ANSWER_TOO_LARGE', 'too large'))
  })
  answer.on('error', reject)
  answer.on('end', () =>
    resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
  )
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException | undefined)?.code ?? ''

/** The cause's own text can hold what was sent or received, so only its code is kept. */
function translated(error: unknown, { url, signal }: HttpRequest, tls: TlsFiles): PortcullisError {
  const { origin } = new URL(url)
  if (error instanceof PortcullisError)
    return error.code === 'HTTP_ANSWER_TOO_LARGE'
      ? new PortcullisError(error.code, `${origin} sent a larger answer than is accepted`)
      : error
  if (signal.aborted) return new PortcullisError('HTTP_TIMEOUT', `${origin} did not answer in time`)
  const code = codeOf(error) || errorText(error)
  if (!UNTRUSTED.test(code)) return new PortcullisError('HTTP_UNREACHABLE', `cannot reach ${origin}: ${code}`)
  const authorities = tls.ca ?? 'this machine'
  return new PortcullisError(
    'HTTP_UNREACHABLE',
    `cannot trust the certificate of ${origin} with the authorities of ${authorities} (${code}): name the right ones with --cacert or OS_CACERT`,
  )
}
