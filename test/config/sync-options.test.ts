import t from 'tap'
import { syncOptions } from '../../src/config/sync-options.ts'
import { SYNC } from '../support/documented-options.ts'
import { keepsPromises } from '../support/option-promises.ts'

t.test('`sync plan` and `sync run` have the defaults and limits of the documents', async (t) =>
  keepsPromises(t, syncOptions, SYNC),
)
