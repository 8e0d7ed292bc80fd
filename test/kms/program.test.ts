import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedBarbican } from '../../src/simulator/barbican-server.ts'
import { type SimulatedKeystone, startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { simulatedAdmin } from '../support/keystone-admin.ts'
import { kmsCases } from '../support/kms-cases.ts'

let keystone: SimulatedKeystone
const barbican = await startSimulatedBarbican({ clock: systemClock, keystone: () => keystone })
keystone = await startSimulatedKeystone({ clock: systemClock, catalog: () => [barbican.catalogEntry] })
t.teardown(async () => {
  await keystone.close()
  await barbican.close()
})
t.jobs = 4
kmsCases(t, simulatedAdmin(keystone), barbican.url)
