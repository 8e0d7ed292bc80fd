import { compatibleIdentity, isReserved, qualifiedIdentity } from '../authn/identity.ts'
import { systemClock } from '../clock.ts'
import { HELP_FLAGS, whoamiOptions } from '../config/client-options.ts'
import { helpText } from '../config/help.ts'
import { reportText } from '../exec/report.ts'
import type { AskedWith } from '../keystone/places.ts'
import type { TokenScope } from '../keystone/token-body.ts'
import { createTokenValidation } from '../keystone/token-validation.ts'
import { createUserGroups } from '../keystone/user-groups.ts'
import { openClientSession } from './client-session.ts'
import type { Command } from './world.ts'

const ABOUT = `Tells who Keystone says one is with the user of the current context, and what Portcullis makes of it for Kubernetes.
What role mappings of the server add is not known here: kubectl auth whoami shows that.`

/** `portcullis whoami` */
export const whoami: Command = async (argv, world) => {
  if (argv.includes('--help') || argv.includes('-h')) {
    world.print(helpText(`${world.program} whoami [flags]`, ABOUT, whoamiOptions, HELP_FLAGS))
    return 0
  }
  const session = openClientSession(whoamiOptions, argv, world)
  const { says, groups, url } = await session.consult(describe)
  const mapping = session.values.identity === 'qualified' ? qualifiedIdentity : compatibleIdentity
  const user = mapping(says, groups)
  world.print(
    reportText([
      ['Keystone', [url]],
      [
        'user',
        [`${says.user.name} (${says.user.id}) of domain ${says.user.domain.name} (${says.user.domain.id})`],
      ],
      ['scope', [scopeText(says.scope)]],
      ['roles', says.roles],
      ['groups', groups.map(({ name, domainId }) => `${name} of domain ${domainId}`)],
      ['logged in by', [says.methods.join(', ')]],
      ['until', [new Date(says.expiresAt).toISOString()]],
    ]),
  )
  world.print(`\nTo Kubernetes (--identity ${session.values.identity}):\n`)
  world.print(
    reportText([
      ['user', [user.username]],
      ['uid', [user.uid]],
      ['groups', user.groups],
    ]),
  )
  if ([user.username, ...user.groups].some(isReserved))
    world.complain(`${world.program}: names that begin with system: are refused by the server\n`)
  return 0
}

async function describe({ call, url, token, signal }: AskedWith) {
  const endpoint = async () => url
  const says = await createTokenValidation({ call, endpoint })(token, signal)
  if (says === undefined) return undefined
  const userGroups = createUserGroups({ call, endpoint, clock: systemClock, ttlMs: 0 })
  const groups = await userGroups.fetch({ userId: says.user.id, token, signal, ahead: false })
  return groups === undefined ? undefined : { says, groups, url }
}

function scopeText(scope: TokenScope): string {
  if (scope.kind === 'project')
    return `project ${scope.name} (${scope.id}) of domain ${scope.domain.name} (${scope.domain.id})`
  return scope.kind === 'domain' ? `domain ${scope.name} (${scope.id})` : scope.kind
}
