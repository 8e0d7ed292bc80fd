import { lstatSync, mkdirSync } from 'node:fs'
import { enableCompileCache } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Lets Node keep what it has compiled, in a folder that is this user's alone. Node's own choice is below /tmp under
 * a name that anybody could take first, and it runs what it finds there.
 */
export function keepCompiled(): void {
  const uid = process.geteuid?.()
  if (uid === undefined) return
  const path = join(tmpdir(), `portcullis-compiled-${uid}`)
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    const stats = lstatSync(path)
    if (stats.isDirectory() && stats.uid === uid && (stats.mode & 0o077) === 0) enableCompileCache(path)
  } catch {
    // it starts without, only slower
  }
}
