import { createHmac, randomBytes } from 'node:crypto'
import t from 'tap'
import { createTokenKey } from '../../src/authn/token-key.ts'

t.test('the key of a token is HMAC-SHA-256, whatever token and key', async (t) => {
  for (let size = 0; size < 300; size += 1) {
    const key = randomBytes(size % 65)
    const token = randomBytes(size).toString(size % 2 ? 'base64url' : 'latin1')
    t.equal(createTokenKey(key)(token), createHmac('sha256', key).update(token).digest('base64'))
  }
})

t.test('the same token has the same key again, under another secret another one', async (t) => {
  const keyOf = createTokenKey(randomBytes(32))
  t.equal(keyOf('a'), keyOf('a'))
  t.not(keyOf('a'), createTokenKey(randomBytes(32))('a'))
})
