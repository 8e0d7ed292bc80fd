import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '..')

export interface BenchServer {
  readonly child: ChildProcess
  readonly pid: number
  readonly url: string
}

export interface LoggingServer extends BenchServer {
  /** What it has logged so far. */
  readonly text: () => string
}

/** The built `portcullis serve` on free ports with its certificate in `folder`, started as bin/portcullis starts it. */
export async function startBuilt(
  folder: string,
  flags: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<LoggingServer> {
  const own = ['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0', '--state-dir', folder]
  const argv = [
    '--max-semi-space-size=8',
    join(ROOT, 'dist/start.cjs'),
    'serve',
    ...own,
    '--shutdown-delay',
    '0',
    ...flags,
  ]
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...env, MALLOC_ARENA_MAX: '2' },
  })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    text += chunk
  })
  while (!text.includes('"Serving"')) await once(child.stderr, 'data')
  const url = `https://127.0.0.1:${/"port":(\d+)/.exec(text)?.[1]}`
  return { child, pid: child.pid as number, url, text: () => text }
}

/** The floor beside it, with the same certificate: a bare Node server that answers with a fixed status. */
export async function startRaw(folder: string, status: string): Promise<BenchServer> {
  const files = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
  const child = spawn(process.execPath, [join(ROOT, 'bench/raw-http2.ts'), ...files, status], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = Number((await once(child.stdout, 'data'))[0])
  return { child, pid: child.pid as number, url: `https://127.0.0.1:${port}` }
}
