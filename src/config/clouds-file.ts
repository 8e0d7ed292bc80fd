import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { PortcullisError } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'
import { readYaml } from '../files/yaml.ts'
import { isRecord } from '../json.ts'

type Settings = Readonly<Record<string, string | undefined>>

/**
 * Reads one cloud of clouds.yaml with secure.yaml laid over it, its `auth` part laid flat (openstacksdk's rules:
 * OS_CLIENT_CONFIG_FILE, the working directory, ~/.config/openstack, /etc/openstack). Throws CONFIG_INVALID.
 */
export function readCloud(
  name: string,
  env: Settings,
): { readonly path: string; readonly settings: Settings } {
  const path = cloudsFile(env)
  const cloud = { ...cloudIn(path, name), ...cloudIn(join(dirname(path), 'secure.yaml'), name, true) }
  if (Object.keys(cloud).length === 0) throw invalid(`OS_CLOUD: there is no cloud ${name} in ${path}`)
  const texts = Object.entries(cloud).flatMap(([key, value]) =>
    ['string', 'number', 'boolean'].includes(typeof value) ? [[key, String(value)]] : [],
  )
  return { path, settings: Object.fromEntries(texts) }
}

function cloudsFile(env: Settings): string {
  const places = [
    env.OS_CLIENT_CONFIG_FILE,
    'clouds.yaml',
    join(homedir(), '.config/openstack/clouds.yaml'),
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

const invalid = (message: string) => new PortcullisError('CONFIG_INVALID', message)
