import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { signalGroup, startChild } from './child-process.ts'
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
    const child = startChild(...withoutTap(file, args, options.env), { env: options.env })
    const late = setTimeout(() => signalGroup(child, 'SIGKILL'), options.timeoutMs)
    const [stdout, stderr] = [written(child.stdout), written(child.stderr)]
    child.once('error', (error) => resolve({ code: -1, stdout: '', stderr: String(error) }))
    child.once('close', (code) => {
      clearTimeout(late)
      resolve({ code: code ?? -1, stdout: stdout(), stderr: stderr() })
    })
    // a program may end without reading what it is given
    child.stdin?.on('error', () => undefined).end(options.input)
  })
}

/** What a stream has given so far. */
function written(stream: Readable | null): () => string {
  const chunks: Buffer[] = []
  stream?.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}

/** Runs one of the scripts below test/ with settings of its own; throws with the script's words when it fails. */
export async function runScript(path: string, settings: Readonly<Record<string, string>>): Promise<string> {
  const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...settings }
  const outcome = await run('bash', [join(ROOT, path)], { env, timeoutMs: LONGEST_START_MS })
  if (outcome.code !== 0)
    throw new Error(`${path} failed (${outcome.code}):\n${outcome.stdout}${outcome.stderr}`)
  return outcome.stdout
}
