import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stayAlive, systemClock } from '../src/clock.ts'
import { loginBody } from '../src/keystone/credentials.ts'
import { startSimulatedKeystone } from '../src/simulator/keystone.ts'

/**
 * What kubectl waits for: the built plugin with a kept token and with a fresh one, beside Node alone and a bare
 * log-in at Keystone. Run: npm run bench:exec. The Keystone is simulated, and answers at once or as late as one with
 * the usual cost of a password check (BCRYPT_MS); with KEYSTONE_URL, and OS_USERNAME, OS_PASSWORD and
 * OS_PROJECT_NAME in the domain `default`, it is that one.
 */
const ROUNDS = Number(process.env.ROUNDS ?? 41)
/** Twelve rounds, as Keystone is delivered. */
const BCRYPT_MS = 200
const ROOT = join(import.meta.dirname, '..')
const env = process.env

interface Place {
  readonly name: string
  readonly url: string
}

/** Simulators run in a process of their own: here they would wait for the program that asks them. */
async function serve(ms: number): Promise<void> {
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  const project = keystone.model.addProject('bench')
  const user = keystone.model.addUser('bench', 'bench-password')
  keystone.model.grant(user.id, project.id, 'member')
  if (ms > 0) keystone.fail({ kind: 'slow', ms })
  stayAlive()
  console.log(`${keystone.url}/v3`)
}

/** A package as npm unpacks it. */
function install(folder: string): string {
  mkdirSync(join(folder, 'bin'))
  copyFileSync(join(ROOT, 'bin/portcullis'), join(folder, 'bin/portcullis'))
  symlinkSync('portcullis', join(folder, 'bin/client-keystone-auth'))
  cpSync(join(ROOT, 'dist'), join(folder, 'dist'), { recursive: true })
  copyFileSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  mkdirSync(join(folder, 'node_modules/node/bin'), { recursive: true })
  symlinkSync(process.execPath, join(folder, 'node_modules/node/bin/node'))
  return join(folder, 'bin/client-keystone-auth')
}

function timed(run: () => SpawnSyncReturns<string>): number {
  const start = performance.now()
  const { status, stderr } = run()
  if (status !== 0) throw new Error(stderr)
  return performance.now() - start
}

const login = {
  name: env.OS_USERNAME ?? 'bench',
  password: env.OS_PASSWORD ?? 'bench-password',
  project: env.OS_PROJECT_NAME ?? 'bench',
}

async function bareLogin({ url }: Place): Promise<number> {
  const domain = { id: 'default' }
  const body = loginBody({
    kind: 'user',
    user: { name: login.name, domain },
    password: login.password,
    scope: { project: { name: login.project, domain } },
  })
  const start = performance.now()
  const answer = await fetch(`${url}/auth/tokens?nocatalog`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify(body),
  })
  await answer.text()
  if (answer.status !== 201) throw new Error(`the bare log-in was answered with ${answer.status}`)
  return performance.now() - start
}

const median = (times: readonly number[]) => [...times].sort((a, b) => a - b)[times.length >> 1] as number

/** In turns, so that what else the machine does meets all alike. */
async function measure(place: Place, program: string, cache: string): Promise<void> {
  const variables = {
    PATH: env.PATH ?? '',
    HOME: cache,
    OS_AUTH_URL: place.url,
    OS_USERNAME: login.name,
    OS_PASSWORD: login.password,
    OS_PROJECT_NAME: login.project,
  }
  const plugin = (...flags: readonly string[]) =>
    spawnSync(program, flags, { env: variables, encoding: 'utf8' })
  const nothing = () => spawnSync(process.execPath, ['-e', '0'], { env: variables, encoding: 'utf8' })
  const times: Record<'node' | 'kept' | 'fresh' | 'bare', number[]> = {
    node: [],
    kept: [],
    fresh: [],
    bare: [],
  }
  timed(() => plugin())
  await bareLogin(place)
  for (let round = 0; round < ROUNDS; round += 1) {
    times.node.push(timed(nothing))
    times.kept.push(timed(() => plugin()))
    times.fresh.push(timed(() => plugin('--force-refresh')))
    times.bare.push(await bareLogin(place))
  }
  const [node, kept, fresh, bare] = [times.node, times.kept, times.fresh, times.bare].map(median) as [
    number,
    number,
    number,
    number,
  ]
  const limit = 1.6 * node + 1.2 * bare
  const row = (name: string, ms: number, beside: string) =>
    console.log(`| ${name} | ${ms.toFixed(1)} | ${beside} |`)
  console.log(`\n${place.name}, median of ${ROUNDS}\n\n| call | ms | beside |\n|---|---|---|`)
  row('`node -e 0`', node, '')
  row('bare POST /v3/auth/tokens', bare, '')
  row('kept token', kept, `${(kept / node).toFixed(2)} x \`node -e 0\` (target 1.60)`)
  row('fresh token', fresh, `target 1.6 x \`node -e 0\` + 1.2 x bare = ${limit.toFixed(1)}`)
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'exec-bench-'))
  const program = install(folder)
  const children: ReturnType<typeof spawn>[] = []
  const simulated = async (ms: number): Promise<Place> => {
    const child = spawn(process.execPath, [import.meta.filename, 'serve', String(ms)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    const name = ms > 0 ? `Simulated Keystone that takes ${ms} ms` : 'Simulated Keystone'
    return { name, url: String((await once(child.stdout, 'data'))[0]).trim() }
  }
  try {
    const given = env.KEYSTONE_URL
    const places = given ? [{ name: given, url: given }] : [await simulated(0), await simulated(BCRYPT_MS)]
    for (const place of places) await measure(place, program, folder)
  } finally {
    for (const child of children) child.kill()
    rmSync(folder, { recursive: true })
  }
}

if (process.argv[2] === 'serve') await serve(Number(process.argv[3]))
else await main()
