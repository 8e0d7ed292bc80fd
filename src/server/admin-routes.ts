import type { MetricsRegistry } from '../metrics/registry.ts'
import type { App, Reply } from './app.ts'
import { type HealthCheck, type HealthReport, healthReport } from './health.ts'
import { statusObject } from './status.ts'

/** `/livez`, `/readyz`, `/healthz` (with `?verbose`, `?exclude=name` and a sub-path for one check) and `/metrics`. */
export function addAdminRoutes(
  app: App,
  parts: { checks: readonly HealthCheck[]; metrics: MetricsRegistry },
): void {
  app.get('/metrics', async (_request, reply) =>
    reply.header('content-type', parts.metrics.contentType).send(await parts.metrics.text()),
  )
  for (const endpoint of ['livez', 'readyz', 'healthz'] as const) {
    app.get<{ Querystring: { verbose?: string; exclude?: string | string[] } }>(
      `/${endpoint}`,
      (request, reply) => {
        const { verbose, exclude } = request.query
        const report = healthReport(endpoint, parts.checks, {
          verbose: verbose !== undefined,
          exclude: [exclude ?? []].flat(),
        })
        send(reply, report)
      },
    )
    app.get<{ Params: { check: string } }>(`/${endpoint}/:check`, (request, reply) => {
      const check = parts.checks.find((candidate) => candidate.name === request.params.check)
      if (check === undefined) return reply.code(404).send(statusObject(404, 'there is no such check'))
      return send(reply, healthReport(endpoint, [check], { verbose: false, exclude: [] }))
    })
  }
}

function send(reply: Reply, report: HealthReport) {
  return reply
    .code(report.ok ? 200 : 500)
    .header('content-type', 'text/plain; charset=utf-8')
    .header('x-content-type-options', 'nosniff')
    .header('cache-control', 'no-cache, private')
    .send(report.text)
}
