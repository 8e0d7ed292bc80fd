import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { ensureOwnCertificate } from '../../src/server/own-certificate.ts'
import { signalGroup, startChild } from './child-process.ts'
import { withoutTap } from './script.ts'
import { secretIn } from './secrets.ts'
import { ROOT } from './source-files.ts'

/** A program of bin/ as a process of its own, with an environment of its own. */
export interface Program {
  readonly child: ChildProcess
  readonly stdout: () => string
  readonly stderr: () => string
  /** The log lines so far. */
  readonly log: () => readonly Record<string, unknown>[]
  /** Resolves when a log line has this message. */
  logged(message: string): Promise<Record<string, unknown>>
  readonly exited: Promise<number | null>
}

/** npm test sets PORTCULLIS_BUILT: what is tested is what is published, and it starts faster. */
const { PATH = '', PORTCULLIS_BUILT = '' } = process.env
const BASE = { PATH, PORTCULLIS_BUILT }

interface Cleaner {
  teardown(run: () => unknown): void
}

export function startProgram(
  t: Cleaner,
  name: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  stdin: 'ignore' | 'pipe' = 'ignore',
): Program {
  const child = startChild(...withoutTap(resolve(ROOT, 'bin', name), argv, env), {
    // everything is logged, so that a secret in any line shows
    env: { ...BASE, HOME: '/nonexistent', PORTCULLIS_LOG_LEVEL: 'trace', ...env },
    stdio: [stdin, 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  if (child.stdout === null || child.stderr === null) throw new Error('a pipe is missing')
  const { stderr: errors } = child
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk
  })
  errors.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk
  })
  const exited = once(child, 'close').then(([code]) => code as number | null)
  t.teardown(async () => {
    signalGroup(child, 'SIGKILL')
    await exited
    const leaked = secretIn(stdout + stderr)
    if (leaked !== undefined) throw new Error(`${name} wrote a secret that begins with ${leaked.slice(0, 8)}`)
  })
  const lines: Record<string, unknown>[] = []
  let parsed = 0
  const log = () => {
    const end = stderr.lastIndexOf('\n') + 1
    for (const line of stderr.slice(parsed, end).split('\n'))
      if (line.startsWith('{')) lines.push(JSON.parse(line))
    parsed = end
    return [...lines]
  }
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    log,
    exited,
    async logged(message) {
      for (;;) {
        const line = log().find((candidate) => candidate.msg === message)
        if (line !== undefined) return line
        if (child.exitCode !== null)
          throw new Error(`${name} ended before it logged "${message}":\n${stderr}`)
        await Promise.race([once(errors, 'data'), exited])
      }
    },
  }
}

/** Runs a program to its end. */
export async function runProgram(
  t: Cleaner,
  name: string,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
) {
  const program = startProgram(t, name, argv, env)
  const code = await program.exited
  return { code, stdout: program.stdout(), stderr: program.stderr() }
}

let certificate: Promise<string> | undefined

/** A state directory with a certificate in it, for all servers of this process: making one takes as long as a start. */
const sharedState = () => {
  certificate ??= (async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'portcullis-test-'))
    process.once('exit', () => rmSync(stateDir, { recursive: true, force: true }))
    await ensureOwnCertificate({ stateDir, names: ['127.0.0.1'], now: Date.now() })
    return stateDir
  })()
  return certificate
}

export interface ServingProgram extends Program {
  readonly url: string
  readonly adminUrl: string
  readonly ca: string
}

/** `portcullis serve` on free ports with a certificate of its own, ready to be asked. */
export async function startServe(
  t: Cleaner,
  argv: readonly string[],
  options: { env?: Readonly<Record<string, string>>; stateDir?: string; name?: string } = {},
): Promise<ServingProgram> {
  const stateDir = options.stateDir ?? (await sharedState())
  const program = startProgram(
    t,
    options.name ?? 'portcullis',
    [
      ...(basename(options.name ?? 'portcullis') === 'portcullis' ? ['serve'] : []),
      ...['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--state-dir', stateDir],
      ...(argv.includes('--shutdown-delay') ? [] : ['--shutdown-delay', '0']),
      ...argv,
    ],
    options.env,
  )
  const { port, adminPort } = await program.logged('Serving')
  const own = join(stateDir, 'ca.crt')
  const caFile = argv.includes('--tls-cert-file')
    ? (argv[argv.indexOf('--tls-cert-file') + 1] as string)
    : own
  return {
    ...program,
    url: `https://127.0.0.1:${port}`,
    adminUrl: `http://127.0.0.1:${adminPort}`,
    ca: readFileSync(caFile, 'utf8'),
  }
}
