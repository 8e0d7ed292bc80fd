import { readCloudConf } from '../config/cloud-conf.ts'
import type { BarbicanConfig } from '../config/kms-options.ts'
import { type OpenStackSettings, readOpenStackSettings } from '../config/openstack-credentials.ts'
import { configInvalid } from '../config/read-options.ts'
import type { CommandWorld } from './world.ts'

/** Where Keystone is and who we are there: cloud.conf if one is named, else the environment or clouds.yaml. */
export function openStackOf(config: BarbicanConfig, { env }: CommandWorld) {
  const path = config.cloudConfig
  const openstack = (): OpenStackSettings => {
    const settings = readOpenStackSettings(path === undefined ? env : readCloudConf(path).env)
    if (settings !== undefined) return settings
    throw configInvalid([
      {
        from: path === undefined ? 'environment' : `file ${path}`,
        message: 'names no OpenStack user or application credential',
      },
    ])
  }
  const fromFile = openstack().authUrl
  const keystoneUrl = path === undefined ? (config.keystoneUrl ?? fromFile) : (fromFile ?? config.keystoneUrl)
  if (keystoneUrl === undefined)
    throw configInvalid([{ from: 'flag --keystone-url', message: 'expected the URL of Keystone' }])
  return { keystoneUrl, openstack, keyId: path === undefined ? undefined : readCloudConf(path).keyId }
}
