import type { IncomingMessage } from 'node:http'
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
  let close = () => {}

  function open(protocol: string) {
    // an import would run every getter of the module, and one of them loads undici
    if (protocol === 'http:') {
      const http = process.getBuiltinModule('node:http')
      const agent = new http.Agent({ keepAlive: true })
      close = () => agent.destroy()
      return { request: http.request, agent }
    }
    const https = process.getBuiltinModule('node:https')
    const agent = new https.Agent({ keepAlive: true, ...tlsOptions(tls) })
    close = () => agent.destroy()
    return { request: https.request, agent }
  }

  let opened: ReturnType<typeof open> | undefined
  return {
    request({ method = 'GET', url, headers, body, signal }) {
      const { protocol, origin } = new URL(url)
      opened ??= open(protocol)
      const { request, agent } = opened
      return new Promise<HttpAnswer>((resolve, reject) => {
        const fail = (error: unknown) => reject(translated(error, origin, signal, tls))
        const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
        const sent = request(url, {
          method,
          agent,
          signal,
          headers: { 'user-agent': userAgent, accept: 'application/json', ...length, ...headers },
        })
        sent.on('response', (answer) => read(answer).then(resolve, fail))
        sent.on('error', fail)
        sent.end(body)
      })
    },
    close: async () => close(),
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
  try {
    return { secureContext: createSecureContext(options) }
  } catch (error) {
    const files = [ca, cert, key].filter((path) => path !== undefined).join(', ')
    const { code = 'no PEM' } = error as NodeJS.ErrnoException
    throw new PortcullisError('CERTIFICATE_INVALID', `cannot use ${files}: ${code}`)
  }
}

async function read(answer: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer) {
    size += (chunk as Buffer).length
    if (size > MAX_BYTES) throw new PortcullisError('HTTP_ANSWER_TOO_LARGE', 'too large')
    chunks.push(chunk as Buffer)
  }
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }
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
