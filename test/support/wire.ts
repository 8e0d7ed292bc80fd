import { request as httpRequest } from 'node:http'
import { type ClientHttp2Session, connect } from 'node:http2'
import { request as httpsRequest, type RequestOptions } from 'node:https'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
}

interface Ask {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

/** One request over HTTP/1.1. */
export function ask(
  url: string,
  ask: Ask,
  tls: Pick<RequestOptions, 'ca' | 'cert' | 'key'> = {},
): Promise<Reply> {
  const secure = url.startsWith('https:')
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsRequest : httpRequest)(
      url + (ask.path ?? ''),
      { method: ask.method ?? 'GET', headers: ask.headers ?? {}, agent: false, ...tls },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
        )
        response.on('error', reject)
      },
    )
    request.on('error', reject)
    request.end(ask.body)
  })
}

/** One request over HTTP/2 on a session that is open. */
export function askOn(session: ClientHttp2Session, ask: Ask): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': ask.method ?? 'GET',
      ':path': ask.path ?? '/',
      ...ask.headers,
    })
    let reply: Reply | undefined
    let text = ''
    stream.on('response', (headers) => {
      reply = { status: Number(headers[':status']), headers, text: '' }
    })
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
    stream.on('close', () => {
      if (reply === undefined) reject(new Error(`the stream was reset with code ${stream.rstCode}`))
      else resolve({ ...reply, text })
    })
    stream.on('error', (error) => {
      if (reply === undefined) reject(error)
    })
    stream.end(ask.body)
  })
}

/** One request over a HTTP/2 session of its own. */
export async function ask2(
  url: string,
  request: Ask,
  tls: { ca?: string; cert?: string; key?: string } = {},
): Promise<Reply> {
  const session = connect(url, tls)
  try {
    return await new Promise<Reply>((resolve, reject) => {
      session.on('error', reject)
      askOn(session, request).then(resolve, reject)
    })
  } finally {
    session.close()
  }
}

export const JSON_TYPE = { 'content-type': 'application/json', accept: 'application/json, */*' }

/** The body of a TokenReview as kube-apiserver sends it (contracts A.2). */
export function tokenReview(
  token: string,
  version: 'v1' | 'v1beta1' = 'v1',
  audiences?: readonly string[],
): string {
  const spec = { token, ...(audiences && { audiences }) }
  const review = { kind: 'TokenReview', apiVersion: `authentication.k8s.io/${version}`, metadata: {}, spec }
  return `${JSON.stringify({ ...review, status: { user: {} } })}\n`
}

export interface ReviewStatus {
  readonly authenticated?: boolean
  readonly error?: string
  readonly user?: {
    readonly username: string
    readonly uid: string
    readonly groups: readonly string[]
    readonly extra: Readonly<Record<string, readonly string[]>>
  }
  readonly audiences?: readonly string[]
}

/** Sends a TokenReview and gives the status of the answer. */
export async function review(
  server: { url: string; ca: string },
  body: string,
  path = '/webhook?timeout=30s',
) {
  const reply = await ask2(server.url, { method: 'POST', path, headers: JSON_TYPE, body }, { ca: server.ca })
  const answer = JSON.parse(reply.text) as { kind: string; apiVersion: string; status: ReviewStatus }
  return { ...reply, answer, status: reply.status, result: answer.status }
}
