import t from 'tap'
import { authenticatorWorld, DEADLINE_MS, mapping, userOf } from '../support/authenticator-world.ts'
import { tokenOf } from '../support/keystone-tokens.ts'
import { settled } from '../support/scripted-keystone.ts'

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
