import t from 'tap'
import { startProgram } from './support/program.ts'
import { secret, secretIn } from './support/secrets.ts'

t.test('the search for secrets in all output finds one', async (t) => {
  const token = secret('this-is-a-token-of-the-test')
  const cleanups: (() => unknown)[] = []
  const program = startProgram({ teardown: (run) => cleanups.push(run) }, 'portcullis', [
    'serve',
    '--listen',
    token,
  ])
  await program.exited
  t.equal(secretIn(`x${token}y`), token)
  t.equal(secretIn('nothing here'), undefined)
  await t.resolves(Promise.all(cleanups.map((run) => run())), 'a bad value is told by its flag, not repeated')
})
