import type { Test } from 'tap'
import { NAMESPACES } from '../../src/kubernetes/object.ts'
import { namespaceOf } from './cluster-objects.ts'
import { BOTH, loginSyncWorld } from './login-sync-world.ts'
import { settled } from './settled.ts'
import { PROJECTS, USERS } from './two-domains.ts'

const { acmeWeb, acmeOps, betaWeb } = PROJECTS
const { acmeAlice, acmeBob, betaAlice } = USERS
const AGAIN = ['get namespaces', 'list rolebindings']

/** What is remembered as done, and what makes it forgotten. */
export function loginMemoryCases(t: Test): void {
  t.test('a login that brings nothing new asks for nothing', async (t) => {
    const { calls, logIn } = await loginSyncWorld(t)
    await logIn(acmeAlice, acmeWeb)
    calls()
    t.equal(logIn(acmeAlice, acmeWeb), undefined)
    await settled()
    t.strictSame(calls(), [])
  })

  t.test('what is done is remembered for five minutes, whatever the wall clock says', async (t) => {
    const { clock, calls, logIn } = await loginSyncWorld(t)
    await logIn(acmeAlice, acmeWeb)
    calls()
    clock.setWallBy(86_400_000)
    await clock.advance(299_900)
    t.equal(logIn(acmeAlice, acmeWeb), undefined)
    clock.setWallBy(-2 * 86_400_000)
    await clock.advance(200)
    t.strictSame(calls(), [])
    await logIn(acmeAlice, acmeWeb)
    t.strictSame(calls(), AGAIN)
  })

  t.test('new rules forget what is done, also what was under way under the old ones', async (t) => {
    const { cluster, calls, logIn, use, hang, recover } = await loginSyncWorld(t)
    await logIn(acmeAlice, acmeWeb)
    calls()
    use(BOTH)
    await logIn(acmeAlice, acmeWeb)
    t.strictSame(calls(), AGAIN)
    hang()
    const under = logIn(acmeBob, betaWeb)
    use({ ...BOTH, 'role-bindings': [{ 'keystone-role': 'member', role: 'editor' }] })
    const next = logIn(betaAlice, acmeOps)
    recover()
    await Promise.all([under, next])
    calls()
    await logIn(acmeBob, betaWeb)
    t.strictSame(calls(), [...AGAIN, 'delete rolebindings', 'list rolebindings', 'create rolebindings'])
    t.match(cluster.get('rolebindings', `p-beta-web/${acmeBob.id}_member`)?.roleRef, {
      kind: 'Role',
      name: 'editor',
    })
  })

  t.test('a namespace that vanished or is being deleted is made again at the next login', async (t) => {
    const { cluster, calls, logIn } = await loginSyncWorld(t)
    await logIn(acmeAlice, acmeWeb)
    await logIn(acmeAlice, acmeOps)
    cluster.remove(NAMESPACES, { name: 'p-acme-web' })
    await settled()
    calls()
    await logIn(acmeAlice, acmeWeb)
    t.strictSame(calls(), ['get namespaces', 'create namespaces', 'list rolebindings'])
    const { metadata } = namespaceOf(acmeWeb)
    cluster.tell(NAMESPACES, 'MODIFIED', { metadata })
    cluster.tell(NAMESPACES, 'ADDED', { metadata: namespaceOf(acmeOps).metadata })
    await settled()
    t.equal(logIn(acmeAlice, acmeWeb), undefined, 'a change of another kind is no reason')
    cluster.tell(NAMESPACES, 'MODIFIED', {
      metadata: { ...metadata, deletionTimestamp: '2026-06-01T00:00:00Z' },
    })
    await settled()
    calls()
    t.equal(logIn(acmeAlice, acmeOps), undefined, 'other namespaces are remembered')
    await logIn(acmeAlice, acmeWeb)
    t.strictSame(calls(), AGAIN)
  })

  t.test('when changes of namespaces may have been missed, each is looked at again', async (t) => {
    const { cluster, clock, calls, logIn } = await loginSyncWorld(t)
    await logIn(acmeAlice, acmeWeb)
    cluster.tell(NAMESPACES, 'ERROR', { kind: 'Status', code: 410, reason: 'Expired' } as never)
    await settled()
    await clock.advance(1000)
    await settled()
    t.ok(calls().includes('list namespaces'))
    await logIn(acmeAlice, acmeWeb)
    t.strictSame(calls(), AGAIN)
  })

  t.test('new rules forget bindings also where no namespaces are made', async (t) => {
    const config = { 'data-types-to-sync': ['role_assignments'] }
    const { calls, logIn, use } = await loginSyncWorld(t, { config })
    await logIn(acmeAlice, acmeWeb)
    use(config)
    calls()
    await logIn(acmeAlice, acmeWeb)
    t.strictSame(calls(), ['list rolebindings'])
  })
}
