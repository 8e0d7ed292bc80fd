import { systemClock } from '../clock.ts'
import { helpText } from '../config/help.ts'
import { socketOptions } from '../config/kms-options.ts'
import { readOptions } from '../config/read-options.ts'
import { connectKms } from '../kms/grpc.ts'
import type { KmsReport } from '../kms/kms-report.ts'
import type { Command } from './world.ts'

const ABOUT = 'Shows the keys of the instance at a socket. Run it on each node.'
const DEADLINE_MS = 3000

/** `portcullis kms status`: exit code 0 only if the instance encrypts. */
export const kmsStatus: Command = async (argv, world) => {
  if (argv.includes('--help') || argv.includes('-h')) {
    world.print(helpText('portcullis kms status [--socket PATH]', ABOUT, socketOptions))
    return 0
  }
  const { values } = readOptions(socketOptions, { argv, env: world.env })
  const client = connectKms({ path: values.socket, deadlineMs: DEADLINE_MS, clock: systemClock })
  try {
    const report = await client.report()
    world.print(statusText(report))
    return report.standing === 'ok' ? 0 : 1
  } finally {
    client.close()
  }
}

function statusText(report: KmsReport): string {
  const next = report.nextKeyId && `${report.nextKeyId} at ${new Date(report.nextActivatesAt).toISOString()}`
  const verified = report.verifiedSecondsAgo < 0 ? 'never' : `${age(report.verifiedSecondsAgo)} ago`
  const rows = report.keys.map(({ id, ageSeconds, loaded, expiresInSeconds }) => {
    const expiry = expiresInSeconds < 0 ? '' : `, expires in ${age(expiresInSeconds)}`
    return `  ${id}  ${age(ageSeconds)} old${expiry}${loaded ? '' : ', not loaded'}\n`
  })
  return `standing        ${report.standing}
current key     ${report.currentKeyId || 'none'}
next key        ${next || 'none'}
verified        ${verified}
legacy decrypts ${report.legacyDecrypts}
keys            ${report.keys.length}
${rows.join('')}`
}

function age(seconds: number): string {
  if (seconds >= 172_800) return `${Math.floor(seconds / 86_400)} days`
  if (seconds >= 7200) return `${Math.floor(seconds / 3600)} h`
  return seconds >= 120 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds)} s`
}
