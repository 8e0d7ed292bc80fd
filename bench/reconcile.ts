import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { systemClock } from '../src/clock.ts'
import { startSimulatedKeystone } from '../src/simulator/keystone.ts'
import { startKubeApiserver } from '../test/support/kube-apiserver.ts'
import { ask } from '../test/support/wire.ts'
import { startBuilt } from './servers.ts'

/**
 * What reconciling many projects of a simulated Keystone with a real kube-apiserver costs: the first run, which makes
 * everything, and then runs that change nothing. Run: npm run bench:reconcile [projects] (the first time builds kube-apiserver).
 */
const PROJECTS = Number(process.argv[2] ?? 5000)
const RUNS = 11

const folder = mkdtempSync(join(tmpdir(), 'reconcile-bench-'))
const keystone = await startSimulatedKeystone({ clock: systemClock })
const service = keystone.model.addUser('service', 'bench-password')
keystone.model.grant(service.id, 'system', 'reader')
const [first, second] = [keystone.model.addUser('one', 'x'), keystone.model.addUser('two', 'x')]
for (let index = 0; index < PROJECTS; index += 1) {
  const { id } = keystone.model.addProject(`project-${index}`)
  keystone.model.grant(first.id, id, 'member')
  keystone.model.grant(second.id, id, 'reader')
}
writeFileSync(join(folder, 'sync.yaml'), 'data-types-to-sync: [projects, role_assignments]\n')
const apiserver = await startKubeApiserver()

const flags = ['--kubeconfig', apiserver.adminKubeconfig, '--sync-config-file', join(folder, 'sync.yaml')]
const { child, text } = await startBuilt(folder, [...flags, '--sync-interval', '1s'], {
  PATH: process.env.PATH,
  OS_AUTH_URL: `${keystone.url}/v3`,
  OS_USER_ID: service.id,
  OS_PASSWORD: 'bench-password',
  OS_SYSTEM_SCOPE: 'all',
})
const lines = () =>
  text()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
const runs = () => lines().filter(({ msg }) => msg === 'Reconciled')

async function metrics() {
  const adminPort = lines().find(({ msg }) => msg === 'Serving')?.adminPort
  const { text } = await ask(`http://127.0.0.1:${adminPort}`, { path: '/metrics' })
  const value = (name: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1],
    )
  return {
    rss: value('process_resident_memory_bytes') / 2 ** 20,
    heap: value('nodejs_heap_size_used_bytes') / 2 ** 20,
    pause: value('nodejs_eventloop_lag_max_seconds') * 1000,
    kubernetes: value('portcullis_kubernetes_calls_total{operation="list",outcome="ok"}'),
    keystone: value('portcullis_keystone_calls_total{operation="list",outcome="ok"}'),
  }
}

console.log(
  '| run | s | created | updated | deleted | pages of Kubernetes lists | Keystone lists | longest pause ms | RSS MiB | heap MiB |',
)
console.log('|---|---|---|---|---|---|---|---|---|---|')
let before = { kubernetes: 0, keystone: 0 }
for (let run = 0; run < RUNS; run += 1) {
  while (runs().length <= run) {
    if (child.exitCode !== null || text().includes('Could not reconcile')) throw new Error(text())
    await once(child.stderr as Readable, 'data')
  }
  const now = await metrics()
  const { milliseconds, create, update, delete: gone } = runs()[run] as Record<string, number>
  const figures = [
    run + 1,
    ((milliseconds ?? 0) / 1000).toFixed(2),
    ...[create, update, gone, now.kubernetes - before.kubernetes, now.keystone - before.keystone],
    ...[now.pause, now.rss, now.heap].map(Math.round),
  ]
  console.log(`| ${figures.join(' | ')} |`)
  before = now
}
child.kill('SIGTERM')
await apiserver.stop()
await keystone.close()
rmSync(folder, { recursive: true })
