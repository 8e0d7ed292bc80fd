import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from './source-files.ts'

/** The first start may download packages or compile; a start that takes longer than this hangs. */
const LONGEST_START_MS = 900_000

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * How to start a program with the NODE_OPTIONS of `env` or none: tap makes every Node process below it load its own watcher,
 * which users do not have and which takes as long as a start.
 */
export function withoutTap(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): [file: string, args: string[]] {
  const own = env.NODE_OPTIONS === undefined ? [] : [`NODE_OPTIONS=${env.NODE_OPTIONS}`]
  return ['/usr/bin/env', ['-u', 'NODE_OPTIONS', ...own, file, ...args]]
}

/** Runs a program to its end and gives what it wrote, whatever its exit code. */
export function run(
  file: string,
  args: readonly string[],
  options: { env: Readonly<Record<string, string>>; timeoutMs: number; input?: string },
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = execFile(
      ...withoutTap(file, args, options.env),
      { env: options.env, timeout: options.timeoutMs, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : Number(error.code ?? -1) || -1, stdout, stderr }),
    )
    // a program may end without reading what it is given
    child.stdin?.on('error', () => undefined).end(options.input)
  })
}

/** Runs one of the scripts below test/ with settings of its own; throws with the script's words when it fails. */
export async function runScript(path: string, settings: Readonly<Record<string, string>>): Promise<string> {
  const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...settings }
  const outcome = await run('bash', [join(ROOT, path)], { env, timeoutMs: LONGEST_START_MS })
  if (outcome.code !== 0)
    throw new Error(`${path} failed (${outcome.code}):\n${outcome.stdout}${outcome.stderr}`)
  return outcome.stdout
}
