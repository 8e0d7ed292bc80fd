import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { simulatedAdmin } from '../support/keystone-admin.ts'
import { tokenReviewCases } from '../support/token-review-cases.ts'

for (const provider of ['fernet', 'jws'] as const)
  t.test(`the simulated Keystone with ${provider} tokens`, async (t) => {
    const keystone = await startSimulatedKeystone({ clock: systemClock, provider })
    t.teardown(() => keystone.close())
    tokenReviewCases(t, simulatedAdmin(keystone))
  })
