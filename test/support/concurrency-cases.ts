import { connect } from 'node:http2'
import type { Test } from 'tap'
import { type KeystoneAdmin, login } from './keystone-admin.ts'
import { startServe } from './program.ts'
import { askOn, JSON_TYPE, type ReviewStatus, tokenReview } from './wire.ts'

const USERS = 200
const IN_FLIGHT = 256
const ROUNDS = 10

/** Many users at once, each answer held against its token: none wrong, none refused, none lost. */
export function concurrencyCases(t: Test, admin: KeystoneAdmin): void {
  t.test(
    `${IN_FLIGHT} reviews in flight for ${USERS} users, ${ROUNDS} times over: each gets its own user`,
    async (t) => {
      const project = await admin.createProject()
      const people: { id: string; token: string }[] = []
      for (let index = 0; index < USERS; index += 1) {
        const user = await admin.createUser()
        await admin.grant(user, { project: project.id }, 'member')
        people.push({ id: user.id, token: await login(admin.url, user, { project: { id: project.id } }) })
      }
      // without a cache every round asks Keystone again
      const server = await startServe(t, [
        '--keystone-url',
        admin.url,
        '--token-cache-ttl',
        '0',
        '--keystone-timeout',
        '25s',
      ])
      const session = connect(server.url, { ca: server.ca })
      t.teardown(() => session.close())
      const tally = { right: 0, wrong: 0, refused: 0, lost: 0 }
      const one = async (index: number) => {
        const person = people[index % USERS] as (typeof people)[number]
        const body = tokenReview(person.token)
        try {
          const reply = await askOn(session, { method: 'POST', path: '/webhook', headers: JSON_TYPE, body })
          const { authenticated, user } = (JSON.parse(reply.text) as { status: ReviewStatus }).status
          tally[authenticated !== true ? 'refused' : user?.uid === person.id ? 'right' : 'wrong'] += 1
        } catch {
          tally.lost += 1
        }
      }
      for (let round = 0; round < ROUNDS; round += 1)
        await Promise.all(Array.from({ length: IN_FLIGHT }, (_, index) => one(index + round)))
      t.same(tally, { right: IN_FLIGHT * ROUNDS, wrong: 0, refused: 0, lost: 0 })
    },
  )
}
