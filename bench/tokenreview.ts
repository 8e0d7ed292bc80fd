import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../src/clock.ts'
import { startSimulatedKeystone } from '../src/simulator/keystone.ts'
import { type KeystoneAdmin, login, realAdmin, simulatedAdmin } from '../test/support/keystone-admin.ts'
import { post, sendLoad } from './load.ts'
import { type BenchServer, startBuilt, startRaw } from './servers.ts'

/**
 * npm run bench:tokenreview. Needs `npm run build` first. With KEYSTONE_URL (…/v3) and KEYSTONE_ADMIN_PASSWORD it runs
 * against that Keystone, else against the simulator with the 7 ms that a real one takes.
 */
const folder = mkdtempSync(join(tmpdir(), 'portcullis-bench-'))
const children: ChildProcess[] = []
const simulated = await startSimulatedKeystone({ clock: systemClock })
const { KEYSTONE_URL: realUrl, KEYSTONE_ADMIN_PASSWORD: password } = process.env
const admin = realUrl && password ? await realAdmin(realUrl, password) : simulatedAdmin(simulated)
const reviewOf = (token: string) =>
  `${JSON.stringify({ kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', metadata: {}, spec: { token }, status: { user: {} } })}\n`
/** Users whose look-ups are measured; as many before them warm up. */
const MEASURED_USERS = 10
const isYes = (answer: string) => answer.includes('"authenticated":true')

try {
  await main()
} finally {
  for (const child of children) child.kill()
  await simulated.close()
  rmSync(folder, { recursive: true, force: true })
}

async function main() {
  // before anything else: a process that has grown starts others more slowly
  await firstAnswer()
  const project = await admin.createProject()
  const tokens = await issue(admin, project.id, 2 * MEASURED_USERS, 30)
  await new Promise((resolve) => setTimeout(resolve, 2000)) // older than the first look-up of groups, in Keystone's seconds
  if (!realUrl) simulated.fail({ kind: 'slow', ms: 7 })
  const server = await serve(admin.url)
  const cold = await coldLookups(server, tokens)
  const keystone = realUrl ? 'a real Keystone' : 'the simulator with 7 ms latency'
  console.log(`\nOne token after the other, ${keystone}:\n`)
  console.log('| | p50 ms | x bare GET |\n|---|---|---|')
  for (const [name, times] of Object.entries(cold))
    console.log(
      `| ${name} | ${median(times).toFixed(2)} | ${(median(times) / median(cold['bare GET /v3/auth/tokens'] ?? [])).toFixed(2)} |`,
    )

  simulated.fail(undefined)
  const raw = await started(startRaw(folder, server.statusOf(await server.ask(tokens[0]?.[0] as string))))
  const bodies = tokens.flat().map(reviewOf)
  await knownTokens(raw, server, bodies)

  await cachedMemory(1000)
  await cachedMemory(100_000)
}

async function issue(
  keystone: KeystoneAdmin,
  project: string,
  users: number,
  each: number,
): Promise<string[][]> {
  const lists: string[][] = []
  for (let index = 0; index < users; index += 1) {
    const user = await keystone.createUser()
    await keystone.grant(user, { project }, 'member')
    const list: string[] = []
    for (let count = 0; count < each; count += 1)
      list.push(await login(keystone.url, user, { project: { id: project } }))
    lists.push(list)
  }
  return lists
}

/** Bare GETs and reviews of the same kind of tokens in turn, so that both see the same weather. */
async function coldLookups(server: Target & { ask(token: string): Promise<string> }, tokens: string[][]) {
  const [bare, first, later]: [number[], number[], number[]] = [[], [], []]
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (const [index, list] of tokens.entries()) {
    if (index === tokens.length - MEASURED_USERS) for (const times of [bare, first, later]) times.length = 0
    const probe = (tokens[(index + 1) % tokens.length] ?? [])[0] as string
    for (const [count, token] of list.entries()) {
      bare.push(await timed(() => bareGet(agent, probe)))
      ;(count === 0 ? first : later).push(await timed(() => server.ask(token)))
    }
  }
  agent.destroy()
  return {
    'bare GET /v3/auth/tokens': bare,
    'Portcullis, new token of a user seen before': later,
    'Portcullis, first token of a user (two calls)': first,
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return performance.now() - start
}

function bareGet(agent: Agent, token: string): Promise<void> {
  const headers = { 'x-auth-token': token, 'x-subject-token': token }
  return new Promise((resolve, reject) => {
    const sent = request(`${admin.url}/auth/tokens?nocatalog`, { agent, headers }, (response) => {
      response
        .resume()
        .on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error('not 200'))))
    })
    sent.on('error', reject)
    sent.end()
  })
}

interface Target {
  readonly url: string
  readonly pid: number
}

async function serve(keystoneUrl: string, ...more: string[]) {
  const { pid, url } = await startPortcullis(keystoneUrl, ...more)
  const session = connect(url, { ca: readFileSync(join(folder, 'ca.crt')) })
  session.unref()
  return {
    url,
    pid,
    async ask(token: string) {
      const answer = await post(session, reviewOf(token))
      if (!isYes(answer)) throw new Error(`refused: ${answer.slice(0, 200)}`)
      return answer
    },
    statusOf: (answer: string) => answer.slice(answer.indexOf('"status":') + 9, -1),
  }
}

async function started(starting: Promise<BenchServer>): Promise<BenchServer> {
  const server = await starting
  children.push(server.child)
  return server
}

function startPortcullis(keystoneUrl: string, ...more: string[]): Promise<BenchServer> {
  return started(startBuilt(folder, ['--keystone-url', keystoneUrl, ...more]))
}

type Load = Awaited<ReturnType<typeof measured>>

async function measured(target: Target, bodies: readonly string[], requests: number) {
  const ca = readFileSync(join(folder, 'ca.crt'))
  const before = cpuSeconds(target.pid)
  const load = await sendLoad({ url: target.url, ca, bodies, inFlight: 16, requests, check: isYes })
  return { ...load, cpu: ((cpuSeconds(target.pid) - before) / requests) * 1e6 }
}

async function knownTokens(raw: Target, server: Target, bodies: readonly string[]) {
  console.log('\nKnown tokens, one HTTP/2 connection, 16 in flight; medians of nine runs in turn:\n')
  console.log('| | requests/s | p50 ms | p99 ms | server CPU us/request |\n|---|---|---|---|---|')
  for (const target of [raw, server]) await measured(target, bodies, 5000)
  const [floor, warm]: [Load[], Load[]] = [[], []]
  for (let run = 0; run < 9; run += 1) {
    floor.push(await measured(raw, bodies, 20_000))
    warm.push(await measured(server, bodies, 20_000))
  }
  for (const [name, loads] of [
    ['raw node:http2', floor],
    ['Portcullis, warm', warm],
  ] as const) {
    const of = (pick: (load: Load) => number) => median(loads.map(pick))
    console.log(
      `| ${name} | ${of((load) => load.requestsPerSecond).toFixed(0)} | ${of((load) => load.p50).toFixed(3)} | ${of((load) => load.p99).toFixed(3)} | ${of((load) => load.cpu).toFixed(1)} |`,
    )
  }
  const ratios = warm.map((load, run) => load.requestsPerSecond / (floor[run]?.requestsPerSecond ?? 0))
  console.log(
    `\nwarm / raw: ${median(ratios).toFixed(2)} (of pairs: ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`,
  )
}

/** Processor seconds of a process so far (Linux: clock ticks of 10 ms). */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / 100
}

async function cachedMemory(users: number) {
  const entries = 100_000
  const project = simulated.model.addProject(`many of ${users}`)
  const scope = { kind: 'project', id: project.id } as const
  const ids = Array.from(
    { length: users },
    (_, index) => simulated.model.addUser(`${users}-${index}`, 'pw').id,
  )
  simulated.model.grant(simulated.model.addGroup(`all ${users}`, ids).id, project.id, 'member', 'reader')
  const bodies = Array.from({ length: entries }, (_, index) =>
    reviewOf(simulated.api.issue(ids[index % users] as string, scope)),
  )
  const server = await serve(
    `${simulated.url}/v3`,
    '--token-cache-size',
    String(entries),
    '--token-cache-ttl',
    '1h',
  )
  const ca = readFileSync(join(folder, 'ca.crt'))
  await sendLoad({ url: server.url, ca, bodies, inFlight: 64, requests: entries, check: isYes })
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
  console.log(
    `\nRSS with ${entries} known tokens of ${users} users: ${(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024).toFixed(0)} MiB`,
  )
}

async function firstAnswer() {
  const times: number[] = []
  const user = simulated.model.addUser('first', 'pw')
  const project = simulated.model.addProject('first')
  simulated.model.grant(user.id, project.id, 'member')
  for (let run = 0; run < 7; run += 1) {
    const token = simulated.api.issue(user.id, { kind: 'project', id: project.id })
    times.push(
      await timed(async () => {
        const { url } = await startPortcullis(`${simulated.url}/v3`)
        const session = connect(url, { ca: readFileSync(join(folder, 'ca.crt')) })
        if (!isYes(await post(session, reviewOf(token)))) throw new Error('refused')
        session.close()
      }),
    )
  }
  console.log(
    `exec to first answer: ${median(times.slice(1)).toFixed(0)} ms (median of 6 after one to fill the compile cache: ${times[0]?.toFixed(0)} ms)`,
  )
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}
