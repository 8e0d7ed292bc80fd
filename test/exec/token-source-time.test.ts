import t from 'tap'
import { MINUTE, SOMEBODY, settingsOf, sourceWorld } from '../support/token-source-world.ts'

t.test('the life of a token does not begin while somebody types', async (t) => {
  const { password: _, ...rest } = SOMEBODY
  const world = sourceWorld({ settings: settingsOf(rest), terminal: ['secret'], typingMs: 20 * MINUTE })
  const began = world.clock.now()
  t.match(await world.obtain(), { since: began + 20 * MINUTE, until: began + 79 * MINUTE })
})
