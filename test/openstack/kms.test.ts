import t from 'tap'
import { kmsCases } from '../support/kms-cases.ts'
import { realKeystone } from '../support/real-keystone.ts'

t.test('a real Barbican', async (t) => {
  const { admin, barbicanUrl } = realKeystone('fernet')
  kmsCases(t, await admin(), barbicanUrl)
})
