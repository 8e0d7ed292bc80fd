import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, createServer as createNetServer } from 'node:net'
import t, { type Test } from 'tap'
import { type KmsWorld, startKms } from '../../src/compose-kms.ts'
import { kmsOptions } from '../../src/config/kms-options.ts'
import { readOpenStackSettings } from '../../src/config/openstack-credentials.ts'
import { readOptions } from '../../src/config/read-options.ts'
import { startSimulatedBarbican } from '../../src/simulator/barbican-server.ts'
import { type SimulatedKeystone, startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { recordLog } from '../support/recorded-log.ts'
import { until } from '../support/until.ts'
import { ask } from '../support/wire.ts'
import { socketDirectory } from './node.ts'

export const wall = { now: Date.now, monotonic: () => performance.now(), after: () => () => {} }
export let keystone: SimulatedKeystone
export const barbican = await startSimulatedBarbican({ clock: wall, keystone: () => keystone })
keystone = await startSimulatedKeystone({ clock: wall, catalog: () => [barbican.catalogEntry] })
t.teardown(() => Promise.all([keystone.close(), barbican.close()]))
export const project = keystone.model.addProject('keys')
const user = keystone.model.addUser('kms', 'kms-password')
keystone.model.grant(user.id, project.id, 'creator')
export const ENV = { OS_USER_ID: user.id, OS_PASSWORD: 'kms-password', OS_PROJECT_ID: project.id }
export const settingsOf = (password = ENV.OS_PASSWORD) => {
  const settings = readOpenStackSettings({ ...ENV, OS_PASSWORD: password })
  if (settings === undefined) throw new Error('no settings')
  return settings
}

/** A plugin whose clock the test moves, with a key of its own in Barbican. */
export function plugin(
  t: Test,
  flags: readonly string[] = [],
  more: Partial<KmsWorld> & { path?: string } = {},
) {
  const path = more.path ?? `${socketDirectory(t)}/kms.sock`
  const clock = createManualClock(Date.now())
  const { log, lines } = recordLog()
  const { id } = barbican.store({ project: project.id, name: path })
  const argv = flags.includes('--admin-listen') ? flags : ['--admin-listen', '127.0.0.1:0', ...flags]
  const { values: config } = readOptions(kmsOptions, { argv, env: {} })
  const world = { settings: settingsOf(), clock, lines, path, id }
  const start = async () => {
    const openstack = () => world.settings
    const stopped = new Promise<void>(() => {})
    const surroundings = { clock, log, version: '1', keystoneUrl: keystone.url, openstack, stopped }
    const keySet = { ids: [], name: path }
    const { stop, adminPort } = await startKms(config, path, keySet, { ...surroundings, ...more })
    let stopping: Promise<void> | undefined
    const stopOnce = () => (stopping ??= stop())
    t.teardown(stopOnce)
    const get = (path: string) => ask(`http://127.0.0.1:${adminPort}`, { path })
    return { stop: stopOnce, adminPort, get }
  }
  const logged = (message: string, count = 1) =>
    until(message, () => lines.filter(({ msg }) => msg === message).length >= count)
  return { ...world, world, start, logged }
}

/** A key manager that answers when the test says so, and the connections to it. */
export async function heldBarbican(t: Test) {
  const held: ServerResponse[] = []
  const server = createServer((_request, response) => void held.push(response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.keepAliveTimeout = 60_000
  t.teardown(() => server.closeAllConnections())
  t.teardown(() => server.close())
  const connections = () =>
    new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
  /** Before the client would close them by itself, after 4 s. */
  const left = () => until('no connection is left', async () => (await connections()) === 0, 3000)
  const refuse = () => {
    for (const response of held.splice(0))
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"code":404}')
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, held, left, refuse }
}

/** Whether nobody answers at a path or port. */
export const refused = (port: number | string) =>
  new Promise<boolean>((resolve) => {
    const probe = typeof port === 'string' ? connect(port) : connect(port, '127.0.0.1')
    probe.once('connect', () => resolve(void probe.destroy() === undefined && false))
    probe.once('error', () => resolve(true))
  })

/** Somebody who answers at a path or port until the test ends. */
export async function listener(t: Test, at: string | number) {
  const server = createNetServer((connection) => void connection.on('error', () => {}).resume())
  server.listen(...((typeof at === 'string' ? [at] : [at, '127.0.0.1']) as [string]))
  await once(server, 'listening')
  t.teardown(() => server.close())
  return server
}
