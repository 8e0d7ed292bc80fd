import type { Test } from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { loginSyncWorld } from './login-sync-world.ts'
import { settled } from './settled.ts'
import { PROJECTS, USERS } from './two-domains.ts'

const { acmeWeb, acmeOps } = PROJECTS
const { acmeAlice, acmeBob, betaAlice } = USERS

/** How long a login waits for what it needs, and when it does not. */
export function loginWaitCases(t: Test): void {
  t.test('a login waits as long as it may and no longer; the next ones do not wait', async (t) => {
    const { clock, logIn, metrics, hang, recover, cluster } = await loginSyncWorld(t)
    hang()
    let over = false
    const waited = logIn(acmeAlice, acmeWeb)?.then(() => {
      over = true
    })
    await clock.advance(999)
    await settled()
    t.notOk(over)
    await clock.advance(1)
    await waited
    t.strictSame([metrics.waits, metrics.jobs], [['timeout'], []])
    t.equal(logIn(acmeBob, acmeOps), undefined)
    t.strictSame(metrics.waits, ['timeout'])
    recover()
    await settled()
    t.equal(cluster.names('rolebindings').length, 2, 'both are made when the API server is back')
    t.type(logIn(betaAlice, acmeWeb), Promise, 'and the next login waits again')
    await settled()
    t.strictSame(metrics.waits, ['timeout', 'done'])
    await clock.advance(5000)
    t.strictSame(metrics.waits, ['timeout', 'done'], 'a wait that is done does not time out later')
    t.type(logIn(acmeAlice, acmeOps), Promise)
  })

  t.test('the time that a login may wait is that of the option', async (t) => {
    const { clock, logIn, metrics, hang } = await loginSyncWorld(t, { waitMs: 250 })
    hang()
    const waited = logIn(acmeAlice, acmeWeb)
    await clock.advance(249)
    t.strictSame(metrics.waits, [])
    await clock.advance(1)
    await waited
    t.strictSame(metrics.waits, ['timeout'])
  })

  t.test('with a wait of nothing no login waits, and all is made', async (t) => {
    const { logIn, metrics, cluster } = await loginSyncWorld(t, { waitMs: 0 })
    t.equal(logIn(acmeAlice, acmeWeb), undefined)
    await settled()
    t.strictSame(cluster.names('namespaces'), ['p-acme-web'])
    t.strictSame([metrics.waits, metrics.jobs], [[], ['done']])
  })

  t.test('after a failure nobody waits until a try goes well; a refusal is no such failure', async (t) => {
    for (const [fault, waits] of [
      [new PortcullisError('HTTP_UNREACHABLE', 'down'), false],
      [new PortcullisError('KUBERNETES_SERVER_ERROR', 'answered 500'), false],
      [new Error('odd'), false],
      ['forbidden', true],
    ] as const) {
      const { cluster, clock, logIn, metrics, sync } = await loginSyncWorld(t)
      cluster.fault = () => fault
      t.equal(await logIn(acmeAlice, acmeWeb), undefined, 'a failure is no rejection')
      t.strictSame([metrics.waits, metrics.jobs], [['done'], ['failed']])
      t.type(sync.fault(), 'string')
      t.equal(logIn(acmeAlice, acmeWeb), undefined, 'nobody waits for a job that is tried again later')
      const next = logIn(acmeBob, acmeOps)
      t.equal(next !== undefined, waits, String(fault))
      await next
      cluster.fault = () => undefined
      await clock.advance(250)
      await settled()
      t.strictSame([metrics.jobs.at(-1), sync.fault()], ['done', undefined])
      t.type(logIn(betaAlice, acmeWeb), Promise)
    }
  })

  t.test('a wait that is over leaves no timer', async (t) => {
    const { logIn, timers } = await loginSyncWorld(t)
    const before = timers()
    await logIn(acmeAlice, acmeWeb)
    t.equal(timers(), before)
  })
}
