import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Clock, every } from '../clock.ts'
import { errorText, PortcullisError } from '../errors.ts'

/** No configuration file of ours comes near this size; a larger one is a mistake or an attack. */
const MAX_BYTES = 16 * 1024 * 1024

/** Reads a configuration file; throws FILE_UNREADABLE with the path and the reason. */
export function readConfigFile(path: string): string {
  try {
    const { size } = statSync(path)
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes, more than ${MAX_BYTES}`)
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new PortcullisError('FILE_UNREADABLE', `cannot read ${path}: ${errorText(error)}`, { cause: error })
  }
}

/** Paths of the visible files of a directory with one of these endings, sorted. Throws FILE_UNREADABLE. */
export function listConfigFiles(directory: string, endings: readonly string[]): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((name) => !name.startsWith('.') && endings.some((ending) => name.endsWith(ending)))
      .sort()
      .map((name) => join(directory, name))
  } catch (error) {
    throw new PortcullisError('FILE_UNREADABLE', `cannot list ${directory}: ${errorText(error)}`, {
      cause: error,
    })
  }
}

/**
 * Calls `changed` whenever one of the files is another than before. It looks at what the path leads to
 * (inode, size, times) rather than wait for events: those are lost on the symbolic links that kubelet swaps.
 * A file that is gone counts as a change once; `changed` reads and reports.
 */
export function watchFiles(options: {
  /** Fixed, or asked for anew each time: what a directory holds. */
  paths: readonly string[] | (() => readonly string[])
  clock: Clock
  intervalMs?: number
  changed: () => void | Promise<void>
}): () => void {
  const { paths } = options
  const look = () =>
    (typeof paths === 'function' ? paths() : paths).map((path) => `${path}:${fingerprint(path)}`).join('|')
  let seen = look()
  return every(options.clock, options.intervalMs ?? 1000, async () => {
    const now = look()
    if (now === seen) return
    seen = now
    await options.changed()
  })
}

function fingerprint(path: string): string {
  try {
    const { ino, size, mtimeMs, ctimeMs } = statSync(path)
    return `${ino}:${size}:${mtimeMs}:${ctimeMs}`
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown'
  }
}
