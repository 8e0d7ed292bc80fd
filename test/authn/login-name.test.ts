import t from 'tap'
import { compatibleIdentity, qualifiedIdentity } from '../../src/authn/identity.ts'
import { loginName } from '../../src/authn/login-name.ts'
import { mapping } from '../support/authenticator-world.ts'
import { ACME, BETA } from '../support/keystone-tokens.ts'
import { PROJECTS, USERS } from '../support/two-domains.ts'

const { acmeAlice, betaAlice } = USERS
const { acmeWeb, betaWeb } = PROJECTS
const qualified = (...mappings: ReturnType<typeof mapping>[]) => ({ identity: qualifiedIdentity, mappings })
const compatible = (...mappings: ReturnType<typeof mapping>[]) => ({ identity: compatibleIdentity, mappings })

t.test('the name is the one that a log-in gives, by the user’s own domain', async (t) => {
  t.equal(loginName(qualified(), acmeAlice, betaWeb, ['member']), 'keystone:user:d-acme/alice')
  t.equal(loginName(qualified(), betaAlice, betaWeb, ['member']), 'keystone:user:d-beta/alice')
  t.equal(loginName(compatible(), betaAlice, acmeWeb, []), 'alice')
})

t.test('mappings by role, project and domain count', async (t) => {
  const name = (more: object, roles = ['member'], project = acmeWeb) =>
    loginName(qualified(mapping({ username: 'mapped', ...more })), acmeAlice, project, roles)
  const own = 'keystone:user:d-acme/alice'
  t.equal(name({}), 'mapped')
  t.equal(name({}, ['reader']), own)
  t.equal(name({}, ['reader', 'member']), 'mapped')
  t.equal(name({ project: acmeWeb.id }), 'mapped')
  t.equal(name({ project: acmeWeb.id }, ['member'], betaWeb), own)
  t.equal(name({ domain: ACME.name }), 'mapped')
  t.equal(name({ domain: BETA.id }, ['member'], betaWeb), own, 'the project’s domain is not the user’s')
})

t.test('a mapping that depends on how the user logged in does not count', async (t) => {
  for (const methods of [['password'], ['token'], ['application_credential'], ['password', 'totp']]) {
    const mappings = [mapping({ username: 'mapped' }), mapping({ username: 'other', methods })]
    t.equal(loginName(qualified(...mappings), acmeAlice, acmeWeb, ['member']), 'mapped', methods.join(' '))
  }
})

t.test('a name that may not log in is none', async (t) => {
  const named = (name: string) => ({ ...acmeAlice, name })
  t.equal(loginName(compatible(), named(''), acmeWeb, []), undefined)
  t.equal(loginName(compatible(), named('system:admin'), acmeWeb, []), undefined)
  t.equal(loginName(compatible(), named('systematic'), acmeWeb, []), 'systematic')
  t.equal(loginName(qualified(), named('system:admin'), acmeWeb, []), 'keystone:user:d-acme/system%3Aadmin')
  const reserved = mapping({ username: 'system:admin' })
  t.equal(loginName(qualified(reserved), acmeAlice, acmeWeb, ['member']), undefined)
})
