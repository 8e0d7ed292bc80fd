import t from 'tap'
import { inventoryCases } from '../support/inventory-cases.ts'
import { realKeystone } from '../support/real-keystone.ts'

t.test('the lists that hold for the simulator, on a real Keystone', async (t) =>
  inventoryCases(t, await realKeystone('fernet').admin()),
)
