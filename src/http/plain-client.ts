import type { Agent, IncomingMessage } from 'node:http'
import { errorText, PortcullisError } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'
import type { HttpAnswer, HttpClient } from './client.ts'

const MAX_BYTES = 1024 * 1024
/** Codes of OpenSSL and Node for a chain that does not end at an authority we trust, or is not for this host. */
const UNTRUSTED = /CERT|ISSUER|VERIFY_LEAF|ALTNAME/

export interface TlsFiles {
  /** PEM files: authorities in place of those of Node and the system, client certificate and its key. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/**
 * HTTP for commands that make a few calls and end: Node's own client, loaded at the first call, because undici takes longer to load
 * than Keystone to answer. Throws as `createHttpClient` does, and FILE_UNREADABLE or CERTIFICATE_INVALID.
 */
export function createPlainHttpClient(options: { userAgent: string; tls: TlsFiles }): HttpClient {
  const { userAgent, tls } = options
  let agent: Agent | undefined

  return {
    request({ method = 'GET', url, headers, body, signal }) {
      const { protocol, origin } = new URL(url)
      // an import would run every getter of the module, and one of them loads undici
      const { Agent, request } =
        protocol === 'http:' ? process.getBuiltinModule('node:http') : process.getBuiltinModule('node:https')
      agent ??= new Agent({ keepAlive: true, ...(protocol === 'https:' && tlsOptions(tls)) })
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
      return new Promise<HttpAnswer>((resolve, reject) => {
        const fail = (error: unknown) => reject(translated(error, origin, signal, tls))
        const sent = request(
          url,
          {
            method,
            agent,
            headers: { 'user-agent': userAgent, accept: 'application/json', ...length, ...headers },
          },
          (answer) => read(answer, resolve, fail),
        )
        sent.on('error', fail)
        signal.addEventListener('abort', () => sent.destroy(new Error('aborted')), { once: true })
        sent.end(body)
      })
    },
    close: async () => agent?.destroy(),
  }
}

function tlsOptions({ ca, cert, key }: TlsFiles) {
  const { createSecureContext, getCACertificates } = process.getBuiltinModule('node:tls')
  const options = {
    // without a file both Node's authorities and this machine's count, as other programs on it have them
    ca:
      ca === undefined
        ? [...getCACertificates('default'), ...getCACertificates('system')]
        : readConfigFile(ca),
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
  fail: (error: unknown) => void,
): void {
  const chunks: Buffer[] = []
  let size = 0
  answer.on('data', (chunk: Buffer) => {
    size += chunk.length
    chunks.push(chunk)
    if (size > MAX_BYTES) answer.destroy(new PortcullisError('HTTP_ANSWER_TOO_LARGE', 'too large'))
  })
  answer.on('error', fail)
  answer.on('end', () =>
    resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }),
  )
}

/** The cause's own text can hold what was sent or received, so only its code is kept. */
function translated(error: unknown, origin: string, signal: AbortSignal, tls: TlsFiles): PortcullisError {
  if (error instanceof PortcullisError)
    return new PortcullisError(error.code, `${origin} sent a larger answer than is accepted`)
  if (signal.aborted) return new PortcullisError('HTTP_TIMEOUT', `${origin} did not answer in time`)
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? errorText(error)
  if (UNTRUSTED.test(code))
    return new PortcullisError(
      'HTTP_UNREACHABLE',
      `cannot trust the certificate of ${origin} with the authorities of ${tls.ca ?? 'this machine'} (${code}): name the right ones with --cacert or OS_CACERT`,
    )
  return new PortcullisError('HTTP_UNREACHABLE', `cannot reach ${origin}: ${code}`)
}
