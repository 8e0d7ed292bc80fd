import t from 'tap'
import { type LoginFlag, loginOptions, settingOf, tokenOptions } from '../../src/config/login-options.ts'
import { LOGIN, TOKEN } from '../support/documented-options.ts'
import { keepsPromises } from '../support/option-promises.ts'

t.test('who logs in is said by the flags and variables of the documents', async (t) =>
  keepsPromises(t, loginOptions, LOGIN),
)

t.test('`portcullis token` has the defaults and limits of the documents', async (t) =>
  keepsPromises(t, tokenOptions, TOKEN),
)

t.test('a flag is called in clouds.yaml as openstacksdk calls it', async (t) => {
  t.equal(settingOf('keystone-url'), 'auth_url')
  t.equal(settingOf('user-name'), 'username')
  t.equal(settingOf('user-domain-name'), 'user_domain_name')
  t.equal(settingOf('application-credential-secret-file'), 'application_credential_secret_file')
  t.equal(settingOf('cacert'), 'cacert')
  const flags = Object.keys(loginOptions) as LoginFlag[]
  t.equal(new Set(flags.map(settingOf)).size, flags.length, 'no two flags share a name')
})

t.test('the help of a secret warns of the command line', async (t) => {
  const warned = Object.entries(loginOptions).filter(([, { help }]) => /command line/.test(help))
  t.strictSame(
    warned.map(([name]) => name),
    ['password', 'passcode', 'token', 'application-credential-secret'],
  )
})
