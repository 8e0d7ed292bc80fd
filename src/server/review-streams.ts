import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { type ReviewReply, type ReviewResponder, refusal, tooLarge } from './review-responder.ts'

/** Takes a new HTTP/2 stream, or leaves it (false) to who takes all the others. */
export type StreamTaker = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => boolean

/**
 * What kube-apiserver sends all day, a POST of a review over HTTP/2, is read and answered on Node's stream itself,
 * without the request and reply objects that Fastify and Node would put around it (docs/architecture.md).
 * Everything else, and every fault that shows in the headers, is left to Fastify.
 */
export function reviewStreams(options: {
  responders: ReadonlyMap<string, ReviewResponder>
  /** Bytes of a body. */
  limit: number
}): StreamTaker {
  const { responders, limit } = options
  return (stream, headers) => {
    if (headers[':method'] !== 'POST' || headers['content-type'] !== 'application/json') return false
    if (headers.expect !== undefined || Number(headers['content-length'] ?? 0) > limit) return false
    const respond = responders.get(pathOf(headers[':path'] ?? ''))
    if (respond === undefined) return false
    answerStream(stream, respond, limit)
    return true
  }
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

function answerStream(stream: ServerHttp2Stream, respond: ReviewResponder, limit: number): void {
  const chunks: Buffer[] = []
  let size = 0
  const reply = ({ code, text }: ReviewReply) => {
    if (stream.destroyed || stream.closed) return
    stream.respond({
      ':status': code,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    })
    stream.end(text)
  }
  // the client gave up: nobody waits for the answer
  stream.on('error', () => {})
  stream.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= limit) chunks.push(chunk)
    else if (size - chunk.length <= limit) {
      chunks.length = 0
      reply(refusal(413, tooLarge(limit)))
      // RFC 9113, 8.1: no error, only an end to the upload
      stream.once('finish', () => stream.close())
    }
  })
  stream.on('end', () => {
    if (size > limit) return
    const answer = respond(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks))
    if (answer instanceof Promise) answer.then(reply)
    else reply(answer)
  })
}
