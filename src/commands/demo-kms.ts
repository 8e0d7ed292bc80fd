import { randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { systemClock } from '../clock.ts'
import { startKms } from '../compose-kms.ts'
import { kmsOptions } from '../config/kms-options.ts'
import { readOpenStackSettings } from '../config/openstack-credentials.ts'
import { readOptions } from '../config/read-options.ts'
import { connectKms } from '../kms/grpc.ts'
import { createLog } from '../log.ts'
import { startSimulatedBarbican } from '../simulator/barbican-server.ts'
import type { SimulatedKeystone } from '../simulator/keystone.ts'
import type { CommandWorld } from './world.ts'

/** The KMS plugin on a simulated Barbican: one seed there and back, as kube-apiserver would send it. */
export async function startKmsDemo(keystone: SimulatedKeystone, folder: string, world: CommandWorld) {
  const clock = systemClock
  const barbican = await startSimulatedBarbican({ clock, keystone: () => keystone })
  const project = keystone.model.addProject('keys')
  const user = keystone.model.addUser('kms', 'kms')
  keystone.model.grant(user.id, project.id, 'creator')
  const secret = barbican.store({ project: project.id, name: 'demo-kek' })
  const flags = ['--admin-listen', '127.0.0.1:0', '--key-name', secret.name, '--barbican-url', barbican.url]
  const { values: config } = readOptions(kmsOptions, { argv: flags, env: {} })
  const settings = { OS_USER_ID: user.id, OS_PASSWORD: user.password, OS_PROJECT_ID: project.id }
  const openstack = readOpenStackSettings(settings)
  if (openstack === undefined) throw new Error('the demo has no credentials')
  const path = join(folder, 'kms.sock')
  const plugin = await startKms(
    config,
    path,
    { ids: [], name: secret.name },
    {
      clock,
      log: createLog({ level: 'error' }),
      version: world.version,
      keystoneUrl: keystone.url,
      openstack: () => openstack,
      stopped: world.stopped,
    },
  )
  const client = connectKms({ path, deadlineMs: 3000, clock })
  while (!(await client.status().catch(() => undefined)))
    await new Promise<void>((resolve) => clock.after(20, resolve))
  const [plaintext, uid] = [randomBytes(32), randomUUID()]
  const { ciphertext, keyId, annotations } = await client.encrypt({ plaintext, uid })
  const opened = await client.decrypt({ ciphertext, keyId, annotations, uid })
  client.close()
  return {
    text: [
      `A KMS v2 plugin on ${path} has wrapped a seed of ${plaintext.length} bytes into ${ciphertext.length}, under key ${keyId}`,
      `of a simulated Barbican, and unwrapped it again: ${plaintext.equals(opened.plaintext) ? 'the same seed' : 'ANOTHER SEED'}. Try it by hand:`,
      '',
      `bin/portcullis kms ping --socket ${path}`,
      `bin/portcullis kms status --socket ${path}`,
      '',
    ],
    async stop() {
      await plugin.stop()
      await barbican.close()
    },
  }
}
