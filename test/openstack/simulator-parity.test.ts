import t from 'tap'
import { keystoneCases } from '../support/keystone-cases.ts'
import { realKeystone } from '../support/real-keystone.ts'

for (const provider of ['fernet', 'jws'] as const)
  t.test(`the table that holds for the simulator, on a real Keystone with ${provider} tokens`, async (t) =>
    keystoneCases(t, await realKeystone(provider).admin(), provider),
  )
