import t from 'tap'
import { isRefusal, NEVER } from '../../src/kms/kek-store.ts'

t.test('a refusal is gone or forbidden, nothing else that Barbican can answer', async (t) => {
  const answers = [
    'gone',
    'forbidden',
    'unknown',
    'unavailable',
    '',
    undefined,
    null,
    [],
    Buffer.from('gone'),
  ]
  t.same(answers.map(isRefusal), [true, true, ...answers.slice(2).map(() => false)])
})

t.test('NEVER is later than any time', async (t) => {
  t.equal(NEVER, Number.POSITIVE_INFINITY)
  t.ok(NEVER > Number.MAX_SAFE_INTEGER)
})
