import t from 'tap'
import { reconcileOptions } from '../../src/config/reconcile-options.ts'
import { RECONCILE } from '../support/documented-options.ts'
import { keepsPromises } from '../support/option-promises.ts'

t.test('a reconciler deletes and adopts nothing unless told, and nothing before a week', async (t) =>
  keepsPromises(t, reconcileOptions, RECONCILE),
)
