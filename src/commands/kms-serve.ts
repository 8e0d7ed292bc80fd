import { systemClock } from '../clock.ts'
import { startKms } from '../compose-kms.ts'
import { helpText } from '../config/help.ts'
import { DEFAULT_SOCKET, type KmsConfig, kmsOptions } from '../config/kms-options.ts'
import { configInvalid, readOptions } from '../config/read-options.ts'
import { keepHeapSmall } from '../heap-growth.ts'
import type { KeySet } from '../kms/kek-store.ts'
import { createLog } from '../log.ts'
import { openStackOf } from './kms-openstack.ts'
import type { Command } from './world.ts'

const ABOUT =
  'Wraps kube-apiserver’s encryption keys with keys kept in OpenStack Barbican (KMS v2).\n' +
  'Other commands: kms rotate, kms status, kms ping.'

/** `portcullis kms`, which is also the whole of barbican-kms-plugin. */
export const kmsServe: Command = async (argv, world) => {
  const drop = world.program === 'barbican-kms-plugin'
  if (argv.includes('--help') || argv.includes('-h')) {
    world.print(helpText(drop ? 'barbican-kms-plugin [flags]' : 'portcullis kms [flags]', ABOUT, kmsOptions))
    return 0
  }
  const { values: config, operands } = readOptions(kmsOptions, { argv, env: world.env })
  if (operands.length > 0)
    throw configInvalid([{ from: 'argument', message: `${operands[0]} is not expected` }])
  const { keystoneUrl, openstack, keyId } = openStackOf(config, world)
  const log = createLog({ level: config.v === undefined || config.v < 4 ? config.logLevel : 'debug' })
  const plugin = await startKms(
    config,
    config.socket ?? config.socketpath ?? DEFAULT_SOCKET,
    keySetOf(config, keyId),
    {
      clock: systemClock,
      log,
      version: world.version,
      keystoneUrl,
      openstack,
      stopped: world.stopped,
    },
  )
  log.info({ adminPort: plugin.adminPort, version: world.version }, 'Serving')
  keepHeapSmall()
  await world.stopped
  log.info('Shutting down')
  await plugin.stop()
  log.info('Stopped')
  return 0
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

function keySetOf(config: KmsConfig, keyId: string | undefined): KeySet {
  const ids = config.keyIds.length === 0 && keyId !== undefined ? [keyId] : config.keyIds
  const odd = ids.filter((id) => !UUID.test(id))
  if (odd.length > 0)
    throw configInvalid([{ from: 'key id', message: `${odd[0]}: expected the uuid of a Barbican secret` }])
  if (ids.length === 0 && config.keyName === undefined)
    throw configInvalid([
      {
        from: 'flag --key-name',
        message: 'expected --key-name, --key-ids or [KeyManager] key-id in cloud.conf',
      },
    ])
  return { ids, name: config.keyName }
}
