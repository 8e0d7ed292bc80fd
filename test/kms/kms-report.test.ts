import t from 'tap'
import type { SecretInfo } from '../../src/kms/kek-store.ts'
import type { Standing } from '../../src/kms/key-check.ts'
import type { ScheduledKey } from '../../src/kms/key-schedule.ts'
import { createKmsReport } from '../../src/kms/kms-report.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { counting, kekOf } from './fixtures.ts'
import { uuid } from './memory-store.ts'

interface Given {
  standing?: Standing
  sinceVerified?: number
  current?: ScheduledKey
  next?: ScheduledKey
  secrets?: readonly SecretInfo[]
}

const secret = (number: number, created: number, expires?: number): SecretInfo => ({
  id: uuid(number),
  name: 'kek',
  active: true,
  created,
  ...(expires !== undefined && { expires }),
})

function reported(given: (now: number) => Given) {
  const clock = createManualClock()
  const { standing = 'starting', sinceVerified, current, next, secrets = [] } = given(clock.now())
  const loaded = kekOf(counting(0, 32), uuid(1))
  return createKmsReport({
    keyring: { get: (id) => (id === loaded.id ? loaded : undefined), find: async () => 'unknown', size: 1 },
    schedule: { plan() {}, current: () => current, next: () => next },
    check: {
      run: async () => {},
      start: () => () => {},
      standing: () => standing,
      sinceVerified: () => sinceVerified,
      secrets: () => secrets,
    },
    metrics: { called() {}, legacyDecrypt() {}, legacyDecrypts: () => 12 },
    clock,
  })()
}

t.test('before the first check the report names no key, and has no times', async (t) => {
  t.strictSame(
    reported(() => ({})),
    {
      standing: 'starting',
      currentKeyId: '',
      nextKeyId: '',
      nextActivatesAt: 0,
      verifiedSecondsAgo: -1,
      legacyDecrypts: 12,
      keys: [],
    },
  )
})

t.test('the report tells seconds; only the activation is a time', async (t) => {
  const report = reported((now) => ({
    standing: 'ok',
    sinceVerified: 1500,
    current: { id: uuid(1), created: now, activatesAt: now },
    next: { id: uuid(2), created: now, activatesAt: 1_780_000_000_123 },
    secrets: [secret(1, now - 86_400_000, now + 90_500), secret(2, now - 2250)],
  }))
  t.strictSame(report, {
    standing: 'ok',
    currentKeyId: uuid(1),
    nextKeyId: uuid(2),
    nextActivatesAt: 1_780_000_000_123,
    verifiedSecondsAgo: 1.5,
    legacyDecrypts: 12,
    keys: [
      { id: uuid(1), ageSeconds: 86_400, loaded: true, expiresInSeconds: 90.5 },
      { id: uuid(2), ageSeconds: 2.25, loaded: false, expiresInSeconds: -1 },
    ],
  })
})

t.test('a key verified at this moment was verified 0 seconds ago, not never', async (t) => {
  t.equal(reported(() => ({ sinceVerified: 0 })).verifiedSecondsAgo, 0)
})
