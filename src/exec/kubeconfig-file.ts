import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { errorText, PortcullisError } from '../errors.ts'

export interface KubeconfigFile {
  readonly path: string
  /** Undefined where there is no file. */
  readonly text: string | undefined
}

const MAX_BYTES = 16 * 1024 * 1024

/** Throws KUBECONFIG_UNUSABLE when there is a file that cannot be read. */
export function readKubeconfigFile(path: string): KubeconfigFile {
  try {
    if (statSync(path).size > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`)
    return { path, text: readFileSync(path, 'utf8') }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { path, text: undefined }
    throw unusable(path, 'read', error)
  }
}

/**
 * Runs `change` while no `kubectl config` changes the files (it makes the same lock files) and writes what it gives:
 * each file as a whole with mode 0600, the one before it beside it under `.portcullis-backup`. A file of which the
 * text is the same stays as it is. Gives the paths of the others; throws KUBECONFIG_UNUSABLE.
 */
export function replaceKubeconfigFiles(
  paths: readonly string[],
  change: () => readonly { file: KubeconfigFile; text: string }[],
): readonly string[] {
  const locks: string[] = []
  try {
    for (const path of paths) locks.push(lock(path))
    const changed = change().filter(({ file, text }) => file.text !== text)
    for (const { file, text } of changed) replace(file, text)
    return changed.map(({ file }) => file.path)
  } finally {
    for (const path of locks) rmSync(path, { force: true })
  }
}

function lock(path: string): string {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    closeSync(openSync(`${path}.lock`, 'wx', 0o600))
    return `${path}.lock`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(path, 'write', error)
    throw new PortcullisError(
      'KUBECONFIG_UNUSABLE',
      `${path} is being changed by another program; if there is none, remove ${path}.lock`,
    )
  }
}

function replace({ path, text: old }: KubeconfigFile, text: string): void {
  try {
    // the file behind a symbolic link is replaced, not the link
    const target = old === undefined ? path : realpathSync(path)
    if (old !== undefined) writeWhole(`${target}.portcullis-backup`, old)
    writeWhole(target, text)
  } catch (error) {
    throw unusable(path, 'write', error)
  }
}

function writeWhole(path: string, text: string): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`
  try {
    const file = openSync(temporary, 'wx', 0o600)
    try {
      writeFileSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

const unusable = (path: string, verb: 'read' | 'write', error: unknown) =>
  new PortcullisError('KUBECONFIG_UNUSABLE', `cannot ${verb} ${path}: ${errorText(error)}`, { cause: error })
