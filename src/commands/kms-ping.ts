import { randomBytes, randomUUID } from 'node:crypto'
import { systemClock } from '../clock.ts'
import { helpText } from '../config/help.ts'
import { socketOptions } from '../config/kms-options.ts'
import { readOptions } from '../config/read-options.ts'
import { PortcullisError } from '../errors.ts'
import { connectKms } from '../kms/grpc.ts'
import type { Command } from './world.ts'

const ABOUT = 'Asks a KMS v2 plugin for its status and sends a random seed there and back.'
const DEADLINE_MS = 3000

/** `portcullis kms ping`: works with any KMS v2 plugin. */
export const kmsPing: Command = async (argv, world) => {
  if (argv.includes('--help') || argv.includes('-h')) {
    world.print(helpText('portcullis kms ping [--socket PATH]', ABOUT, socketOptions))
    return 0
  }
  const { values } = readOptions(socketOptions, { argv, env: world.env })
  const client = connectKms({ path: values.socket, deadlineMs: DEADLINE_MS, clock: systemClock })
  const timed = async <T>(name: string, call: Promise<T>): Promise<T> => {
    const start = systemClock.monotonic()
    const answer = await call
    world.print(`${name.padEnd(8)} ${(systemClock.monotonic() - start).toFixed(1)} ms\n`)
    return answer
  }
  try {
    const status = await timed('status', client.status())
    world.print(`  version ${status.version}, healthz ${status.healthz}, key ${status.keyId}\n`)
    const [seed, uid] = [randomBytes(32), randomUUID()]
    const sealed = await timed('encrypt', client.encrypt({ plaintext: seed, uid }))
    world.print(
      `  ${sealed.ciphertext.length} bytes, annotations: ${Object.keys(sealed.annotations).join(', ') || 'none'}\n`,
    )
    const { plaintext } = await timed('decrypt', client.decrypt({ ...sealed, uid }))
    if (!seed.equals(plaintext))
      throw new PortcullisError('KMS_CALL_FAILED', 'Decrypt: not what was encrypted')
    world.print('  the same seed\n')
    return 0
  } finally {
    client.close()
  }
}
