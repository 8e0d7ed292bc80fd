import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sendLoad } from './load.ts'
import { ONE_PROJECT, SPREAD, type Workload } from './policies.ts'
import { type BenchServer, startBuilt, startRaw } from './servers.ts'

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
        const { child, url } = await start(folder, workload.csv(rules))
        children.push(child)
        const cells: string[] = []
        for (const n of [0, rules - 1, -1]) cells.push(await measure(folder, url, workload, n))
        console.log(`| ${workload.name} | ${rules} | ${cells.join(' | ')} |`)
        children.pop()?.kill()
      }
    const raw = await startRaw(folder, '{"allowed":true}')
    children.push(raw.child)
    console.log(`| raw node:http2 | | ${await measure(folder, raw.url, SPREAD, 0)} | | |`)
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

function start(folder: string, csv: string): Promise<BenchServer> {
  const rules = join(folder, 'rules.csv')
  writeFileSync(rules, csv)
  return startBuilt(folder, ['--keystone-url', 'http://127.0.0.1:1/v3', '--policy-file', rules])
}
