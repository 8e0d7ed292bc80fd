import { PortcullisError } from '../errors.ts'
import { isRecord } from '../json.ts'
import { type Refusal, refusalOf } from './answer.ts'
import { asObject, type KubernetesObject } from './object.ts'

/** One line of a watch ("Efficient detection of changes" in the API concepts). */
export type WatchEvent =
  | { readonly kind: 'put' | 'gone' | 'bookmark'; readonly object: KubernetesObject }
  /** The watch is over: `expired` if the list must be read anew, undefined for a failure of the API server. */
  | { readonly kind: 'ended'; readonly refusal: Refusal | undefined }

/** An object has at most 1.5 MiB in etcd; as JSON within JSON it can be a few times that. */
const MAX_LINE_BYTES = 16 * 1024 * 1024

const KINDS: Readonly<Record<string, 'put' | 'gone' | 'bookmark'>> = {
  ADDED: 'put',
  MODIFIED: 'put',
  DELETED: 'gone',
  BOOKMARK: 'bookmark',
}

/** Takes a stream apart into its events. Throws KUBERNETES_BAD_ANSWER for anything else, and what the stream throws. */
export async function* readEvents(body: AsyncIterable<Buffer>): AsyncGenerator<WatchEvent> {
  let rest: Buffer[] = []
  let length = 0
  for await (const piece of body) {
    let from = 0
    for (let end = piece.indexOf(10); end !== -1; end = piece.indexOf(10, from)) {
      yield readEvent(Buffer.concat([...rest, piece.subarray(from, end)]))
      rest = []
      length = 0
      from = end + 1
    }
    rest.push(piece.subarray(from))
    length += piece.length - from
    if (length > MAX_LINE_BYTES)
      throw new PortcullisError('KUBERNETES_BAD_ANSWER', 'a watch event is too long')
  }
}

function readEvent(line: Buffer): WatchEvent {
  const event = parsed(line)
  if (isRecord(event) && typeof event.type === 'string') {
    if (event.type === 'ERROR' && isRecord(event.object))
      return { kind: 'ended', refusal: refusalOf(event.object.code, event.object) }
    const kind = KINDS[event.type]
    const object = kind === 'bookmark' ? asBookmark(event.object) : asObject(event.object)
    if (kind !== undefined && object?.metadata.resourceVersion) return { kind, object }
  }
  throw new PortcullisError('KUBERNETES_BAD_ANSWER', 'a watch sent something that is no event')
}

/** A bookmark's object has a resource version and no name. */
const asBookmark = (value: unknown) =>
  isRecord(value) && isRecord(value.metadata)
    ? ({ ...value, metadata: { name: '', ...value.metadata } } as KubernetesObject)
    : undefined

function parsed(line: Buffer): unknown {
  try {
    return JSON.parse(line.toString('utf8'))
  } catch {
    return undefined
  }
}
