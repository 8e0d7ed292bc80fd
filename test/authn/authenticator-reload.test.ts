import t from 'tap'
import type { KeystoneToken } from '../../src/keystone/token-body.ts'
import { authenticatorWorld, mapping, userOf } from '../support/authenticator-world.ts'
import { tokenOf } from '../support/keystone-tokens.ts'
import { settled } from '../support/scripted-keystone.ts'

const named = (username: string) => [mapping({ username })]

t.test('other role mappings hold from the next review on, for known tokens too', async (t) => {
  const { authenticator, fernet, looked, sizes } = authenticatorWorld()
  const { authenticate, useRoleMappings } = authenticator
  const [token, other] = [fernet(tokenOf()), fernet(tokenOf({ roles: ['reader'] }))]
  const names = async () => [
    userOf(await authenticate(token)).username,
    userOf(await authenticate(other)).username,
  ]
  t.same(await names(), ['keystone:user:d-acme/alice', 'keystone:user:d-acme/alice'])
  useRoleMappings(named('one'))
  t.same(await names(), ['one', 'keystone:user:d-acme/alice'])
  useRoleMappings([...named('one'), ...named('two')])
  t.equal((await names())[0], 'two')
  useRoleMappings(named('system:admin'))
  t.same(await authenticate(token), { kind: 'refused', refusal: 'reserved_name' })
  t.equal(sizes().negativeEntries, 1)
  useRoleMappings([])
  t.equal(sizes().negativeEntries, 0)
  t.equal((await names())[0], 'keystone:user:d-acme/alice')
  t.notOk(looked.includes('hit'))
})

t.test('a user named under old mappings is not kept when they change before the answer', async (t) => {
  const follows = Promise.withResolvers<void>()
  const { authenticator, fernet, sizes } = authenticatorWorld({ loggedIn: () => follows.promise })
  authenticator.useRoleMappings(named('old'))
  const token = fernet(tokenOf())
  const before = authenticator.authenticate(token)
  await settled()
  authenticator.useRoleMappings(named('new'))
  follows.resolve()
  t.equal(userOf(await before).username, 'old')
  t.same(sizes(), { entries: 0, negativeEntries: 0, inFlight: 0 })
  t.equal(userOf(await authenticator.authenticate(token)).username, 'new')
  t.equal(userOf(await authenticator.authenticate(token)).username, 'new')
})

t.test('a refusal under old mappings is not kept either', async (t) => {
  const { authenticator, answers, fernet, sizes } = authenticatorWorld()
  const token = fernet(tokenOf())
  const validation = Promise.withResolvers<KeystoneToken | undefined>()
  answers.validate = () => validation.promise
  const before = authenticator.authenticate(token)
  authenticator.useRoleMappings(named('system:admin'))
  validation.resolve(tokenOf())
  t.same(await before, { kind: 'refused', refusal: 'reserved_name' })
  t.equal(sizes().negativeEntries, 0)
})

t.test('role mappings let nobody in who may not log in', async (t) => {
  const rules = { scopes: ['project' as const], domains: [], projects: [], roles: ['admin'] }
  const { authenticator, fernet } = authenticatorWorld({ admission: rules })
  for (const mappings of [[], named('mapped'), [mapping({ groups: ['admin'] })]]) {
    authenticator.useRoleMappings(mappings)
    t.same(await authenticator.authenticate(fernet(tokenOf())), { kind: 'refused', refusal: 'not_allowed' })
    t.match(await authenticator.authenticate(fernet(tokenOf({ roles: ['admin', 'member'] }))), {
      kind: 'authenticated',
    })
  }
})
