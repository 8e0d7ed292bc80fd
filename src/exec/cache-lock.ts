import { closeSync, openSync, readFileSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs'
import type { Clock } from '../clock.ts'
import { isAlive } from './cache-folder.ts'

const POLL_MS = 20
/** No process works longer on a log-in, waiting for somebody to type included: an older lock is of a reused pid. */
const OLDEST_MS = 10 * 60_000

/**
 * Waits until the lock file at `path` is this process's, at most `patienceMs`; gives what releases it, or undefined
 * when it is still another's or cannot be made. A lock of a process that died is taken over.
 */
export async function holdLock(parts: {
  path: string
  patienceMs: number
  clock: Clock
}): Promise<(() => void) | undefined> {
  const { path, patienceMs, clock } = parts
  const mark = `${process.pid} ${clock.monotonic()}`
  const deadline = clock.monotonic() + patienceMs
  for (;;) {
    const taken = take(path, mark)
    if (taken === 'taken') return () => releaseLock(path, mark)
    if (taken === 'impossible') return undefined
    const holder = readLock(path)
    if (holder !== undefined && isDead(path, holder, clock.now())) removeStale(path, holder, mark)
    else if (clock.monotonic() >= deadline) return undefined
    else await new Promise<void>((resolve) => clock.after(POLL_MS, resolve))
  }
}

function take(path: string, mark: string): 'taken' | 'held' | 'impossible' {
  try {
    const file = openSync(path, 'wx', 0o600)
    try {
      writeSync(file, mark)
    } finally {
      closeSync(file)
    }
    return 'taken'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'held' : 'impossible'
  }
}

function readLock(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** An empty lock was just made and is being written; it is dead when it stays so. */
function isDead(path: string, holder: string, now: number): boolean {
  const pid = Number(holder.split(' ')[0])
  const age = ageOf(path, now)
  return holder === '' ? age > 1000 : age > OLDEST_MS || !isAlive(pid)
}

function ageOf(path: string, now: number): number {
  try {
    return now - statSync(path).mtimeMs
  } catch {
    return 0
  }
}

/**
 * Several processes may find the same dead lock: each moves away what is there now, and whoever has moved a living
 * one puts it back. At worst two log in.
 */
function removeStale(path: string, holder: string, mark: string): void {
  const aside = `${path}.${mark.replaceAll(/\W/g, '-')}`
  try {
    renameSync(path, aside)
    if (readLock(aside) === holder) unlinkSync(aside)
    else renameSync(aside, path)
  } catch {
    // another process was faster
  }
}

function releaseLock(path: string, mark: string): void {
  try {
    if (readLock(path) === mark) unlinkSync(path)
  } catch {
    // gone already
  }
}
