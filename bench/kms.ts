import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Server, ServerCredentials, type ServiceDefinition, type sendUnaryData } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { systemClock } from '../src/clock.ts'
import { connectKms, type KmsClient } from '../src/kms/grpc.ts'
import type { EncryptResponse } from '../src/kms/kms-service.ts'
import { startSimulatedBarbican } from '../src/simulator/barbican-server.ts'
import { type SimulatedKeystone, startSimulatedKeystone } from '../src/simulator/keystone.ts'

/**
 * What a KMS call costs beside a bare gRPC echo on the same kind of socket, and how soon a cold plugin has answered 500
 * distinct ciphertexts under 3 keys with Barbican 40 ms away. Run: node bench/kms.ts
 */
const CALLS = 5000
const WARM_UP = 1000
const ROOT = join(import.meta.dirname, '..')
const uid = randomUUID()

/** The echo of `node bench/kms.ts echo PATH`: nothing but grpc-js. */
function serveEcho(path: string): void {
  const proto = loadSync(join(ROOT, 'src/kms/api.proto'), { defaults: true })
  const server = new Server()
  const echo = ({ request }: { request: { plaintext: Buffer } }, respond: sendUnaryData<object>) =>
    respond(null, { ciphertext: request.plaintext, keyId: 'echo' })
  server.addService(proto['v2.KeyManagementService'] as ServiceDefinition, { Encrypt: echo } as never)
  server.bindAsync(`unix:${path}`, ServerCredentials.createInsecure(), () => {})
}

async function untilUp(client: KmsClient, probe: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (
      await probe().then(
        () => true,
        () => false,
      )
    )
      return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  client.close()
  throw new Error('the server did not come up')
}

async function latency(call: () => Promise<unknown>) {
  for (let i = 0; i < WARM_UP; i++) await call()
  const times: number[] = []
  for (let i = 0; i < CALLS; i++) {
    const start = performance.now()
    await call()
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  return { p50: times[CALLS / 2] as number, p99: times[Math.floor(CALLS * 0.99)] as number }
}

async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'kms-bench-'))
  let keystone: SimulatedKeystone
  const barbican = await startSimulatedBarbican({ clock: systemClock, keystone: () => keystone })
  keystone = await startSimulatedKeystone({ clock: systemClock, catalog: () => [barbican.catalogEntry] })
  const project = keystone.model.addProject('kms')
  const user = keystone.model.addUser('kms', 'bench-password')
  keystone.model.grant(user.id, project.id, 'creator')
  const ids = [1, 2, 3].map((age) => {
    const metadata = { activate_at: new Date(systemClock.now() - age * 60_000).toISOString() }
    return barbican.store({ project: project.id, created: systemClock.now() - age * 60_000, metadata }).id
  })
  const env = {
    PATH: process.env.PATH ?? '',
    OS_AUTH_URL: `${keystone.url}/v3`,
    OS_USER_ID: user.id,
    OS_PASSWORD: 'bench-password',
    OS_PROJECT_ID: project.id,
  }
  const children = new Set<ReturnType<typeof spawn>>()
  const node = (argv: readonly string[]) => {
    const child = spawn(process.execPath, argv, { env, stdio: ['ignore', 'ignore', 'ignore'] })
    children.add(child)
    return child
  }
  const plugin = (socket: string, ...flags: readonly string[]) =>
    node([join(ROOT, 'src/main.ts'), 'kms', '--socket', socket, '--admin-listen', '127.0.0.1:0', ...flags])
  const open = (name: string) =>
    connectKms({ path: join(directory, name), deadlineMs: 10_000, clock: systemClock })

  try {
    node([import.meta.filename, 'echo', join(directory, 'echo')])
    plugin(join(directory, 'warm'), '--key-name', 'kek')
    const [echo, warm] = [open('echo'), open('warm')]
    const encrypt = (client: KmsClient) => client.encrypt({ plaintext: randomBytes(32), uid })
    await untilUp(echo, () => encrypt(echo))
    await untilUp(warm, () => warm.status())
    const sealed = await encrypt(warm)
    const rows = {
      'bare grpc-js echo': await latency(() => encrypt(echo)),
      Encrypt: await latency(() => encrypt(warm)),
      Decrypt: await latency(() => warm.decrypt({ ...sealed, uid })),
      Status: await latency(() => warm.status()),
    }
    const base = rows['bare grpc-js echo'].p50
    console.log('| call | p50 ms | p99 ms | x echo |\n|---|---|---|---|')
    for (const [name, { p50, p99 }] of Object.entries(rows))
      console.log(`| ${name} | ${p50.toFixed(3)} | ${p99.toFixed(3)} | ${(p50 / base).toFixed(2)} |`)

    const ciphertexts: EncryptResponse[] = []
    for (const id of ids) {
      const child = plugin(join(directory, id.slice(0, 8)), '--key-ids', id)
      const client = open(id.slice(0, 8))
      await untilUp(client, () => client.status())
      for (let i = 0; i < 167; i++) ciphertexts.push(await encrypt(client))
      client.close()
      child.kill()
    }
    barbican.fault = { kind: 'slow', ms: 40 }
    keystone.fail({ kind: 'slow', ms: 40 })
    const child = plugin(join(directory, 'cold'), '--key-name', 'kek')
    const cold = open('cold')
    await untilUp(cold, () => cold.report())
    const start = performance.now()
    await Promise.all(ciphertexts.slice(0, 500).map((one) => cold.decrypt({ ...one, uid })))
    const ms = performance.now() - start
    console.log(
      `\nCold start, 500 ciphertexts under 3 keys, Barbican 40 ms away: ${ms.toFixed(0)} ms after the socket was up`,
    )
    child.kill()
    for (const client of [echo, warm, cold]) client.close()
  } finally {
    for (const child of children) child.kill()
    await keystone.close()
    await barbican.close()
    rmSync(directory, { recursive: true })
  }
}

if (process.argv[2] === 'echo') serveEcho(process.argv[3] as string)
else {
  await main()
  process.exit(0)
}
