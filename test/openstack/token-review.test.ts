import t from 'tap'
import { realKeystone } from '../support/real-keystone.ts'
import { tokenReviewCases } from '../support/token-review-cases.ts'

for (const provider of ['fernet', 'jws'] as const)
  t.test(`a real Keystone with ${provider} tokens`, async (t) => {
    tokenReviewCases(t, await realKeystone(provider).admin())
  })
