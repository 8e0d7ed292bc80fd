import type { IncomingMessage, RequestListener } from 'node:http'
import type { Test } from 'tap'
import type { HttpClient } from '../../src/http/client.ts'
import { closedPort, startLoopbackServer } from './loopback-server.ts'
import { settled } from './scripted-keystone.ts'
import { secret } from './secrets.ts'

const MIB = 1024 * 1024
const LONG = () => AbortSignal.timeout(5000)

/** How many connections are still open when those have ended that are about to; a server's own timeout is far away. */
export async function left(open: () => number): Promise<number> {
  for (let turn = 0; turn < 1000 && open() > 0; turn += 1) await settled()
  return open()
}

/** What both of our HTTP clients do, whatever they are made of. */
export function httpClientCases(t: Test, make: () => HttpClient): void {
  function client(t: Test): HttpClient {
    const http = make()
    t.teardown(() => http.close())
    return http
  }

  t.test('a request is sent as it is given, and the answer is given whole', async (t) => {
    const seen: { method?: string; url?: string; headers: IncomingMessage['headers']; body: string }[] = []
    const { url } = await startLoopbackServer(t, async (request, response) => {
      const body = Buffer.concat(await request.toArray()).toString()
      seen.push({
        method: request.method as string,
        url: request.url as string,
        headers: request.headers,
        body,
      })
      response.writeHead(404, { 'X-Subject-Token': 'tok', 'content-type': 'text/plain' }).end('né')
    })
    const http = client(t)
    const answer = await http.request({ url: `${url}/v3/a%2Fb?x=1&y`, signal: LONG() })
    t.equal(answer.status, 404)
    t.match(answer.headers, { 'x-subject-token': 'tok', 'content-type': 'text/plain' })
    t.strictSame(answer.body, Buffer.from('né'))
    const headers = { accept: 'text/plain', 'x-auth-token': 'mine' }
    await http.request({ method: 'PUT', url: `${url}/`, headers, body: '{"é":1}', signal: LONG() })
    for (const method of ['POST', 'PATCH', 'DELETE'] as const)
      await http.request({ method, url, body: '', signal: LONG() })
    t.match(seen[0], {
      method: 'GET',
      url: '/v3/a%2Fb?x=1&y',
      headers: { 'user-agent': 'portcullis/test', accept: 'application/json', host: new URL(url).host },
      body: '',
    })
    t.match(seen[1], {
      method: 'PUT',
      url: '/',
      headers: { ...headers, 'user-agent': 'portcullis/test', 'content-length': '8' },
      body: '{"é":1}',
    })
    t.strictSame(
      seen.slice(2).map(({ method }) => method),
      ['POST', 'PATCH', 'DELETE'],
    )
  })

  t.test('every status is an answer, and no redirect is followed', async (t) => {
    const { url } = await startLoopbackServer(t, (request, response) => {
      response.writeHead(Number(request.url?.slice(1)), { location: '/200' }).end()
    })
    const http = client(t)
    for (const status of [200, 204, 300, 301, 302, 307, 401, 404, 429, 500, 503]) {
      const answer = await http.request({ url: `${url}/${status}`, signal: LONG() })
      t.strictSame([answer.status, answer.body.length, answer.headers.location], [status, 0, '/200'])
    }
  })

  t.test(
    'an answer of 1 MiB is the largest that is accepted, with its length told ahead or not',
    async (t) => {
      const pieces: RequestListener = (request, response) => {
        const [, size, told] = (request.url as string).split('/')
        if (told === 'told') response.setHeader('content-length', Number(size))
        response.write('a')
        response.end(Buffer.alloc(Number(size) - 1, 0x20))
      }
      const { url } = await startLoopbackServer(t, pieces)
      const http = client(t)
      for (const told of ['told', 'untold']) {
        const { status, body } = await http.request({ url: `${url}/${MIB}/${told}`, signal: LONG() })
        t.strictSame([status, body.length, body.lastIndexOf('a')], [200, MIB, 0], told)
        for (const size of [MIB + 1, 2 * MIB, 5 * MIB])
          await t.rejects(
            http.request({ url: `${url}/${size}/${told}`, signal: LONG() }),
            { code: 'HTTP_ANSWER_TOO_LARGE', message: new RegExp(`^${url} [^/]*larger[^/]*$`) },
            `${size} ${told}`,
          )
        t.equal(
          (await http.request({ url: `${url}/10/${told}`, signal: LONG() })).body.length,
          10,
          'and goes on',
        )
      }
    },
  )

  t.test('the deadline ends a request wherever it is', async (t) => {
    const places: Record<string, RequestListener> = {
      'before an answer': () => {},
      'within the head': (_, response) => void response.socket?.write('HTTP/1.1 200 OK\r\nx-a: '),
      'within the body': (_, response) => void response.writeHead(200, { 'content-length': 9 }).write('half'),
    }
    for (const [name, place] of Object.entries(places)) {
      const deadline = new AbortController()
      const { url, open } = await startLoopbackServer(t, (request, response) => {
        place(request, response)
        setImmediate(() => deadline.abort())
      })
      const late = client(t).request({ url: `${url}/v3/secret`, signal: deadline.signal })
      await t.rejects(late, { code: 'HTTP_TIMEOUT', message: new RegExp(`^${url} [^/]*$`) }, name)
      t.equal(await left(open), 0)
    }
  })

  t.test('a request whose time is over already is not sent', async (t) => {
    let asked = 0
    const { url } = await startLoopbackServer(t, (_, response) => {
      asked += 1
      response.end()
    })
    const over = client(t).request({ url, signal: AbortSignal.abort() })
    await t.rejects(over, { code: 'HTTP_TIMEOUT', message: new RegExp(`^${url} `) })
    t.equal(asked, 0)
  })

  t.test('a server that cannot be reached, or breaks off, is named with the code of the cause', async (t) => {
    const hidden = secret('what-must-not-be-told')
    const places: [string, RequestListener, RegExp][] = [
      ['reset', ({ socket }) => void socket.resetAndDestroy(), /E?CONNRESET|UND_ERR_SOCKET/],
      ['no HTTP', ({ socket }) => void socket.end(`${hidden}\r\n\r\n`), /HPE_|connection failed/],
      [
        'half a body',
        (_, response) => {
          response.writeHead(200, { 'content-length': 9 }).write('half')
          setImmediate(() => response.destroy())
        },
        /ECONNRESET|UND_ERR_SOCKET/,
      ],
    ]
    const rows: [string, string, RegExp][] = [['nobody listens', await closedPort(), /ECONNREFUSED/]]
    for (const [name, listener, code] of places)
      rows.push([name, (await startLoopbackServer(t, listener)).url, code])
    for (const [name, url, code] of rows) {
      const headers = { 'x-auth-token': hidden }
      const request = { url: `${url}/${hidden}`, headers, signal: LONG() }
      const error = await client(t)
        .request(request)
        .catch((caught: Error) => caught)
      t.match(error, { code: 'HTTP_UNREACHABLE', message: code }, name)
      t.match(String(error), `cannot reach ${url}: `)
      t.notMatch(String(error), hidden)
    }
  })

  t.test('one connection serves one request after another, until the client is closed', async (t) => {
    const { url, made, open } = await startLoopbackServer(t, (_, response) => response.end('{}'))
    const http = client(t)
    for (let again = 0; again < 3; again += 1) {
      await http.request({ url, signal: LONG() })
      await settled()
    }
    t.strictSame([made.length, open()], [1, 1])
    await http.close()
    t.equal(await left(open), 0)
  })
}
