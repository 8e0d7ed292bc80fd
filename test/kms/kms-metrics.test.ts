import { createHash } from 'node:crypto'
import t from 'tap'
import type { Standing } from '../../src/kms/key-check.ts'
import type { ScheduledKey } from '../../src/kms/key-schedule.ts'
import { createKmsMetrics } from '../../src/kms/kms-metrics.ts'
import { createMetricsRegistry } from '../../src/metrics/registry.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { uuid } from './memory-store.ts'

const DAY = 86_400_000
const hash = (number: number) => `sha256:${createHash('sha256').update(uuid(number)).digest('hex')}`

function measured() {
  const clock = createManualClock()
  const registry = createMetricsRegistry()
  const state: { standing: Standing; sinceVerified?: number; current?: ScheduledKey } = {
    standing: 'starting',
  }
  const created = clock.now()
  const metrics = createKmsMetrics({
    registry,
    keyring: { get: () => undefined, find: async () => 'unknown', size: 17 },
    schedule: { plan() {}, current: () => state.current, next: () => undefined },
    check: {
      run: async () => {},
      start: () => () => {},
      standing: () => state.standing,
      sinceVerified: () => state.sinceVerified,
      secrets: () => [
        { id: uuid(1), name: 'kek', active: true, created: created - DAY },
        { id: uuid(2), name: 'kek', active: true, created: created - 1500 },
      ],
    },
    clock,
  })
  /** The samples of one metric, by their labels. */
  async function samples(name: string) {
    const lines = (await registry.text()).split('\n')
    return lines.filter((line) => line.startsWith(`portcullis_${name}`) && / (?!0$)/.test(line))
  }
  return { clock, registry, metrics, state, samples }
}

t.test('calls are counted by method and outcome, and their time is in seconds', async (t) => {
  const { metrics, samples } = measured()
  metrics.called('status', 'ok', 1)
  metrics.called('decrypt', 'unknown_key', 250)
  metrics.called('decrypt', 'unavailable', 1250)
  metrics.called('encrypt', 'invalid', 0)
  t.same(await samples('kms_operations_total'), [
    'portcullis_kms_operations_total{method="status",outcome="ok"} 1',
    'portcullis_kms_operations_total{method="encrypt",outcome="invalid"} 1',
    'portcullis_kms_operations_total{method="decrypt",outcome="unknown_key"} 1',
    'portcullis_kms_operations_total{method="decrypt",outcome="unavailable"} 1',
  ])
  t.same(await samples('kms_operation_seconds_sum'), [
    'portcullis_kms_operation_seconds_sum{method="status"} 0.001',
    'portcullis_kms_operation_seconds_sum{method="decrypt"} 1.5',
  ])
})

t.test('every method has a series for every outcome from the start', async (t) => {
  const { registry } = measured()
  const rows = (await registry.text())
    .split('\n')
    .filter((line) => line.startsWith('portcullis_kms_operations'))
  t.equal(rows.length, 3 * 5)
  for (const outcome of ['ok', 'invalid', 'refused', 'unknown_key', 'unavailable'])
    t.ok(rows.includes(`portcullis_kms_operations_total{method="encrypt",outcome="${outcome}"} 0`), outcome)
})

t.test('legacy decrypts are counted for the scrape and for the report', async (t) => {
  const { metrics, samples } = measured()
  t.equal(metrics.legacyDecrypts(), 0)
  metrics.legacyDecrypt()
  metrics.legacyDecrypt()
  t.equal(metrics.legacyDecrypts(), 2)
  t.same(await samples('kms_legacy_decrypts_total'), ['portcullis_kms_legacy_decrypts_total 2'])
})

t.test('ready is 1 only while the key stands', async (t) => {
  const { registry, state } = measured()
  for (const standing of ['starting', 'revoked', 'expired', 'stale', 'ok'] as const) {
    state.standing = standing
    t.match(await registry.text(), `\nportcullis_kms_ready ${standing === 'ok' ? 1 : 0}\n`, standing)
  }
  t.match(await registry.text(), '\nportcullis_kms_keys_loaded 17\n')
})

t.test('the age of the last check is in seconds, NaN before there is one', async (t) => {
  const { state, samples } = measured()
  const age = async () => (await samples('kms_key_check_age_seconds'))[0]?.split(' ')[1]
  t.equal(await age(), 'Nan')
  state.sinceVerified = 90_500
  t.equal(await age(), '90.5')
})

t.test('the days to the expiry of the current key, NaN when it does not expire', async (t) => {
  const { clock, state, samples } = measured()
  const days = async () => (await samples('kms_current_key_expiry_days'))[0]?.split(' ')[1]
  t.equal(await days(), 'Nan')
  state.current = { id: uuid(1), created: 0, activatesAt: 0 }
  t.equal(await days(), 'Nan')
  state.current = { ...state.current, expires: clock.now() + 2.5 * DAY }
  t.equal(await days(), '2.5')
  await clock.advance(DAY / 2)
  t.equal(await days(), '2')
})

t.test('keys are told by the hash that kube-apiserver uses; their age goes by the wall clock', async (t) => {
  const { clock, state, samples } = measured()
  t.same(await samples('kms_current_key{'), [])
  state.current = { id: uuid(2), created: 0, activatesAt: 0 }
  t.same(await samples('kms_current_key{'), [`portcullis_kms_current_key{key_id_hash="${hash(2)}"} 1`])
  clock.setWallBy(500)
  t.same(await samples('kms_key_age_seconds'), [
    `portcullis_kms_key_age_seconds{key_id_hash="${hash(1)}"} 86400.5`,
    `portcullis_kms_key_age_seconds{key_id_hash="${hash(2)}"} 2`,
  ])
})

t.test('every metric says what it is', async (t) => {
  const { registry } = measured()
  const helps = (await registry.text()).split('\n').filter((line) => line.startsWith('# HELP portcullis_kms'))
  t.same(
    helps.map((line) => line.split(' ')[2]),
    [
      'operations_total',
      'operation_seconds',
      'legacy_decrypts_total',
      'keys_loaded',
      'ready',
      'key_check_age_seconds',
      'current_key_expiry_days',
      'key_age_seconds',
      'current_key',
    ].map((name) => `portcullis_kms_${name}`),
  )
  for (const line of helps) t.match(line, /^# HELP \S+ \S.*\.$/)
  t.same(
    helps.filter((line) => !/[a-z]+ [a-z]+/.test(line.split(' ').slice(3).join(' '))),
    [],
  )
})
