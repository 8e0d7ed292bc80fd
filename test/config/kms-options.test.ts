import t from 'tap'
import { barbicanOptions, kmsOptions, rotateOptions, socketOptions } from '../../src/config/kms-options.ts'
import { BARBICAN, KMS, ROTATE, SOCKET } from '../support/documented-options.ts'
import { keepsPromises } from '../support/option-promises.ts'

t.test('`portcullis kms` and barbican-kms-plugin have the defaults and limits of the documents', async (t) =>
  keepsPromises(t, kmsOptions, KMS),
)

t.test('what all commands that talk to Barbican share is what the documents say', async (t) =>
  keepsPromises(t, barbicanOptions, BARBICAN),
)

t.test('`kms rotate` gives each node five minutes, and at least two seconds', async (t) =>
  keepsPromises(t, rotateOptions, ROTATE),
)

t.test('`kms status` and `kms ping` look at the socket of the server without a flag', async (t) => {
  keepsPromises(t, socketOptions, SOCKET)
  t.match(kmsOptions.socket.help, '/run/portcullis/kms.sock')
})
