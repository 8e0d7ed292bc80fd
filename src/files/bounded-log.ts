import { appendFileSync, renameSync, statSync } from 'node:fs'

/** Lines in a file that never grows beyond `maxBytes`: a full one becomes `<path>.1`, which replaces the one before. */
export interface BoundedLog {
  /** Throws if the file cannot be written. */
  append(line: string): void
}

export function openBoundedLog(path: string, maxBytes: number): BoundedLog {
  let size = sizeOf(path)
  return {
    append(line) {
      const bytes = Buffer.byteLength(line) + 1
      if (bytes > maxBytes) return
      if (size + bytes > maxBytes) {
        renameSync(path, `${path}.1`)
        size = 0
      }
      appendFileSync(path, `${line}\n`, { mode: 0o600 })
      size += bytes
    },
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}
