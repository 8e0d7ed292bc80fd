import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createAuthorizer } from '../../src/authz/authorizer.ts'
import { createAuthzMetrics } from '../../src/authz/metrics.ts'
import type { PolicySource } from '../../src/authz/policy-source.ts'
import { openPolicyStore } from '../../src/authz/policy-store.ts'
import { createSubjectAccessReviewHandler } from '../../src/authz/subject-access-review.ts'
import { systemClock } from '../../src/clock.ts'
import { createLog } from '../../src/log.ts'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'
import { createApp, listen } from '../../src/server/app.ts'
import { addWebhookRoutes } from '../../src/server/webhook-routes.ts'
import { engine } from '../authz/support/authz-tools.ts'
import { accessReview } from '../authz/support/review-wire.ts'
import { JSON_TYPE } from '../support/wire.ts'

const RULES = 10_000
const SWAPS = 50
const log = createLog({ level: 'fatal' })

/** Half of the rules stand in both policies, the others allow even numbers in policy 0 and odd ones in policy 1. */
const text = (parity: number) =>
  Array.from({ length: RULES }, (_, n) => {
    const namespace = n % 2 === 0 ? `common-${n}` : `n${n - 1 + parity}`
    return `p, project:p1, ${namespace}, -, pods, *, get, *, allow`
  }).join('\n')

t.test(
  'while 10,000 rules are swapped 50 times every answer is right for one of the two policies',
  async (t) => {
    const texts = [text(0), text(1)]
    let now = 0
    let changed: () => Promise<void> = async () => {}
    const source: PolicySource = {
      name: 'swapped',
      documents: () => [
        { name: 'rules.csv', format: 'csv', rest: 'ignored', text: () => texts[now % 2] as string },
      ],
      watch: (callback) => {
        changed = callback
        return () => {}
      },
    }
    const metrics = createAuthzMetrics(createMetricsRegistry())
    const store = await openPolicyStore({
      sources: [source],
      engine,
      strict: true,
      clock: systemClock,
      log,
      metrics,
    })
    const authorizer = createAuthorizer({ policy: store.current, log })
    const app = createApp({ log })
    const routes = {
      '/authorize': [
        createSubjectAccessReviewHandler({
          authorizer,
          namespaceOf: ({ id }) => id,
          metrics,
          clock: systemClock,
          observers: [],
        }),
      ],
    }
    addWebhookRoutes(app, routes, log)
    const port = await listen(app, { host: '127.0.0.1', port: 0 })
    t.teardown(() => app.close())
    const hashes = new Set([store.current().hash])
    let done = false
    const counts = { answers: 0 }
    const client = async (seed: number) => {
      for (let turn = seed; !done; turn += 1) {
        // what both policies allow is allowed at every moment, and of a pair one policy allows exactly one
        const number = ((turn * 7919) % (RULES / 2)) * 2
        const before = now
        const quiet = settled
        const names = [`common-${number}`, `n${number}`, `n${number + 1}`, 'never']
        const [common, even, odd, never] = await Promise.all(names.map(asks))
        counts.answers += 4
        // clients and server share a thread here: leave some of it for the reload
        await sleep(100)
        if (!common || never) throw new Error(`turn ${turn}: half a policy answered`)
        if (quiet && settled && before === now && even === odd) throw new Error(`turn ${turn}: both ${even}`)
      }
    }
    let settled = true
    const body = (namespace: string) =>
      accessReview('v1', {}, { resourceAttributes: { namespace, verb: 'get', resource: 'pods' } })
    async function asks(namespace: string): Promise<boolean> {
      const reply = await fetch(`http://127.0.0.1:${port}/authorize`, {
        method: 'POST',
        headers: JSON_TYPE,
        body: body(namespace),
      })
      const { status } = (await reply.json()) as { status: { allowed: boolean } }
      if (reply.status !== 200 || typeof status.allowed !== 'boolean')
        throw new Error(`a wrong answer: ${reply.status}`)
      return status.allowed
    }
    const clients = Array.from({ length: 8 }, (_, seed) => client(seed))
    for (let swap = 0; swap < SWAPS; swap++) {
      settled = false
      now += 1
      await changed()
      settled = true
      hashes.add(store.current().hash)
      t.equal(await asks(`n${now % 2}`), true, 'the new policy answers')
      t.equal(await asks(`n${(now + 1) % 2}`), false, 'and the old one no longer')
    }
    done = true
    await Promise.all(clients)
    t.equal(hashes.size, 2)
    t.ok(counts.answers > SWAPS * 2)
    t.comment(JSON.stringify(counts))
  },
)
