import { randomBytes } from 'node:crypto'
import { lstatSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { dirname, join } from 'node:path'
import { errorText, PortcullisError } from '../errors.ts'

export interface KmsSocket {
  /** Whether the path still leads to this process; a successor may have taken it over. */
  leadsHere(): boolean
  /** Accepts no more; connections that are open stay so. The path is left as it is. */
  close(): void
}

/** What sockaddr_un holds, less the final zero. */
const MAX_PATH_BYTES = 107
const MAX_CONNECTIONS = 64

/**
 * Listens at `path`. The socket is bound beside it under a name of its own and renamed into place, so the path
 * always leads to a listener, first the old one, then ours, and Node, which unlinks the name it bound when it
 * closes, finds nothing to unlink: no process ever takes away its successor's socket (contracts C.5).
 */
export async function listenOnSocket(options: {
  path: string
  /** Take the path over even from a process that answers there. */
  replaceRunning: boolean
  accept: (connection: Socket) => void
}): Promise<KmsSocket> {
  const { path } = options
  checkDirectory(dirname(path))
  const bound = join(dirname(path), `.${randomBytes(4).toString('hex')}`)
  for (const name of [path, bound])
    if (Buffer.byteLength(name) > MAX_PATH_BYTES)
      throw unusable(`${path} is longer than a socket's path may be`)
  if (isSocket(path) && !options.replaceRunning && (await answers(path)))
    throw new PortcullisError(
      'KMS_SOCKET_IN_USE',
      `another process answers at ${path}: stop it, or take over with --replace-running`,
    )
  const server = createServer(options.accept)
  server.maxConnections = MAX_CONNECTIONS
  const umask = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(bound, resolve) // binds at once, under the umask
      process.umask(umask)
    })
    renameSync(bound, path)
  } catch (error) {
    server.close()
    throw unusable(`cannot listen at ${path}: ${errorText(error)}`)
  } finally {
    process.umask(umask)
  }
  const { ino } = lstatSync(path)
  return {
    leadsHere: () => lstatSync(path, { throwIfNoEntry: false })?.ino === ino,
    close: () => void server.close(),
  }
}

/** `unix:///path`, as in kube-apiserver's configuration, or the plain path of barbican-kms-plugin's flag. */
export function socketPath(text: string): string {
  const path = text.startsWith('unix://') ? text.slice('unix://'.length) : text
  if (path.startsWith('/@') || path.startsWith('@'))
    throw new Error('abstract sockets do not work with kube-apiserver; expected a path')
  if (!path.startsWith('/') || path.endsWith('/')) throw new Error('expected /PATH or unix:///PATH')
  return path
}

/** Whoever can write to the directory can put a socket of his own there and be handed every seed. */
function checkDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o700 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw unusable(`cannot make the directory ${directory}: ${errorText(error)}`)
  }
  const { uid, mode } = statSync(directory)
  if (uid !== 0 && uid !== process.getuid?.())
    throw unusable(`the directory ${directory} belongs to another user (uid ${uid})`)
  if ((mode & 0o022) !== 0)
    throw unusable(`the directory ${directory} can be written by others (mode ${(mode & 0o777).toString(8)})`)
}

function isSocket(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found !== undefined && !found.isSocket()) throw unusable(`${path} exists and is no socket`)
  return found !== undefined
}

/** Whether somebody accepts connections at this path. */
export function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    // only a refusal says that nobody listens; a full backlog, say, is somebody
    probe.once('error', (error: NodeJS.ErrnoException) =>
      resolve(!['ECONNREFUSED', 'ENOENT'].includes(error.code ?? '')),
    )
  })
}

const unusable = (message: string) => new PortcullisError('KMS_SOCKET_UNUSABLE', message)
