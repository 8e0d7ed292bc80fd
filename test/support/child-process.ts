import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'

/**
 * Reads `id command` lines until its input closes, which happens however this process ends, and then runs the command of
 * each id that was not taken back by a line with the id alone.
 */
const KEEPER = `
  ids=
  while read -r id command; do eval "undo_$id=\\$command"; ids="$ids $id"; done
  for id in $ids; do eval "command=\\$undo_$id; undo_$id="; [ -z "$command" ] || sh -c "$command"; done`

let keeper: ChildProcess | undefined
let made = 0

/** Has a shell command run when this process ends, even by SIGKILL; the returned function takes it back. */
export function whenKilled(command: string): () => void {
  keeper ??= startKeeper()
  const { stdin } = keeper
  made += 1
  const id = made
  stdin?.write(`${id} ${command}\n`)
  return () => void stdin?.write(`${id}\n`)
}

function startKeeper(): ChildProcess {
  // a group of its own, so that what kills this process with its group does not kill the keeper
  const child = spawn('sh', ['-c', KEEPER], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  child.unref()
  ;(child.stdin as unknown as { unref(): void }).unref()
  return child
}

/** Starts a program in a process group of its own, all of which is killed when this process ends, however it ends. */
export function startChild(file: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(file, args, { ...options, detached: true })
  const { pid } = child
  if (pid === undefined) return child // it could not be started; 'error' says why
  const takeBack = whenKilled(`kill -KILL -${pid}`)
  child.once('close', takeBack)
  return child
}

/** Sends a signal to a child of `startChild` and all that it has started. */
export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // the group has ended
  }
}
