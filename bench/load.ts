import { type ClientHttp2Session, connect } from 'node:http2'

export interface Load {
  readonly requestsPerSecond: number
  readonly p50: number
  readonly p99: number
}

/**
 * Sends bodies over one HTTP/2 connection, as kube-apiserver does, a given number in flight, and checks each
 * answer. Times in milliseconds.
 */
export async function sendLoad(options: {
  url: string
  ca: Buffer
  bodies: readonly string[]
  inFlight: number
  requests: number
  check: (answer: string, index: number) => boolean
}): Promise<Load> {
  const session = connect(options.url, { ca: options.ca })
  const times: number[] = []
  let next = 0
  const lane = async () => {
    while (next < options.requests) {
      const index = next++ % options.bodies.length
      const start = performance.now()
      const answer = await post(session, options.bodies[index] as string)
      times.push(performance.now() - start)
      if (!options.check(answer, index)) throw new Error(`a wrong answer: ${answer.slice(0, 200)}`)
    }
  }
  const start = performance.now()
  await Promise.all(Array.from({ length: options.inFlight }, lane))
  const seconds = (performance.now() - start) / 1000
  session.close()
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.floor(times.length * share)] ?? 0
  return { requestsPerSecond: options.requests / seconds, p50: at(0.5), p99: at(0.99) }
}

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
