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

t.test(
  'long tokens and those of many bytes have their HMAC too, and leave no trace in the next',
  async (t) => {
    const key = randomBytes(32)
    const keyOf = createTokenKey(key)
    const hmac = (token: string) => createHmac('sha256', key).update(token).digest('base64')
    for (const letter of ['a', 'é', '€', '💥'])
      for (const length of [1, 500, 1365, 1366, 2048, 4096, 4097, 10_000]) {
        const token = letter.repeat(length)
        t.equal(keyOf(token), hmac(token), `${letter} ${length}`)
        t.equal(keyOf('short'), hmac('short'))
      }
  },
)

t.test('the same token has the same key again, under another secret another one', async (t) => {
  const keyOf = createTokenKey(randomBytes(32))
  t.equal(keyOf('a'), keyOf('a'))
  t.not(keyOf('a'), createTokenKey(randomBytes(32))('a'))
})

t.test('no memory of the key holds a token when it has been used', async (t) => {
  const made: Buffer[] = []
  const concat = Buffer.concat
  t.teardown(() => {
    Buffer.concat = concat
  })
  Buffer.concat = (...parts) => {
    const buffer = concat(...parts)
    made.push(buffer)
    return buffer
  }
  const key = createTokenKey(randomBytes(32))
  for (const token of ['first-'.repeat(40), 'second', 'third-'.repeat(700)]) {
    key(token)
    t.ok(made.length > 0)
    t.notOk(
      made.some((buffer) => buffer.includes(token.slice(0, 6))),
      token.slice(0, 6),
    )
  }
})
