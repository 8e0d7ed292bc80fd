import type { Test } from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { NAMESPACES, ROLE_BINDINGS } from '../../src/kubernetes/object.ts'
import type { ReconcileRules } from '../../src/sync/difference.ts'
import { createReconciler } from '../../src/sync/reconciler.ts'
import { EMPTY_TEMPLATE } from '../../src/sync/template.ts'
import type { TemplateSource } from '../../src/sync/template-source.ts'
import { bindingOf, namespaceOf } from './cluster-objects.ts'
import { createManualClock } from './manual-clock.ts'
import { createMemoryCluster } from './memory-cluster.ts'
import { EVERYTHING } from './reconcile-rules.ts'
import { settled } from './settled.ts'
import { assigned, hexId, INVENTORY, PROJECTS, USERS, usernameOf } from './two-domains.ts'

const SIGNAL = new AbortController().signal
const done = (create: number, update: number, gone: number) => ({
  done: { create, update, delete: gone },
  skipped: 0,
  failures: [],
  interrupted: false,
})
const person = (number: number) => ({
  id: hexId(number),
  name: `user-${number}`,
  domain: PROJECTS.acmeWeb.domain,
})

/** A Keystone of two domains and a cluster that is in step with it, under a manual clock. */
function twoDomains(
  parts: { template?: TemplateSource; maxRemovals?: number; rules?: Partial<ReconcileRules> } = {},
) {
  const cluster = createMemoryCluster()
  const clock = createManualClock()
  const calls: string[] = []
  const state = {
    inventory: INVENTORY,
    rules: { ...EVERYTHING, usernameOf, ...parts.rules },
    read: async (_signal: AbortSignal) => {},
    knows: async (_id: string, _signal: AbortSignal) => false,
  }
  const reconciler = createReconciler({
    client: {
      ...cluster.client,
      async list(...args) {
        calls.push(`list ${args[0].plural}`)
        const found = await cluster.client.list(...args)
        calls.push('listed')
        return found
      },
    },
    inventory: {
      async read(signal) {
        calls.push('read')
        await state.read(signal)
        return state.inventory
      },
      async knows(id, signal) {
        calls.push(`knows ${id}`)
        return state.knows(id, signal)
      },
    },
    rules: () => state.rules,
    template: parts.template,
    maxRemovals: parts.maxRemovals ?? 25,
    clock,
  })
  const run = async () => reconciler.apply(await reconciler.plan(), SIGNAL)
  return { cluster, clock, calls, state, reconciler, run }
}
const without = (id: string) => ({
  ...INVENTORY,
  projects: INVENTORY.projects.filter((one) => one.id !== id),
})

/** What a run reads, in which order and how long, and what it refuses. */
export function reconcilerCases(t: Test): void {
  t.test('the cluster is read before Keystone, and everything of both', async (t) => {
    const { calls, reconciler } = twoDomains({ template: async () => EMPTY_TEMPLATE })
    const { projects, templateFault } = await reconciler.plan()
    const kinds = ['namespaces', 'rolebindings', 'resourcequotas', 'limitranges', 'networkpolicies', 'roles']
    t.strictSame(calls, [...kinds.map((kind) => `list ${kind}`), ...kinds.map(() => 'listed'), 'read'])
    t.strictSame([projects, templateFault], [3, undefined])
  })

  t.test('Keystone has two minutes for its lists, and for each project that it is asked for', async (t) => {
    const hangs = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(new Error('too late'))))
    const { clock, state, reconciler, run } = twoDomains()
    await run()
    for (const fault of ['read', 'knows'] as const) {
      state.inventory = without('p-beta-web')
      if (fault === 'read') state.read = hangs
      else {
        state.read = async () => {}
        state.knows = (_, signal) => hangs(signal)
      }
      let ended: unknown
      reconciler.plan().catch((error) => {
        ended = error.message
      })
      await settled()
      await clock.advance(119_999)
      await settled()
      t.equal(ended, undefined)
      await clock.advance(1)
      await settled()
      t.equal(ended, 'too late', fault)
    }
  })

  t.test(
    'a project that vanished is marked with the wall time of the run, and pruned after its grace',
    async (t) => {
      const { cluster, clock, state, run, calls } = twoDomains({ rules: { pruneAfterMs: 3_600_000 } })
      await run()
      state.inventory = without('p-beta-web')
      clock.setWallBy(86_400_000)
      await run()
      t.equal(
        cluster.get('namespaces', 'p-beta-web')?.metadata.annotations?.['portcullis.dev/project-state-since'],
        '2026-06-02T00:00:00.000Z',
      )
      clock.setWallBy(3_599_999)
      t.strictSame(await run(), done(0, 0, 0))
      t.strictSame(
        calls.filter((call) => call.startsWith('knows')),
        ['knows p-beta-web'],
      )
      clock.setWallBy(1)
      t.strictSame(await run(), done(0, 0, 1))
      t.strictSame(
        calls.filter((call) => call.startsWith('knows')),
        ['knows p-beta-web', 'knows p-beta-web'],
      )
      t.strictSame(cluster.names('namespaces'), ['p-acme-ops', 'p-acme-web'])
    },
  )

  t.test('a Keystone that cannot say whether it knows a project changes nothing', async (t) => {
    const { cluster, state, run } = twoDomains()
    await run()
    state.inventory = without('p-beta-web')
    state.knows = () => Promise.reject(new PortcullisError('KEYSTONE_SERVER_ERROR', 'answered 500'))
    const before = cluster.names('rolebindings')
    await t.rejects(run(), { code: 'KEYSTONE_SERVER_ERROR' })
    t.strictSame(cluster.names('rolebindings'), before)
  })

  t.test(
    'each project that vanished is asked for once, and not where the plan is refused anyway',
    async (t) => {
      const { cluster, calls, state, reconciler, run } = twoDomains({ maxRemovals: 0 })
      await run()
      cluster.put(NAMESPACES, namespaceOf(PROJECTS.betaWeb, { name: 'second' }))
      state.inventory = without('p-beta-web')
      await reconciler.plan()
      t.strictSame(
        calls.filter((call) => call.startsWith('knows')),
        ['knows p-beta-web'],
      )
      for (let index = 0; index < 10; index += 1)
        cluster.put(ROLE_BINDINGS, bindingOf('p-acme-web', { id: hexId(index) }, 'x', 'member'))
      const { refused } = await reconciler.plan()
      t.match(refused, { code: 'SYNC_TOO_MANY_REMOVALS', message: /0 %/ })
      t.equal(calls.filter((call) => call.startsWith('knows')).length, 1)
    },
  )

  t.test(
    'ten removals are always allowed, and beyond them as many as the given part of what is owned',
    async (t) => {
      for (const [bindings, surplus, maxRemovals, refused] of [
        [0, 10, 0, false],
        [0, 11, 0, true],
        [0, 11, 100, false],
        [89, 20, 20, false],
        [89, 24, 20, true],
        [89, 24, 24, false],
        [95, 11, 10, true],
        [96, 11, 10, false],
        [1, 11, 50, true],
      ] as const) {
        // three namespaces, so many bindings that Keystone justifies, and so many that it does not
        const people = Array.from({ length: bindings }, (_, index) => person(index + 1))
        const { cluster, state, reconciler } = twoDomains({ maxRemovals })
        state.inventory = {
          ...INVENTORY,
          assignments: people.map((user) => assigned(PROJECTS.acmeWeb, user, 'member')),
        }
        for (const project of INVENTORY.projects) cluster.put(NAMESPACES, namespaceOf(project))
        const put = (user: { id: string }) =>
          cluster.put(ROLE_BINDINGS, bindingOf('p-acme-web', user, 'Default:x', 'member'))
        people.forEach(put)
        for (let index = 0; index < surplus; index += 1) put({ id: hexId(0x1000 + index) })
        const comparison = await reconciler.plan()
        const what = `${surplus} of ${bindings + surplus + 3} with ${maxRemovals} %`
        t.strictSame(
          [comparison.plan.removals, comparison.plan.owned],
          [surplus, bindings + surplus + 3],
          what,
        )
        t.equal(comparison.refused?.code, refused ? 'SYNC_TOO_MANY_REMOVALS' : undefined, what)
        if (refused) await t.rejects(reconciler.apply(comparison, SIGNAL), { code: 'SYNC_TOO_MANY_REMOVALS' })
      }
    },
  )

  t.test('an object of the template’s kinds is not read while no template was ever usable', async (t) => {
    const template = async () => {
      throw new PortcullisError('TEMPLATE_INVALID', 'a.yaml: broken')
    }
    const { cluster, calls, reconciler } = twoDomains({ template })
    const { plan, templateFault } = await reconciler.plan()
    t.strictSame(calls, ['list namespaces', 'list rolebindings', 'listed', 'listed', 'read'])
    t.equal(templateFault, 'a.yaml: broken')
    t.strictSame(plan.stages.flat(), [], 'and no namespace is made that would lack its policies')
    for (const project of INVENTORY.projects) cluster.put(NAMESPACES, namespaceOf(project))
    t.equal(
      (await reconciler.plan()).plan.stages[2]?.length,
      5,
      'bindings of namespaces that are there are made',
    )
  })

  t.test('a refused list names the resource and RBAC', async (t) => {
    for (const plural of ['namespaces', 'rolebindings', 'roles']) {
      const { cluster, reconciler } = twoDomains({ template: async () => EMPTY_TEMPLATE })
      cluster.fault = (call) => (call === `list ${plural}` ? 'forbidden' : undefined)
      await t.rejects(reconciler.plan(), {
        code: 'KUBERNETES_REFUSED_US',
        message: new RegExp(`list ${plural} \\(forbidden\\).*RBAC`),
      })
    }
  })

  t.test('what changed between the look and the deed is left alone', async (t) => {
    const { cluster, state, reconciler, run } = twoDomains()
    await run()
    const path = `p-beta-web/${USERS.betaAlice.id}_reader`
    state.inventory = {
      ...INVENTORY,
      assignments: INVENTORY.assignments.filter(({ project }) => project !== 'p-beta-web'),
    }
    const renamed = { ...PROJECTS.acmeOps, name: 'operations' }
    state.inventory = { ...state.inventory, projects: [PROJECTS.acmeWeb, renamed, PROJECTS.betaWeb] }
    const comparison = await reconciler.plan()
    // both are made again by somebody else, under the same names
    cluster.put(ROLE_BINDINGS, bindingOf('p-beta-web', USERS.betaAlice, 'Beta:alice', 'reader'))
    cluster.put(NAMESPACES, namespaceOf(PROJECTS.acmeOps))
    t.strictSame(await reconciler.apply(comparison, SIGNAL), { ...done(0, 0, 0), skipped: 2 })
    t.ok(cluster.get('rolebindings', path))
    t.equal(
      cluster.get('namespaces', 'p-acme-ops')?.metadata.annotations?.['portcullis.dev/project-name'],
      'ops',
    )
  })
}
