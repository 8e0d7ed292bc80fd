import t from 'tap'
import { authenticatorWorld, userOf } from '../support/authenticator-world.ts'
import { BETA, tokenOf } from '../support/keystone-tokens.ts'
import { USERS } from '../support/two-domains.ts'

const { acmeAlice, acmeBob } = USERS
const UNKNOWN = { kind: 'refused', refusal: 'unknown_to_keystone' }

t.test(
  'groups that cannot be told for an invalid token make it unknown; no groups at all are fine',
  async (t) => {
    const world = authenticatorWorld()
    const token = world.fernet(tokenOf())
    world.answers.groups = async () => undefined
    t.same(await world.authenticator.authenticate(token), UNKNOWN)
    t.same(world.authenticator.authenticate(token), UNKNOWN)
    world.answers.groups = async () => []
    t.match(await world.authenticator.authenticate(world.fernet(tokenOf())), { kind: 'authenticated' })
  },
)

t.test('groups that are known for the user and hold for the token are not asked for', async (t) => {
  const world = authenticatorWorld()
  const questions: unknown[] = []
  world.answers.known = (...question) => {
    questions.push(question)
    return question[0] === acmeBob.id ? [{ name: 'known', domainId: BETA.id }] : undefined
  }
  world.answers.groups = async () => [{ name: 'asked', domainId: BETA.id }]
  const issuedAt = tokenOf().issuedAt + 5000
  const groups = async (user: typeof acmeBob) =>
    userOf(await world.authenticator.authenticate(world.fernet(tokenOf({ user, issuedAt, roles: [] }))))
      .groups
  t.equal((await groups(acmeBob))[0], 'keystone:group:d-beta/known')
  t.equal((await groups(acmeAlice))[0], 'keystone:group:d-beta/asked')
  t.same(questions, [
    [acmeBob.id, issuedAt],
    [acmeAlice.id, issuedAt],
  ])
  t.same(
    world.asked.map(({ what }) => what),
    ['validate', 'validate', 'groups'],
  )
})
