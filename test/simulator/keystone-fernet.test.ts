import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { simulatedAdmin } from '../support/keystone-admin.ts'
import { keystoneCases } from '../support/keystone-cases.ts'

const keystone = await startSimulatedKeystone({ clock: systemClock, provider: 'fernet' })
t.teardown(() => keystone.close())
await keystoneCases(t, simulatedAdmin(keystone), 'fernet')
