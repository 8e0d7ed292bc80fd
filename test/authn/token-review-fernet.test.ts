import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { simulatedAdmin } from '../support/keystone-admin.ts'
import { identityCases, tokenReviewCases } from '../support/token-review-cases.ts'

const keystone = await startSimulatedKeystone({ clock: systemClock, provider: 'fernet' })
t.teardown(() => keystone.close())
tokenReviewCases(t, simulatedAdmin(keystone))
identityCases(t, simulatedAdmin(keystone))
