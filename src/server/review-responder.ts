import { isUtf8 } from 'node:buffer'
import { isRecord } from '../json.ts'
import type { Log } from '../log.ts'
import { REVIEW_VERSIONS, type ReviewAnswer, type ReviewHandler, type ReviewVersion } from './review.ts'
import { statusObject } from './status.ts'

/** A status code and a JSON text: a review, or a Status object. */
export interface ReviewReply {
  readonly code: number
  readonly text: string
}

/** Answers the body of a POST. Known tokens and decisions are answered at once, without a promise. Never throws. */
export type ReviewResponder = (body: Buffer) => ReviewReply | Promise<ReviewReply>

type Request = { readonly handler: ReviewHandler; readonly version: ReviewVersion; readonly spec: unknown }

export const NOT_JSON = 'the body is not a JSON document in UTF-8'
export const tooLarge = (limit: number) => `the body is larger than ${limit} bytes`

/**
 * Takes the kinds of review of its handlers. The answer has the request's apiVersion and kind (contracts A.5) and
 * nothing else of the request: above all no token. `parse` throws on what is no JSON.
 */
export function createReviewResponder(parts: {
  handlers: readonly ReviewHandler[]
  parse: (text: string) => unknown
  log: Log
}): ReviewResponder {
  const { handlers, parse, log } = parts
  const prefixes = answerPrefixes(handlers)
  const finish = ({ handler, version }: Request, answer: ReviewAnswer): ReviewReply =>
    'invalid' in answer
      ? refusal(400, answer.invalid)
      : { code: 200, text: `${prefixes.get(`${handler.kind}/${version}`)}${answer.status}}` }

  /** What a handler must not do, so that nothing can break off here. Messages can hold what was sent. */
  const broken = (error: unknown) => {
    log.error({ err: (error as NodeJS.ErrnoException)?.code ?? 'unknown' }, 'A request failed inside')
    return refusal(500, 'internal error')
  }

  function respond(body: Buffer) {
    if (!isUtf8(body)) return refusal(400, NOT_JSON)
    let document: unknown
    try {
      document = parse(body.toString('utf8'))
    } catch {
      return refusal(400, NOT_JSON)
    }
    const request = readReview(document, handlers)
    if (typeof request === 'string') return refusal(400, request)
    const answer = request.handler.answer(request.version, request.spec)
    return answer instanceof Promise
      ? answer.then((late) => finish(request, late)).catch(broken)
      : finish(request, answer)
  }

  return (body) => {
    try {
      return respond(body)
    } catch (error) {
      return broken(error)
    }
  }
}

export const refusal = (code: number, message: string): ReviewReply => ({
  code,
  text: JSON.stringify(statusObject(code, message)),
})

/** Everything that stands before the status, made once for each kind and version. */
function answerPrefixes(handlers: readonly ReviewHandler[]): ReadonlyMap<string, string> {
  return new Map(
    handlers.flatMap(({ group, kind }) =>
      REVIEW_VERSIONS.map((version) => [
        `${kind}/${version}`,
        `{"kind":"${kind}","apiVersion":"${group}/${version}","metadata":{"creationTimestamp":null},"status":`,
      ]),
    ),
  )
}

function readReview(body: unknown, handlers: readonly ReviewHandler[]): Request | string {
  if (!isRecord(body)) return 'expected a review: a JSON object with apiVersion, kind and spec'
  const handler = handlers.find((candidate) => candidate.kind === body.kind)
  if (handler === undefined)
    return `kind: expected ${handlers.map((candidate) => candidate.kind).join(' or ')}`
  const version = REVIEW_VERSIONS.find((candidate) => `${handler.group}/${candidate}` === body.apiVersion)
  if (version === undefined)
    return `apiVersion: expected ${REVIEW_VERSIONS.map((candidate) => `${handler.group}/${candidate}`).join(' or ')}`
  return { handler, version, spec: body.spec }
}
