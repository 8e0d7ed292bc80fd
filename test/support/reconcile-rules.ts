import type { ReconcileRules } from '../../src/sync/difference.ts'
import { sameName } from '../../src/sync/role-table.ts'

/** Everything of every project, as it is called in Keystone. */
export const EVERYTHING: Omit<ReconcileRules, 'template'> = {
  namespaces: true,
  bindings: true,
  inScope: () => true,
  namespaceOf: ({ id }) => id,
  roles: sameName,
  usernameOf: ({ name }) => name,
  adopt: false,
  pruneAfterMs: undefined,
}
