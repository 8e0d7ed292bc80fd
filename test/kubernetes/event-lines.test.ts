import t from 'tap'
import { readEvents, type WatchEvent } from '../../src/kubernetes/event-lines.ts'
import { errorCode } from '../support/error-code.ts'

const object = (name: string, more: object = {}) => ({ metadata: { name, resourceVersion: '7', ...more } })
const lines = (...events: readonly object[]) => events.map((event) => `${JSON.stringify(event)}\n`).join('')
const MIB = 1024 * 1024

/** What comes of a stream that arrives in pieces of at most `size` bytes. */
async function read(text: string, size = text.length): Promise<WatchEvent[]> {
  async function* pieces() {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
  }
  const events: WatchEvent[] = []
  for await (const event of readEvents(pieces())) events.push(event)
  return events
}

t.test('events are the same however the stream is cut', async (t) => {
  const text = lines(
    { type: 'ADDED', object: object('ä') },
    { type: 'MODIFIED', object: object('b') },
    { type: 'DELETED', object: object('b') },
    { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } },
  )
  for (const size of [1, 2, 7, 64, 4096])
    t.strictSame(
      (await read(text, size)).map((event) => [
        event.kind,
        event.kind !== 'ended' && event.object.metadata.name,
        event.kind !== 'ended' && event.object.metadata.resourceVersion,
      ]),
      [
        ['put', 'ä', '7'],
        ['put', 'b', '7'],
        ['gone', 'b', '7'],
        ['bookmark', '', '9'],
      ],
      `${size} bytes at a time`,
    )
  t.strictSame(await read(`${text}{"type":`), await read(text), 'half a line at the end is none')
})

t.test('a watch that the server ends says whether its past is gone', async (t) => {
  for (const [code, refusal] of [
    [410, 'expired'],
    [403, 'forbidden'],
    [500, undefined],
  ] as const)
    t.strictSame(await read(lines({ type: 'ERROR', object: { kind: 'Status', code } })), [
      { kind: 'ended', refusal },
    ])
})

t.test('what is no event, or lacks the version to go on from, is an invalid answer', async (t) => {
  for (const odd of [
    {},
    { type: 'ADDED' },
    { type: 'ADDED', object: { metadata: { name: 'a' } } },
    { type: 'ADDED', object: { metadata: { resourceVersion: '7' } } },
    { type: 'ADDED', object: object('a', { labels: { a: 1 } }) },
    { type: 'ADDED', object: object('a', { annotations: { a: 1 } }) },
    { type: 'OTHER', object: object('a') },
    { type: 'BOOKMARK', object: { metadata: {} } },
    { type: 'BOOKMARK' },
    { type: 'ERROR' },
  ])
    t.equal(await errorCode(read(lines(odd))), 'KUBERNETES_BAD_ANSWER', JSON.stringify(odd))
  t.equal(await errorCode(read('no JSON\n')), 'KUBERNETES_BAD_ANSWER')
})

t.test('a line has at most 16 MiB however it arrives; the stream has no bound', async (t) => {
  const long = (bytes: number) => lines({ type: 'ADDED', object: object('a', { pad: 'x'.repeat(bytes) }) })
  t.equal((await read(long(9 * MIB) + long(9 * MIB), MIB)).length, 2)
  t.equal(await errorCode(read('x'.repeat(17 * MIB), MIB)), 'KUBERNETES_BAD_ANSWER')
})
