import type { KeystoneInventory, KeystoneProject, RoleAssignment } from '../../src/keystone/inventory.ts'

/** Ids as Keystone makes them: 32 hex digits. */
export const hexId = (number: number) => number.toString(16).padStart(32, '0')

export const [ACME, BETA] = [
  { id: 'd-acme', name: 'Acme' },
  { id: 'd-beta', name: 'Beta' },
]

const project = (id: string, name: string, domain: typeof ACME): KeystoneProject => ({
  id,
  name,
  domain,
  enabled: true,
})

/** Two domains, both with a project called `web` and a user called `alice`. */
export const PROJECTS = {
  acmeWeb: project('p-acme-web', 'web', ACME),
  acmeOps: project('p-acme-ops', 'ops', ACME),
  betaWeb: project('p-beta-web', 'web', BETA),
}

export const USERS = {
  acmeAlice: { id: hexId(0xa1), name: 'alice', domain: ACME },
  acmeBob: { id: hexId(0xa2), name: 'bob', domain: ACME },
  betaAlice: { id: hexId(0xb1), name: 'alice', domain: BETA },
}

/** The user's name in Kubernetes, which keeps the two Alices apart. */
export const usernameOf = ({ name, domain }: RoleAssignment['user']) => `${domain.name}:${name}`

export const assigned = (
  { id }: KeystoneProject,
  user: RoleAssignment['user'],
  role: string,
): RoleAssignment => ({ project: id, user, role })

/** Acme's Alice and Bob work on the web, Bob also does operations; Beta's Alice reads Beta's web. */
export const INVENTORY: KeystoneInventory = {
  projects: Object.values(PROJECTS),
  assignments: [
    assigned(PROJECTS.acmeWeb, USERS.acmeAlice, 'member'),
    assigned(PROJECTS.acmeWeb, USERS.acmeBob, 'member'),
    assigned(PROJECTS.acmeWeb, USERS.acmeBob, 'admin'),
    assigned(PROJECTS.acmeOps, USERS.acmeBob, 'reader'),
    assigned(PROJECTS.betaWeb, USERS.betaAlice, 'reader'),
  ],
}
