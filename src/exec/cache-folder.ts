import {
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

/** A folder of small files that are for one user's eyes only. Nothing here throws; what cannot be done is said once. */
export interface CacheFolder {
  /** The content, if the file is this user's alone. */
  read(name: string): Buffer | undefined
  /** Puts the whole file in place at once, or nothing. It is not swept before `until` (milliseconds since the epoch). */
  write(name: string, content: string, until: number): void
  /** Makes the file unless there is one. */
  create(name: string, content: Buffer): void
  validUntil(name: string): number | undefined
  remove(name: string): void
  /** Removes what is past its time, and what processes that died have left behind. */
  sweep(now: number): void
  /** Where a file would be, when the folder can be used. */
  pathOf(name: string): string | undefined
}

const MAX_BYTES = 64 * 1024
const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
const TEMPORARY = /^tmp-(\d+)-/

/** `$XDG_CACHE_HOME/portcullis`, or below ~/.cache. */
export function cacheFolderPath(env: Readonly<Record<string, string | undefined>>, home: string): string {
  const base = env.XDG_CACHE_HOME?.startsWith('/') ? env.XDG_CACHE_HOME : join(home, '.cache')
  return join(base, 'portcullis')
}

/** Opens the folder at `path`, made with mode 0700 when it is first needed. `uid` is that of this process. */
export function openCacheFolder(parts: {
  path: string
  uid: number
  pid: number
  complain: (sentence: string) => void
}): CacheFolder {
  const { path, uid, pid } = parts
  let usable: boolean | undefined
  let said = false
  let counter = 0

  function complain(what: string): void {
    if (!said) parts.complain(`tokens are not kept: ${what}`)
    said = true
  }

  function isOurs({ uid: owner, mode }: Stats, what: string): boolean {
    if (owner !== uid) complain(`${what} belongs to another user (uid ${owner})`)
    else if ((mode & 0o077) !== 0) complain(`${what} is open to others: chmod go= ${what}`)
    else return true
    return false
  }

  function attempt<T>(run: () => T): T | undefined {
    try {
      return run()
    } catch (error) {
      const { code = 'unknown', message } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT' && code !== 'EEXIST') complain(code === 'unknown' ? message : `${path}: ${code}`)
      return undefined
    }
  }

  /** An existing folder that is ours alone. */
  function found(): boolean {
    usable ??= attempt(() => {
      const stats = lstatSync(path)
      if (stats.isDirectory()) return isOurs(stats, path)
      complain(`${path} is no folder`)
      return false
    })
    return usable ?? false
  }

  function ready(): boolean {
    if (!found()) attempt(() => mkdirSync(path, { recursive: true, mode: 0o700 }))
    return found()
  }

  function readOpen(name: string): Buffer | undefined {
    const file = openSync(join(path, name), O_RDONLY | O_NOFOLLOW)
    try {
      const stats = fstatSync(file)
      if (!stats.isFile() || stats.size > MAX_BYTES || !isOurs(stats, join(path, name))) return undefined
      const content = Buffer.alloc(stats.size)
      return content.subarray(0, readSync(file, content))
    } finally {
      closeSync(file)
    }
  }

  /** Writes under a name of this process, then `place`s it; the name is gone afterwards. */
  function put(
    content: string | Buffer,
    until: number | undefined,
    place: (temporary: string) => void,
  ): void {
    const temporary = join(path, `tmp-${pid}-${counter++}`)
    attempt(() => {
      try {
        const file = openSync(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
        try {
          const bytes = Buffer.from(content)
          if (writeSync(file, bytes) < bytes.length) throw new Error(`${path}: ENOSPC`)
          if (until !== undefined) futimesSync(file, until / 1000, until / 1000)
        } finally {
          closeSync(file)
        }
        place(temporary)
      } finally {
        removePath(temporary)
      }
    })
  }

  const remove = (name: string) => removePath(join(path, name))

  return {
    read: (name) => (found() ? attempt(() => readOpen(name)) : undefined),
    write(name, content, until) {
      if (ready()) put(content, until, (temporary) => renameSync(temporary, join(path, name)))
    },
    create(name, content) {
      if (ready()) put(content, undefined, (temporary) => linkSync(temporary, join(path, name)))
    },
    validUntil: (name) => (found() ? attempt(() => lstatSync(join(path, name)).mtimeMs) : undefined),
    remove: (name) => void (found() && remove(name)),
    sweep(now) {
      if (!found()) return
      for (const name of attempt(() => readdirSync(path)) ?? []) {
        const left = TEMPORARY.exec(name)?.[1]
        if (
          left !== undefined ? !isAlive(Number(left)) : /\.(token|refused)$/.test(name) && isOver(name, now)
        )
          remove(name)
      }
    },
    pathOf: (name) => (ready() ? join(path, name) : undefined),
  }

  /** A file with an end has it as its time. */
  function isOver(name: string, now: number): boolean {
    return (attempt(() => lstatSync(join(path, name)).mtimeMs) ?? now) < now
  }
}

/** Whether a process of this id runs on this machine, whoever it belongs to. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function removePath(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // it was not there, or it cannot be helped
  }
}
