import { systemClock } from '../clock.ts'
import { openBarbican } from '../compose-kms.ts'
import { helpText } from '../config/help.ts'
import { rotateOptions } from '../config/kms-options.ts'
import { configInvalid, readOptions } from '../config/read-options.ts'
import { rotate } from '../kms/rotation.ts'
import { createMetricsRegistry } from '../metrics/registry.ts'
import { openStackOf } from './kms-openstack.ts'
import type { Command } from './world.ts'

const ABOUT = 'Orders a new key inside Barbican; every node takes it up at the same moment.'
const PATIENCE_MS = 60_000

/** `portcullis kms rotate` */
export const kmsRotate: Command = async (argv, world) => {
  if (argv.includes('--help') || argv.includes('-h')) {
    world.print(helpText('portcullis kms rotate --key-name NAME [flags]', ABOUT, rotateOptions))
    return 0
  }
  const { values: config } = readOptions(rotateOptions, { argv, env: world.env })
  const name = config.keyName
  if (name === undefined)
    throw configInvalid([{ from: 'flag --key-name', message: 'expected the name of the keys' }])
  const clock = systemClock
  const { keystoneUrl, openstack } = openStackOf(config, world)
  const { barbican, close } = openBarbican(
    config,
    { clock, version: world.version, keystoneUrl, openstack },
    createMetricsRegistry(),
  )
  try {
    const { id, activatesAt } = await rotate({
      barbican,
      name,
      activateInMs: config.activateIn,
      patienceMs: PATIENCE_MS,
      clock,
    })
    world.print(`${id} becomes current at ${new Date(activatesAt).toISOString()}\n`)
    return 0
  } finally {
    await close()
  }
}
