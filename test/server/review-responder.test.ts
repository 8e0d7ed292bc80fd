import t from 'tap'
import type { Log } from '../../src/log.ts'
import { createApp, listen } from '../../src/server/app.ts'
import type { ReviewHandler } from '../../src/server/review.ts'
import { addWebhookRoutes } from '../../src/server/webhook-routes.ts'
import { ask, JSON_TYPE } from '../support/wire.ts'

t.test(
  'a handler that breaks is a 500 with a Status, told in one log line without the text of the error',
  async (t) => {
    const lines: unknown[] = []
    const log = {
      error: (fields: object, message: string) => lines.push({ ...fields, message }),
    } as unknown as Log
    const broken = (answer: ReviewHandler['answer']): ReviewHandler[] => [
      { group: 'authentication.k8s.io', kind: 'TokenReview', answer },
    ]
    const fault = Object.assign(new Error('what was sent'), { code: 'E_TEST' })
    const app = createApp({ log })
    const routes = {
      '/throws': broken(() => {
        throw fault
      }),
      '/rejects': broken(() => Promise.reject(fault)),
    }
    addWebhookRoutes(app, routes, log)
    const port = await listen(app, { host: '127.0.0.1', port: 0 })
    t.teardown(() => app.close())
    const body = JSON.stringify({ kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', spec: {} })
    for (const path of Object.keys(routes)) {
      const request = { method: 'POST', path, headers: JSON_TYPE, body }
      const { status, text } = await ask(`http://127.0.0.1:${port}`, request)
      t.equal(status, 500, path)
      t.match(JSON.parse(text), { kind: 'Status', code: 500, message: 'internal error' })
      t.same(lines.splice(0), [{ err: 'E_TEST', message: 'A request failed inside' }])
    }
  },
)
