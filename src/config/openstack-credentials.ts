import { dirname, join } from 'node:path'
import { PortcullisError } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'
import { readYaml } from '../files/yaml.ts'
import { isRecord } from '../json.ts'
import type { DomainRef, LoginScope, OpenStackCredentials } from '../keystone/credentials.ts'
import { homeFolder } from './home-folder.ts'

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
  const settings = env.OS_CLOUD ? fromCloud(env.OS_CLOUD, env) : fromEnvironment(env)
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

function fromCloud(name: string, env: Settings): Settings {
  const path = cloudsFile(env)
  const cloud = { ...cloudIn(path, name), ...cloudIn(join(dirname(path), 'secure.yaml'), name, true) }
  if (Object.keys(cloud).length === 0) throw invalid(`OS_CLOUD: there is no cloud ${name} in ${path}`)
  return cloud as Settings
}

function cloudsFile(env: Settings): string {
  const places = [
    env.OS_CLIENT_CONFIG_FILE,
    'clouds.yaml',
    join(homeFolder(), '.config/openstack/clouds.yaml'),
    '/etc/openstack/clouds.yaml',
  ]
  for (const place of places) {
    if (place && (place === env.OS_CLIENT_CONFIG_FILE || readable(place))) return place
  }
  throw invalid('OS_CLOUD is set, but no clouds.yaml was found; OS_CLIENT_CONFIG_FILE can name it')
}

function readable(path: string): boolean {
  try {
    readConfigFile(path)
    return true
  } catch {
    return false
  }
}

/** One cloud's settings with its `auth` part laid flat. */
function cloudIn(path: string, name: string, optional = false): Record<string, unknown> {
  if (optional && !readable(path)) return {}
  const file = readYaml(readConfigFile(path))
  const cloud = isRecord(file) && isRecord(file.clouds) ? file.clouds[name] : undefined
  if (!isRecord(cloud)) return {}
  const { auth, ...rest } = cloud
  return { ...rest, ...(isRecord(auth) ? auth : {}) }
}

function toCredentials(settings: Settings): OpenStackCredentials {
  const side = (settings.interface ?? settings.endpoint_type ?? 'public').replace(/URL$/, '')
  if (side !== 'public' && side !== 'internal' && side !== 'admin')
    throw invalid(`interface: expected public, internal or admin, got ${side}`)
  return { method: toMethod(settings), region: settings.region_name, interface: side }
}

function toMethod(settings: Settings): OpenStackCredentials['method'] {
  if (settings.application_credential_id || settings.application_credential_name) {
    const { application_credential_id: id, application_credential_name: name } = settings
    const secret = needed(settings.application_credential_secret, 'application_credential_secret')
    const credential = id ? { id } : { name: name as string, user: toUser(settings) }
    return { kind: 'application_credential', credential, secret }
  }
  const password = needed(settings.password, 'password')
  return { kind: 'password', user: toUser(settings), password, scope: toScope(settings) }
}

function toUser(settings: Settings) {
  if (settings.user_id) return { id: settings.user_id }
  const domain = toDomain(settings.user_domain_id, settings.user_domain_name, settings)
  return { name: needed(settings.username, 'username'), domain: domain ?? { id: 'default' } }
}

function toScope(settings: Settings): LoginScope | undefined {
  if (settings.system_scope) return { system: { all: true } }
  if (settings.trust_id) return { 'OS-TRUST:trust': { id: settings.trust_id } }
  if (settings.project_id || settings.tenant_id)
    return { project: { id: (settings.project_id ?? settings.tenant_id) as string } }
  const name = settings.project_name ?? settings.tenant_name
  if (name) {
    const domain = toDomain(settings.project_domain_id, settings.project_domain_name, settings)
    return { project: { name, domain: domain ?? { id: 'default' } } }
  }
  const domain = toDomain(settings.domain_id, settings.domain_name, {})
  return domain && { domain }
}

function toDomain(
  id: string | undefined,
  name: string | undefined,
  settings: Settings,
): DomainRef | undefined {
  if (id) return { id }
  if (name) return { name }
  if (settings.default_domain_id ?? settings.domain_id)
    return { id: (settings.default_domain_id ?? settings.domain_id) as string }
  const fallback = settings.default_domain_name ?? settings.domain_name ?? settings.default_domain
  return fallback === undefined ? undefined : { name: fallback }
}

function needed(value: string | undefined, name: string): string {
  if (!value) throw invalid(`OpenStack credentials are incomplete: ${name} is missing`)
  return value
}

const invalid = (message: string) => new PortcullisError('CONFIG_INVALID', message)
