import t from 'tap'
import { createTokenCache } from '../../src/exec/token-cache.ts'
import { fakeFolder, tokenFolder } from '../support/token-folder.ts'

const MINUTE = 60_000
const ALICE = 'alice at cloud A'

t.test('without a key nothing is kept, sought or locked, and work is done all the same', async (t) => {
  const { clock, kept } = tokenFolder(t)
  const never = () => t.fail('no name is made without a key')
  for (const key of [undefined, Buffer.alloc(5)]) {
    const folder = fakeFolder({
      read: (name) => (name === 'key' ? key : never()) as Buffer | undefined,
      write: never,
      validUntil: never as never,
      pathOf: never as never,
      remove: (name) => t.equal(name, 'key'),
    })
    const cache = createTokenCache({ folder, clock })
    cache.put(ALICE, kept('one'))
    cache.refuse(ALICE)
    cache.forget(ALICE)
    t.equal(cache.get(ALICE), undefined)
    t.equal(cache.refusedAt(ALICE), undefined)
    t.equal(await cache.alone(ALICE, MINUTE, async () => 'done'), 'done')
  }
})
