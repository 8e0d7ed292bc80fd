import t, { type Test } from 'tap'
import { createLog } from '../../src/log.ts'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'
import { namespaceFormat } from '../../src/project-namespace.ts'
import { createLoginSync } from '../../src/sync/login-sync.ts'
import { createLoginSyncMetrics } from '../../src/sync/login-sync-metrics.ts'
import { readSyncRules } from '../../src/sync/sync-rules.ts'
import { makeClient } from '../kubernetes/client-world.ts'
import { startFakeApiserver } from '../support/fake-apiserver.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { until } from '../support/until.ts'

async function world(t: Test) {
  const apiserver = await startFakeApiserver()
  t.teardown(() => apiserver.close())
  const clock = createManualClock()
  const registry = createMetricsRegistry()
  const rules = readSyncRules({ 'data-types-to-sync': ['projects', 'role_assignments'] })
  let settings = { rules, namespaceOf: namespaceFormat('%i') }
  const sync = createLoginSync({
    client: makeClient(t, apiserver.url),
    settings: () => settings,
    waitMs: 1000,
    clock,
    log: createLog({ level: 'fatal' }),
    metrics: createLoginSyncMetrics(registry),
  })
  t.teardown(sync.stop)
  await until('namespaces are watched', () => apiserver.watches === 1)
  const asked = () => apiserver.requests.filter((line) => !line.includes('watch=')).length
  const logIn = (user: string) =>
    sync.loggedIn({
      userId: user,
      username: user,
      userDomainId: 'd',
      project: { id: 'p1', name: 'demo', domain: { id: 'd', name: 'D' } },
      roles: ['member'],
      complete: true,
    })
  const metric = async (series: string) =>
    Number(new RegExp(`^portcullis_login_sync_${series} (\\d+)$`, 'm').exec(await registry.text())?.[1])
  const useRules = (config: object) => {
    settings = { ...settings, rules: readSyncRules(config) }
  }
  return { apiserver, clock, asked, logIn, metric, useRules }
}

t.test('what is done is remembered for five minutes, and until the rules change', async (t) => {
  const { clock, asked, logIn, useRules } = await world(t)
  await logIn('alice')
  const first = asked()
  t.equal(logIn('alice'), undefined)
  await clock.advance(299_000)
  t.equal(logIn('alice'), undefined)
  t.equal(asked(), first)
  await clock.advance(2000)
  await logIn('alice')
  t.equal(asked(), first + 2, 'the namespace and the bindings are looked at')
  useRules({ 'data-types-to-sync': ['projects'] })
  await logIn('alice')
  t.equal(asked(), first + 3)
})

t.test('jobs beyond 4096 are dropped and counted', async (t) => {
  const { apiserver, logIn, metric } = await world(t)
  apiserver.fail('hang')
  for (let user = 0; user < 4100; user += 1) void logIn(`user-${user}`)
  t.equal(await metric('queue'), 4096)
  t.equal(await metric('jobs_total{result="dropped"}'), 4)
})
