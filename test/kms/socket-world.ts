import fs, { mkdtempSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listenOnSocket } from '../../src/kms/socket.ts'

type Test = { teardown(run: () => void): void }

export function directory(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'kms-'))
  t.teardown(() => rmSync(made, { recursive: true }))
  return made
}

/** Listens until the test ends; what was accepted is in `accepted`. */
export async function listening(t: Test, path: string, replaceRunning = false) {
  const accepted: Socket[] = []
  const socket = await listenOnSocket({
    path,
    replaceRunning,
    accept: (connection) => void accepted.push(connection.on('error', () => {}).resume()),
  })
  t.teardown(() => {
    socket.close()
    for (const connection of accepted) connection.destroy()
  })
  return { socket, accepted }
}

export const connected = (path: string) =>
  new Promise<Socket>((resolve, reject) => {
    const client = connect(path, () => resolve(client)).on('error', reject)
  })
export const ended = (socket: Socket) =>
  new Promise<void>((resolve) => {
    socket.resume().once('close', () => resolve())
  })
export const unusable = (message: RegExp) => ({ code: 'KMS_SOCKET_UNUSABLE', message })

/** Replaces a function of Node's `fs` for as long as `run` takes. */
export async function withFs<K extends 'statSync' | 'renameSync'>(
  name: K,
  fake: unknown,
  run: () => unknown,
) {
  const original = fs[name]
  fs[name] = fake as (typeof fs)[K]
  syncBuiltinESMExports()
  try {
    await run()
  } finally {
    fs[name] = original
    syncBuiltinESMExports()
  }
}
