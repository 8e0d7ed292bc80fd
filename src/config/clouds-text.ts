import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PortcullisError } from '../errors.ts'
import { readConfigFile } from '../files/watched-file.ts'
import { homeFolder } from './home-folder.ts'

/** clouds.yaml and secure.yaml before anybody has read what is in them. */
export interface CloudsText {
  /** Of clouds.yaml. */
  readonly path: string
  readonly clouds: string
  readonly secure: string
}

/**
 * Finds clouds.yaml by openstacksdk's rules (OS_CLIENT_CONFIG_FILE, the working directory, ~/.config/openstack,
 * /etc/openstack), and secure.yaml beside it. Throws CONFIG_INVALID or FILE_UNREADABLE.
 */
export function readCloudsText(env: Readonly<Record<string, string | undefined>>): CloudsText {
  const places = [
    'clouds.yaml',
    join(homeFolder(), '.config/openstack/clouds.yaml'),
    '/etc/openstack/clouds.yaml',
  ]
  const path = env.OS_CLIENT_CONFIG_FILE || places.find((place) => existsSync(place))
  if (path === undefined)
    throw new PortcullisError(
      'CONFIG_INVALID',
      'OS_CLOUD is set, but no clouds.yaml was found; OS_CLIENT_CONFIG_FILE can name it',
    )
  const secure = join(dirname(path), 'secure.yaml')
  return { path, clouds: readConfigFile(path), secure: existsSync(secure) ? readConfigFile(secure) : '' }
}
