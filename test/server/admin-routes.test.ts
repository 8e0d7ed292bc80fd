import t, { type Test } from 'tap'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'
import { addAdminRoutes } from '../../src/server/admin-routes.ts'
import { createApp, listen } from '../../src/server/app.ts'
import type { HealthCheck } from '../../src/server/health.ts'
import { recordLog } from '../support/recorded-log.ts'
import { ask } from '../support/wire.ts'

const HEADERS = {
  'content-type': 'text/plain; charset=utf-8',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache, private',
}

async function start(t: Test, checks: readonly HealthCheck[]) {
  const { log, lines } = recordLog()
  const metrics = createMetricsRegistry()
  const app = createApp({ log })
  addAdminRoutes(app, { checks, metrics })
  const port = await listen(app, { host: '127.0.0.1', port: 0 })
  t.teardown(() => app.close())
  const get = (path: string, method = 'GET') => ask(`http://127.0.0.1:${port}`, { path, method })
  return { metrics, lines, get }
}
const check = (name: string, reddens: HealthCheck['reddens'], fault?: string): HealthCheck => ({
  name,
  reddens,
  fault: () => fault,
})
const CHECKS = [
  check('ping', []),
  check('live', ['livez'], 'stuck'),
  check('ready', ['readyz'], 'shutting down'),
  check('warm', ['readyz'], 'still cold'),
]

t.test('each endpoint tells of its own checks: 200 when all is well, 500 when one is red', async (t) => {
  const { get } = await start(t, CHECKS)
  const rows = [
    '[+]ping ok',
    '[!]live warning: stuck',
    '[-]ready failed: shutting down',
    '[-]warm failed: still cold',
  ]
  const text = (list: readonly string[], end: string) => [...list, end, ''].join('\n')
  for (const [path, status, body] of [
    ['/healthz', 200, 'ok'],
    ['/readyz', 500, text(rows, 'readyz check failed')],
    ['/readyz?verbose', 500, text(rows, 'readyz check failed')],
    ['/readyz?exclude=ready&exclude=warm', 200, 'ok'],
    ['/readyz?exclude=ready', 500, text([rows[0], rows[1], rows[3]] as string[], 'readyz check failed')],
    [
      '/readyz?verbose=1&exclude=ready&exclude=warm',
      200,
      text([rows[0], rows[1]] as string[], 'readyz check passed'),
    ],
    ['/livez?exclude=live', 200, 'ok'],
    ['/livez/', 500, undefined],
  ] as const) {
    const reply = await get(path)
    t.equal(reply.status, status, path)
    if (body !== undefined) t.equal(reply.text, body, path)
    t.match(reply.headers, HEADERS, path)
  }
})

t.test('a path below an endpoint asks for one check, which is red where it says so', async (t) => {
  const { get } = await start(t, CHECKS)
  for (const [path, status, body] of [
    ['/readyz/ping', 200, 'ok'],
    ['/readyz/ready', 500, '[-]ready failed: shutting down\nreadyz check failed\n'],
    ['/livez/ready', 200, 'ok'],
    ['/livez/live', 500, '[-]live failed: stuck\nlivez check failed\n'],
    ['/healthz/live', 200, 'ok'],
  ] as const) {
    const reply = await get(path)
    t.strictSame([reply.status, reply.text], [status, body], path)
    t.match(reply.headers, HEADERS, path)
  }
})

t.test('a check that does not exist is not found, and not an ok', async (t) => {
  const { get, lines } = await start(t, CHECKS)
  for (const path of ['/readyz/other', '/livez/toString', '/healthz/ping/x', '/statusz', '/']) {
    const reply = await get(path)
    t.match(JSON.parse(reply.text), { kind: 'Status', code: 404, reason: 'NotFound' }, path)
    t.equal(reply.status, 404, path)
  }
  t.match(JSON.parse((await get('/readyz/other')).text).message, /check/)
  t.strictSame(lines, [])
})

t.test('metrics are Prometheus text', async (t) => {
  const { get, metrics } = await start(t, [])
  metrics.gauge('tried', 'Help.', () => 42)
  const reply = await get('/metrics')
  t.equal(reply.status, 200)
  t.equal(reply.headers['content-type'], metrics.contentType)
  t.match(reply.text, /^portcullis_tried 42$/m)
})

t.test('without checks everything is well', async (t) => {
  const { get } = await start(t, [])
  for (const name of ['livez', 'readyz', 'healthz']) t.equal((await get(`/${name}`)).text, 'ok')
})

t.test('a check that breaks is a 500 and one log line, never an ok', async (t) => {
  const broken: HealthCheck = {
    name: 'broken',
    reddens: ['readyz'],
    fault: () => {
      throw Object.assign(new Error('a secret'), { code: 'E_TEST' })
    },
  }
  const { get, lines } = await start(t, [broken])
  const reply = await get('/readyz')
  t.match(JSON.parse(reply.text), { kind: 'Status', code: 500, reason: 'InternalError' })
  t.equal(reply.status, 500)
  t.match(lines, [{ level: 'error', err: 'E_TEST' }])
  t.notMatch(JSON.stringify([reply, lines]), /a secret/)
})
