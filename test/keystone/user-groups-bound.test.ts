import t from 'tap'
import { createUserGroups } from '../../src/keystone/user-groups.ts'
import { createManualClock } from '../support/manual-clock.ts'

const MAX_USERS = 50_000

t.test(
  'the groups of 50000 users are known; one more makes room by the one asked for longest ago',
  async (t) => {
    const { signal } = new AbortController()
    const answer = { headers: { date: 'Mon, 01 Jun 2026 12:00:00 GMT' }, body: { groups: [] } }
    const groups = createUserGroups({
      call: async () => ({ status: 200, ...answer }),
      endpoint: async () => 'http://h/v3',
      clock: createManualClock(),
      ttlMs: 60_000,
    })
    const fetch = (userId: string) => groups.fetch({ userId, token: 'tok', signal, ahead: false })
    for (let user = 0; user < MAX_USERS; user += 1) await fetch(`u-${user}`)
    t.strictSame(groups.known('u-0', 0), [], 'and asked for again just now')
    await fetch('one more')
    t.strictSame(
      ['u-0', 'u-1', 'u-2', 'one more'].map((user) => groups.known(user, 0)),
      [[], undefined, [], []],
    )
  },
)
