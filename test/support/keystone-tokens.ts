import type { KeystoneToken, TokenScope } from '../../src/keystone/token-body.ts'
import { ACME, PROJECTS, USERS } from './two-domains.ts'

export { ACME, BETA } from './two-domains.ts'

const scopeOf = ({ id, name, domain }: (typeof PROJECTS)['acmeWeb']): TokenScope => ({
  kind: 'project',
  id,
  name,
  domain,
})

/** One scope of each kind, and two projects of the same name in two domains. */
export const SCOPES = {
  acmeWeb: scopeOf(PROJECTS.acmeWeb),
  acmeOps: scopeOf(PROJECTS.acmeOps),
  betaWeb: scopeOf(PROJECTS.betaWeb),
  acme: { kind: 'domain', id: ACME.id, name: ACME.name },
  system: { kind: 'system' },
  unscoped: { kind: 'unscoped' },
} as const satisfies Record<string, TokenScope>

/** What Keystone says of a token of Acme's Alice for Acme's project `web`, issued when the manual clock begins. */
export const tokenOf = (more: Partial<KeystoneToken> = {}): KeystoneToken => ({
  user: USERS.acmeAlice,
  scope: SCOPES.acmeWeb,
  roles: ['member', 'reader'],
  methods: ['password'],
  issuedAt: Date.parse('2026-06-01T00:00:00Z'),
  expiresAt: Date.parse('2026-06-01T01:00:00Z'),
  ...more,
})
