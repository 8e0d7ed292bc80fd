import { once } from 'node:events'
import type { ClientHttp2Session } from 'node:http2'
import { connect, type TLSSocket } from 'node:tls'

export interface Load {
  readonly requestsPerSecond: number
  readonly p50: number
  readonly p99: number
}

/** Frame types and flags of RFC 9113, section 6. */
const [DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE] = [0, 1, 3, 4, 6, 7, 8]
const END_STREAM = 1
const ACK = 1
const END_HEADERS = 4

/**
 * Sends bodies over one HTTP/2 connection, as kube-apiserver does, a given number in flight, and checks each
 * answer. Times in milliseconds. The frames are written by hand: Node's own client takes more of a core than the
 * server that is measured, and would be what is measured.
 */
export async function sendLoad(options: {
  url: string
  ca: Buffer
  bodies: readonly string[]
  inFlight: number
  requests: number
  path?: string
  check: (answer: string, index: number) => boolean
}): Promise<Load> {
  const { hostname, port, host } = new URL(options.url)
  const socket = connect({ host: hostname, port: Number(port), ca: options.ca, ALPNProtocols: ['h2'] })
  await once(socket, 'secureConnect')
  socket.setNoDelay(true)
  const head = headerBlock(host, options.path ?? '/webhook?timeout=30s')
  const bodies = options.bodies.map((body) => Buffer.from(body))
  try {
    const start = performance.now()
    const times = await exchange(socket, head, bodies, options)
    const seconds = (performance.now() - start) / 1000
    const sorted = times.sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? 0
    return { requestsPerSecond: options.requests / seconds, p50: at(0.5), p99: at(0.99) }
  } finally {
    socket.destroy()
  }
}

interface Exchange {
  readonly index: number
  readonly start: number
  readonly chunks: Buffer[]
}

function exchange(
  socket: TLSSocket,
  head: Buffer,
  bodies: readonly Buffer[],
  options: { inFlight: number; requests: number; check: (answer: string, index: number) => boolean },
): Promise<Float64Array> {
  const open = new Map<number, Exchange>()
  const times = new Float64Array(options.requests)
  let [sent, answered, stream] = [0, 0, 1]
  const next = (out: Buffer[]) => {
    if (sent === options.requests) return
    const index = sent++ % bodies.length
    const body = bodies[index] as Buffer
    open.set(stream, { index, start: performance.now(), chunks: [] })
    out.push(frame(HEADERS, END_HEADERS, stream, head), frame(DATA, END_STREAM, stream, body))
    stream += 2
  }
  return new Promise((resolve, reject) => {
    const finish = (id: number, out: Buffer[]) => {
      const done = open.get(id) as Exchange
      open.delete(id)
      times[answered++] = performance.now() - done.start
      const text = Buffer.concat(done.chunks).toString('utf8')
      if (!options.check(text, done.index)) return reject(new Error(`a wrong answer: ${text.slice(0, 200)}`))
      if (answered === options.requests) return resolve(times)
      next(out)
    }
    const take = (type: number, flags: number, id: number, payload: Buffer, out: Buffer[]) => {
      if (type === DATA) {
        open.get(id)?.chunks.push(payload)
        if (payload.length > 0) out.push(windowUpdate(payload.length))
      }
      if (type === SETTINGS && (flags & ACK) === 0) out.push(frame(SETTINGS, ACK, 0))
      if (type === PING && (flags & ACK) === 0) out.push(frame(PING, ACK, 0, payload))
      if (type === RST_STREAM || type === GOAWAY) reject(new Error('the server gave up a stream'))
      if ((type === DATA || type === HEADERS) && (flags & END_STREAM) !== 0) finish(id, out)
    }
    let rest = Buffer.alloc(0)
    socket.on('error', reject).on('close', () => reject(new Error('the connection was closed')))
    socket.on('data', (chunk: Buffer) => {
      const out: Buffer[] = []
      let data = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
      while (data.length >= 9) {
        const length = data.readUIntBE(0, 3)
        if (data.length < 9 + length) break
        const [type, flags, id] = [data[3] as number, data[4] as number, data.readUInt32BE(5) & 0x7fffffff]
        take(type, flags, id, data.subarray(9, 9 + length), out)
        data = data.subarray(9 + length)
      }
      rest = Buffer.from(data)
      if (out.length > 0) socket.write(Buffer.concat(out))
    })
    const first = [Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, 0, 0)]
    for (let lane = 0; lane < options.inFlight; lane += 1) next(first)
    socket.write(Buffer.concat(first))
  })
}

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const bytes = Buffer.allocUnsafe(9 + payload.length)
  bytes.writeUIntBE(payload.length, 0, 3)
  bytes[3] = type
  bytes[4] = flags
  bytes.writeUInt32BE(stream, 5)
  payload.copy(bytes, 9)
  return bytes
}

function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32BE(bytes)
  return frame(WINDOW_UPDATE, 0, 0, payload)
}

/** HPACK (RFC 7541) without any state: every header as a literal that is not indexed. */
function headerBlock(authority: string, path: string): Buffer {
  const headers = {
    ':method': 'POST',
    ':scheme': 'https',
    ':authority': authority,
    ':path': path,
    'content-type': 'application/json',
    accept: 'application/json, */*',
    'user-agent': 'kube-apiserver',
  }
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
  return Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]),
  )
}

/** One POST through Node's own client. */
export function post(
  session: ClientHttp2Session,
  body: string,
  path = '/webhook?timeout=30s',
): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/json',
      accept: 'application/json, */*',
      'content-length': Buffer.byteLength(body),
    })
    let text = ''
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      text += chunk
    })
    stream.on('end', () => resolve(text))
    stream.on('error', reject)
    stream.end(body)
  })
}
