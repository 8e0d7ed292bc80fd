import t from 'tap'
import { realKeystone } from '../support/real-keystone.ts'
import { identityCases, tokenReviewCases } from '../support/token-review-cases.ts'

for (const provider of ['fernet', 'jws'] as const)
  t.test(`a real Keystone with ${provider} tokens`, async (t) => {
    const admin = await realKeystone(provider).admin()
    tokenReviewCases(t, admin)
    identityCases(t, admin)
  })
