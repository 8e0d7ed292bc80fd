import { clientOptions, HELP_FLAGS } from '../config/client-options.ts'
import { helpText } from '../config/help.ts'
import { revokeToken } from '../keystone/revocation.ts'
import { openClientSession } from './client-session.ts'
import type { Command } from './world.ts'

const ABOUT =
  'Revokes the kept token of the current context’s user at Keystone and forgets it. The kubeconfig stays.'

const SENTENCES = {
  revoked: 'The token is revoked at Keystone and forgotten here.',
  gone: 'The token was no good any more; it is forgotten here.',
  kept: 'The token is forgotten here, but Keystone does not revoke it (it is of a restricted application credential): it is good until it expires.',
} as const

/** `portcullis logout` */
export const logout: Command = async (argv, world) => {
  if (argv.includes('--help') || argv.includes('-h')) {
    world.print(helpText(`${world.program} logout [flags]`, ABOUT, clientOptions, HELP_FLAGS))
    return 0
  }
  const session = openClientSession(clientOptions, argv, world)
  const inputs = session.inputs()
  const { identity } = inputs
  const kept = session.cache.get(identity)
  if (kept === undefined) {
    world.print('There is no token to revoke.\n')
    return 0
  }
  try {
    const end = await session.ask(await inputs.settings(), kept.token, kept.keystoneUrl, revokeToken)
    world.print(`${SENTENCES[end]}\n`)
    return end === 'kept' ? 1 : 0
  } catch (error) {
    world.complain(`${world.program}: the token is forgotten here, but Keystone could not be told\n`)
    throw error
  } finally {
    // who logs out wants it gone from this machine, whatever Keystone says
    session.cache.forget(identity)
  }
}
