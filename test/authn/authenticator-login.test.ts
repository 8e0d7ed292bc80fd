import t from 'tap'
import { compatibleIdentity } from '../../src/authn/identity.ts'
import { authenticatorWorld, DEADLINE_MS, mapping, userOf } from '../support/authenticator-world.ts'
import { ACME, tokenOf } from '../support/keystone-tokens.ts'
import { settled } from '../support/scripted-keystone.ts'
import { USERS } from '../support/two-domains.ts'

const { acmeAlice } = USERS

t.test(
  'a log-in is told under the name that it has in the cluster, and awaited, but decides nothing',
  async (t) => {
    const told: unknown[] = []
    const follows = Promise.withResolvers<void>()
    const world = authenticatorWorld({
      loggedIn(...login) {
        told.push(login)
        return follows.promise
      },
    })
    world.authenticator.useRoleMappings([mapping({ username: 'developer' })])
    const known = tokenOf()
    const token = world.fernet(known)
    let answered = false
    const review = Promise.resolve(world.authenticator.authenticate(token)).finally(() => {
      answered = true
    })
    await settled()
    t.same(told, [[known, 'developer']])
    await world.clock.advance(DEADLINE_MS * 3)
    t.equal(answered, false, 'it has a time of its own')
    follows.reject(new Error('no namespace'))
    t.equal(userOf(await review).username, 'developer')
    t.match(world.lines, [{ level: 'error', err: 'no namespace', msg: /./ }])
    await world.authenticator.authenticate(token)
    t.equal(told.length, 1, 'a cached token is no log-in')
    const broken = authenticatorWorld({
      loggedIn: () => {
        throw new Error('thrown at once')
      },
    })
    t.match(await broken.authenticator.authenticate(broken.fernet(tokenOf())), { kind: 'authenticated' })
    t.match(broken.lines, [{ level: 'error', err: 'thrown at once' }])
  },
)

t.test(
  'reserved groups come from no group of Keystone, and from a mapping only where that is allowed',
  async (t) => {
    const world = authenticatorWorld({
      identity: compatibleIdentity,
      systemGroups: ['system:masters', 'system:monitoring'],
    })
    world.authenticator.useRoleMappings([mapping({ groups: ['view', 'system:monitoring', 'system:nodes'] })])
    const names = ['system:masters', 'ops', 'system:monitoring']
    world.groupsOf(acmeAlice.id, ...names.map((name) => ({ name, domainId: ACME.id })))
    const groups = async (roles: string[]) =>
      userOf(await world.authenticator.authenticate(world.fernet(tokenOf({ roles })))).groups
    t.same(await groups(['member']), ['ops', 'p-acme-web', 'view', 'system:monitoring'])
    t.equal(world.counted.dropped, 3)
    t.match(world.lines, Array(3).fill({ level: 'debug', msg: /group/ }))
    t.same(await groups(['reader']), ['ops', 'p-acme-web'], 'a mapping of another role gives nothing')
    t.equal(world.counted.dropped, 5)
  },
)
