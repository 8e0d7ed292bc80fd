import type { Command } from './world.ts'

/** Loaded when asked for: `kms ping` needs neither web server nor Keystone client. */
const PARTS: Readonly<Record<string, () => Promise<Command>>> = {
  rotate: async () => (await import('./kms-rotate.ts')).kmsRotate,
  status: async () => (await import('./kms-status.ts')).kmsStatus,
  ping: async () => (await import('./kms-ping.ts')).kmsPing,
}

/** `portcullis kms` and its parts; barbican-kms-plugin has none. */
export const kms: Command = async (argv, world) => {
  const [first = '', ...rest] = argv
  const part =
    world.program !== 'barbican-kms-plugin' && Object.hasOwn(PARTS, first) ? PARTS[first] : undefined
  if (part !== undefined) return (await part())(rest, world)
  const { kmsServe } = await import('./kms-serve.ts')
  return kmsServe(argv, world)
}
