import { PortcullisError } from '../errors.ts'
import type { OpenStackCredentials } from '../keystone/credentials.ts'
import { toLoginMethod } from '../keystone/login-method.ts'
import { readCloud } from './clouds-file.ts'
import { readCloudsText } from './clouds-text.ts'

type Settings = Readonly<Record<string, string | undefined>>

export interface OpenStackSettings {
  readonly authUrl: string | undefined
  readonly caFile: string | undefined
  readonly credentials: OpenStackCredentials
}

/**
 * Reads credentials from the OS_* variables or, where OS_CLOUD names a cloud, from clouds.yaml with secure.yaml
 * laid over it (openstacksdk's rules: OS_CLIENT_CONFIG_FILE, the working directory, ~/.config/openstack, /etc/openstack).
 * Gives undefined when the environment names no user, credential or cloud. Throws CONFIG_INVALID for half ones.
 */
export function readOpenStackSettings(env: Settings): OpenStackSettings | undefined {
  const settings = env.OS_CLOUD ? readCloud(env.OS_CLOUD, readCloudsText(env)) : fromEnvironment(env)
  if (
    !settings.user_id &&
    !settings.username &&
    !settings.application_credential_id &&
    !settings.application_credential_name
  )
    return undefined
  return { authUrl: settings.auth_url, caFile: settings.cacert, credentials: toCredentials(settings) }
}

function fromEnvironment(env: Settings): Settings {
  const entries = Object.entries(env).filter(([name]) => name.startsWith('OS_'))
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(3).toLowerCase(), value || undefined]))
}

function toCredentials(settings: Settings): OpenStackCredentials {
  const side = (settings.interface ?? settings.endpoint_type ?? 'public').replace(/URL$/, '')
  if (side !== 'public' && side !== 'internal' && side !== 'admin')
    throw invalid(`interface: expected public, internal or admin, got ${side}`)
  return { method: toMethod(settings), region: settings.region_name, interface: side }
}

function toMethod({ auth_type: _, passcode: __, ...settings }: Settings): OpenStackCredentials['method'] {
  const named = settings.application_credential_id || settings.application_credential_name
  const method = toLoginMethod(named ? 'application_credential' : 'user', settings)
  if ('kind' in method) return method
  throw invalid(`OpenStack credentials are incomplete: ${method.missing[0]} is missing`)
}

const invalid = (message: string) => new PortcullisError('CONFIG_INVALID', message)
