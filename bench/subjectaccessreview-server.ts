import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sendLoad } from './load.ts'
import { ONE_PROJECT, SPREAD, type Workload } from './policies.ts'

const ROOT = join(import.meta.dirname, '..')
const REQUESTS = 20_000

/** Requests a second of `portcullis serve` (built: npm run build) at each size, raw node:http2 beside it. */
export async function serveTable(sizes: readonly number[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'))
  const children: ChildProcess[] = []
  try {
    console.log('\nSubjectAccessReviews a second over one HTTP/2 connection, 16 in flight (p99, ms)\n')
    console.log('| workload | rules | first | last | none |\n|---|---|---|---|---|')
    for (const workload of [SPREAD, ONE_PROJECT])
      for (const rules of sizes) {
        const url = await start(folder, children, workload.csv(rules))
        const cells: string[] = []
        for (const n of [0, rules - 1, -1]) cells.push(await measure(folder, url, workload, n))
        console.log(`| ${workload.name} | ${rules} | ${cells.join(' | ')} |`)
        children.pop()?.kill()
      }
    const raw = await startRaw(folder, children)
    console.log(`| raw node:http2 | | ${await measure(folder, raw, SPREAD, 0)} | | |`)
  } finally {
    for (const child of children) child.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(folder: string, url: string, workload: Workload, n: number): Promise<string> {
  const review = {
    kind: 'SubjectAccessReview',
    apiVersion: 'authorization.k8s.io/v1',
    spec: workload.spec(n),
  }
  const common = {
    url,
    ca: readFileSync(join(folder, 'ca.crt')),
    bodies: [JSON.stringify(review)],
    inFlight: 16,
  }
  const check = (answer: string) => answer.includes('"allowed":true') === n >= 0
  await sendLoad({ ...common, requests: 3000, check })
  const { requestsPerSecond, p99 } = await sendLoad({ ...common, requests: REQUESTS, check })
  return `${requestsPerSecond.toFixed(0)} (${p99.toFixed(1)})`
}

async function start(folder: string, children: ChildProcess[], csv: string): Promise<string> {
  const rules = join(folder, 'rules.csv')
  writeFileSync(rules, csv)
  const child = spawn(
    process.execPath,
    [
      ...[
        join(ROOT, 'dist/main.js'),
        'serve',
        '--keystone-url',
        'http://127.0.0.1:1/v3',
        '--policy-file',
        rules,
      ],
      ...[
        '--listen',
        '127.0.0.1:0',
        '--admin-listen',
        '127.0.0.1:0',
        '--state-dir',
        folder,
        '--shutdown-delay',
        '0',
      ],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  children.push(child)
  let text = ''
  child.stderr.setEncoding('utf8')
  while (!text.includes('"Serving"')) text += (await once(child.stderr, 'data'))[0]
  child.stderr.resume()
  return `https://127.0.0.1:${/"port":(\d+)/.exec(text)?.[1]}`
}

async function startRaw(folder: string, children: ChildProcess[]): Promise<string> {
  const files = [join(folder, 'tls.crt'), join(folder, 'tls.key')]
  const child = spawn(process.execPath, [join(ROOT, 'bench/raw-http2.ts'), ...files, '{"allowed":true}'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const [port] = await once(child.stdout, 'data')
  return `https://127.0.0.1:${Number(port)}`
}
