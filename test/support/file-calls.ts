import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

interface Cleaner {
  teardown(run: () => unknown): void
}

/** Puts another function in place of one of node:fs until the test ends, for faults that a real disk seldom shows. */
export function replaceFileCall<N extends keyof typeof fs>(
  t: Cleaner,
  name: N,
  replacement: (original: (typeof fs)[N]) => (typeof fs)[N],
): void {
  const original = fs[name]
  const set = (call: (typeof fs)[N]) => {
    fs[name] = call
    // sources import it by name
    syncBuiltinESMExports()
  }
  set(replacement(original))
  t.teardown(() => set(original))
}

/** What opens and does not close, by path. */
export function watchOpenFiles(t: Cleaner): () => readonly string[] {
  const open = new Map<number, string>()
  replaceFileCall(t, 'openSync', (original) => (path, ...rest) => {
    const file = original(path, ...rest)
    open.set(file, String(path))
    return file
  })
  replaceFileCall(t, 'closeSync', (original) => (file) => {
    open.delete(file)
    original(file)
  })
  return () => [...open.values()]
}

/** A mode that the code asks for is the mode that the file gets, whatever the mask of whoever runs the tests. */
export function withoutMask(t: Cleaner): void {
  const mask = process.umask(0)
  t.teardown(() => process.umask(mask))
}

export const modeOf = (path: string) => fs.statSync(path).mode & 0o7777

/** Higher than any process id of Linux (PID_MAX_LIMIT) or macOS. */
export const DEAD_PID = 5_000_001
