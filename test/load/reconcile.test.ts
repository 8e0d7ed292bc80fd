import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { stayAlive, systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { createReconciler } from '../../src/sync/reconciler.ts'
import { inventoryOf } from '../support/inventory-cases.ts'
import { simulatedAdmin } from '../support/keystone-admin.ts'
import { createMemoryCluster } from '../support/memory-cluster.ts'
import { EVERYTHING } from '../support/reconcile-rules.ts'

const PROJECTS = 5000
t.teardown(stayAlive())

t.test(
  'ten runs over 5,000 projects that change nothing take one list of each kind and keep no memory',
  async (t) => {
    const keystone = await startSimulatedKeystone({ clock: systemClock })
    t.teardown(() => keystone.close())
    const admin = simulatedAdmin(keystone)
    const [service, home] = [await admin.createUser(), await admin.createProject()]
    await admin.grant(service, { project: home.id }, 'admin')
    const member = await admin.createUser()
    for (let index = 0; index < PROJECTS; index += 1)
      keystone.model.grant(member.id, keystone.model.addProject(`project-${index}`).id, 'reader')
    const cluster = createMemoryCluster()
    const reconciler = createReconciler({
      client: cluster.client,
      inventory: inventoryOf(t, admin.url, service, { project: home }),
      rules: () => EVERYTHING,
      template: undefined,
      maxRemovals: 25,
      clock: systemClock,
    })
    const signal = new AbortController().signal
    const run = async () => (await reconciler.apply(await reconciler.plan(), signal)).done
    t.same(await run(), { create: 2 * PROJECTS + 4, update: 0, delete: 0 })

    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const lists = ['GET /v3/projects', 'GET /v3/domains', 'GET /v3/role_assignments']
    const before = lists.map((list) => keystone.count(list))
    const heap: number[] = []
    cluster.calls.length = 0
    for (let times = 1; times <= 10; times += 1) {
      t.same(await run(), { create: 0, update: 0, delete: 0 })
      // what the last answer leaves in sockets is gone a moment later
      await new Promise((resolve) => setImmediate(resolve))
      collect()
      heap.push(process.memoryUsage().heapUsed / 2 ** 20)
    }
    const grown = Math.min(...heap.slice(-3)) - Math.min(...heap.slice(1, 4))
    t.ok(grown < 5, `the heap stays, MiB: ${heap.map(Math.round)}`)
    t.same(cluster.calls, Array.from({ length: 10 }, () => ['list namespaces', 'list rolebindings']).flat())
    t.same(
      lists.map((list, index) => keystone.count(list) - (before[index] as number)),
      [10, 10, 10],
    )
  },
)
