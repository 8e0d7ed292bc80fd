import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { createAuthnMetrics } from '../src/authn/metrics.ts'
import { FAILURES, REFUSALS } from '../src/authn/verdict.ts'
import { createAuthzMetrics } from '../src/authz/metrics.ts'
import { CLIENT_FLAGS } from '../src/commands/client-flags.ts'
import { kmsOptions, rotateOptions } from '../src/config/kms-options.ts'
import type { Option, OptionTable } from '../src/config/option.ts'
import { serveOptions } from '../src/config/serve-options.ts'
import { syncOptions } from '../src/config/sync-options.ts'
import { ERROR_CODES } from '../src/errors.ts'
import { createKeystoneMetrics } from '../src/keystone/metrics.ts'
import { createBarbicanMetrics } from '../src/kms/barbican-metrics.ts'
import { createKmsMetrics } from '../src/kms/kms-metrics.ts'
import { KMS_OUTCOMES } from '../src/kms/kms-service.ts'
import { createKubernetesMetrics, watchConnections } from '../src/kubernetes/metrics.ts'
import { createMetricsRegistry } from '../src/metrics/registry.ts'
import { createLoginSyncMetrics } from '../src/sync/login-sync-metrics.ts'
import { createReconcileMetrics, RUN_OUTCOMES } from '../src/sync/reconcile-metrics.ts'
import { createSyncConfigMetrics } from '../src/sync/sync-config.ts'
import { ROOT } from './support/source-files.ts'

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const missing = (names: readonly string[], text: string) =>
  names.filter((name) => !text.includes(`\`${name}`))

t.test('every error code and every outcome has a row in docs/errors.md', async (t) => {
  t.same(
    missing(
      [...ERROR_CODES, ...REFUSALS, ...FAILURES, ...KMS_OUTCOMES, ...RUN_OUTCOMES],
      read('docs/errors.md'),
    ),
    [],
  )
})

t.test('every flag and its environment variables stand in docs/configuration.md', async (t) => {
  const table = [
    serveOptions('portcullis'),
    syncOptions,
    kmsOptions,
    rotateOptions,
    ...Object.values(CLIENT_FLAGS),
  ].flatMap((options) => Object.entries<Option<unknown>>(options as OptionTable))
  const text = read('docs/configuration.md')
  t.same(
    missing(
      table.map(([name]) => `--${name}`),
      text,
    ),
    [],
  )
  const known = table.filter(([, option]) => !option.help.startsWith('Not in this'))
  t.same(
    missing(
      known.flatMap(([, option]) => option.env ?? []),
      text,
    ),
    [],
  )
})

t.test('every metric has a row in docs/operations.md, and every row a metric', async (t) => {
  const registry = createMetricsRegistry()
  createAuthnMetrics(registry).watch({ entries: () => 0, negativeEntries: () => 0, inFlight: () => 0 })
  createKeystoneMetrics(registry)
  createBarbicanMetrics(registry)
  createKubernetesMetrics(registry)
  watchConnections(registry, () => [])
  createSyncConfigMetrics(registry)
  createLoginSyncMetrics(registry).watch(() => 0)
  createReconcileMetrics(registry).watch({ leading: () => false, obstacles: () => 0, lastSuccess: () => 0 })
  createKmsMetrics({ registry } as Parameters<typeof createKmsMetrics>[0])
  const zero = () => 0
  createAuthzMetrics(registry).watch({
    rules: zero,
    sources: zero,
    faultySources: zero,
    quarantined: zero,
    lastSuccess: zero,
    hash: zero,
  })
  const text = read('docs/operations.md')
  t.same(missing(registry.names(), text), [])
  const rows = [...text.matchAll(/^\| `(portcullis_\w+)`/gm)].map((match) => match[1] as string)
  t.same(
    rows.filter((row) => !registry.names().includes(row)),
    [],
  )
})

t.test('links between documents lead somewhere', async (t) => {
  for (const path of [
    'README.md',
    'CONTRIBUTING.md',
    'SECURITY.md',
    'docs/operations.md',
    'docs/errors.md',
    'docs/kubectl.md',
  ]) {
    const targets = [...read(path).matchAll(/\]\((?!https?:)([^)#]+)/g)].map((match) => match[1] as string)
    t.same(
      targets.filter((target) => !existsSync(join(ROOT, dirname(path), target))),
      [],
      path,
    )
  }
})
