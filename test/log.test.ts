import { Writable } from 'node:stream'
import t from 'tap'
import { createLog } from '../src/log.ts'
import { startProgram } from './support/program.ts'
import { secret, secretIn } from './support/secrets.ts'

t.test('fields that are named like secrets are never written, up to two levels deep', async (t) => {
  let text = ''
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += chunk
      done()
    },
  })
  const log = createLog({ level: 'info', destination })
  for (const field of [
    'token',
    'password',
    'secret',
    'authorization',
    'x-auth-token',
    'x-subject-token',
    'payload',
  ])
    log.info(
      { [field]: 'hidden-0', headers: { [field]: 'hidden-1', more: { [field]: 'hidden-2' } } },
      'A message',
    )
  t.match(text, /redacted/)
  t.notMatch(text, /hidden/)
})

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
