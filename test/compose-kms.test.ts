import { lstatSync, renameSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openBarbican } from '../src/compose-kms.ts'
import { kmsOptions } from '../src/config/kms-options.ts'
import { readOptions } from '../src/config/read-options.ts'
import { connectKms } from '../src/kms/grpc.ts'
import { createMetricsRegistry } from '../src/metrics/registry.ts'
import { socketDirectory } from './kms/node.ts'
import {
  barbican,
  heldBarbican,
  keystone,
  listener,
  plugin,
  refused,
  settingsOf,
  wall,
} from './kms/plugin-world.ts'
import { createManualClock } from './support/manual-clock.ts'
import { recordLog } from './support/recorded-log.ts'
import { until } from './support/until.ts'
import { ask } from './support/wire.ts'

t.test('health follows the key and the socket; the clock of the configuration counts', async (t) => {
  barbican.fault = { kind: 'status', status: 503 }
  const { start, clock, logged, path, lines, world } = plugin(t, [
    ...['--offline-grace', '10m', '--refresh-interval', '30s', '--barbican-timeout', '3s'],
  ])
  world.settings = settingsOf('not yet')
  const { get } = await start()
  await logged('Could not check the keys')
  const health = async () =>
    (await Promise.all(['livez', 'readyz', 'healthz'].map((name) => get(`/${name}`)))).map(
      ({ status }) => status,
    )
  t.same(await health(), [200, 500, 500])
  t.match((await get('/readyz')).text, /\[\+\]socket ok\n\[-\]key failed: starting\n/)
  barbican.fault = undefined
  await clock.advance(500)
  await logged('Could not check the keys', 2)
  world.settings = settingsOf()
  await clock.advance(1000)
  await logged('Loaded the key')
  await until('it is ready', async () => (await get('/readyz')).status === 200)
  t.same(await health(), [200, 200, 200], 'credentials are read again for each login')
  t.match((await get('/metrics')).text, /^portcullis_kms_ready 1$/m)

  renameSync(path, `${path}.away`)
  t.same(await health(), [200, 500, 500])
  t.match((await get('/healthz')).text, /\[-\]socket failed: .*\n\[\+\]key ok\n/)
  renameSync(`${path}.away`, path)

  barbican.fault = { kind: 'hang' }
  const [before, asked] = [lines.length, barbican.seen.length]
  const news = () => lines.slice(before).map(({ msg, code }) => [msg, code])
  await clock.advance(30_000)
  await until('it asks', () => barbican.seen.length > asked)
  await clock.advance(2999)
  t.same(news(), [])
  await clock.advance(1)
  await logged('Could not check the keys', 3)
  t.same(news(), [['Could not check the keys', 'HTTP_TIMEOUT']])
  await clock.advance(600_000 - 33_000)
  t.equal((await get('/healthz')).status, 200)
  await clock.advance(1)
  t.match((await get('/healthz')).text, /\[-\]key failed: stale\n/)
  t.same(await health(), [200, 500, 500])
  barbican.fault = undefined
})

t.test('the CA file of the flag is trusted, otherwise that of the credentials', async (t) => {
  for (const [flags, caFile] of [
    [['--keystone-ca-file', '/nonexistent/flag.pem'], /flag\.pem/],
    [[], /credentials\.pem/],
  ] as const) {
    const { values: config } = readOptions(kmsOptions, { argv: flags, env: {} })
    const openstack = () => ({ ...settingsOf(), caFile: '/nonexistent/credentials.pem' })
    const world = { clock: createManualClock(), version: '1', keystoneUrl: keystone.url, openstack }
    t.throws(() => openBarbican(config, world, createMetricsRegistry()), {
      code: 'FILE_UNREADABLE',
      message: caFile,
    })
  }
})

t.test('the first client is logged once, with the seconds it took by the monotonic clock', async (t) => {
  const { start, clock, lines, path } = plugin(t)
  await start()
  clock.setWallBy(3_600_000)
  await clock.advance(90_000)
  for (let time = 0; time < 2; time++) await refused(path)
  const first = lines.filter(({ msg }) => msg === 'The first client connected')
  t.match(first, [{ level: 'info', seconds: 90 }])
  t.equal(first.length, 1)
})

t.test('a call that fails inside is logged, and its error stays in the log', async (t) => {
  const held = await heldBarbican(t)
  const { log, lines } = recordLog()
  const broken = Object.assign(Object.create(log) as typeof log, {
    warn(_fields: object, message: string) {
      if (message === 'Status failed') throw new Error('the disk is full')
    },
  })
  const { start, path } = plugin(t, ['--barbican-url', held.url], { log: broken })
  await start()
  const client = connectKms({ path, deadlineMs: 5000, clock: wall })
  t.teardown(() => client.close())
  await t.rejects(client.status(), { message: /^Status: INTERNAL: internal error$/ })
  t.match(lines.at(-1), { level: 'error', err: 'the disk is full', msg: 'A call failed inside' })
})

t.test('stop: readiness turns red, a call in flight is answered, and nothing is left open', async (t) => {
  const held = await heldBarbican(t)
  const { start, clock, path } = plugin(t, ['--barbican-url', held.url])
  const { stop, get, adminPort } = await start()
  await until('the first check asks', () => held.held.length === 1)
  held.refuse()
  const client = connectKms({ path, deadlineMs: 5000, clock: wall })
  t.teardown(() => client.close())
  const keyId = '0b6f4f6e-6a53-4d3b-9f0e-2f4b8d1c7a10'
  const call = client.decrypt({ ciphertext: Buffer.alloc(61), keyId, annotations: {}, uid: 'u' })
  const answered = t.rejects(call, { message: /NOT_FOUND/ })
  await until('the key is asked for', () => held.held.length > 0)
  const stopping = stop()
  t.match(await get('/readyz'), { status: 500, text: /\[-\]shutdown failed: shutting down/ })
  t.notMatch((await get('/healthz?exclude=key')).text, /failed/, 'a process that ends is not to be restarted')
  t.equal(await refused(path), true)
  held.refuse()
  await answered
  await stopping
  t.equal(await refused(adminPort), true)
  await held.left()
  t.equal(clock.pendingTimers, 0, 'and it checks no more')
})

t.test('without --replace-running a path where somebody answers is refused at once', async (t) => {
  const path = `${socketDirectory(t)}/kms.sock`
  await listener(t, path)
  const held = await heldBarbican(t)
  await t.rejects(plugin(t, ['--barbican-url', held.url], { path }).start(), { code: 'KMS_SOCKET_IN_USE' })
})

t.test('a successor takes over with its key, or when nobody answers any more', async (t) => {
  barbican.fault = { kind: 'status', status: 503 }
  const path = `${socketDirectory(t)}/kms.sock`
  const old = await listener(t, path)
  const { ino } = lstatSync(path)
  const { start, clock, logged } = plugin(t, ['--replace-running'], { path })
  const started = start()
  await logged('Could not check the keys')
  await clock.advance(200)
  t.equal(lstatSync(path).ino, ino)
  barbican.fault = undefined
  await clock.advance(300)
  await logged('Loaded the key')
  await clock.skipPauses(100, started)
  t.not(lstatSync(path).ino, ino)
  old.close()

  const held = await heldBarbican(t)
  const alone = plugin(t, ['--replace-running', '--barbican-url', held.url])
  const { get } = await alone.start()
  t.match((await get('/readyz')).text, /key failed: starting/, 'it serves without having waited')
})

t.test('a successor that is asked to stop while it waits leaves the path and all else alone', async (t) => {
  const path = `${socketDirectory(t)}/kms.sock`
  await listener(t, path)
  const { ino } = lstatSync(path)
  const held = await heldBarbican(t)
  const { promise: stopped, resolve: askToStop } = Promise.withResolvers<void>()
  const { start, clock } = plugin(t, ['--replace-running', '--barbican-url', held.url], { path, stopped })
  const started = start()
  await until('it asks for keys', () => held.held.length === 1)
  askToStop()
  const { stop, adminPort } = await clock.skipPauses(100, started)
  t.equal(adminPort, 0)
  held.refuse()
  await stop()
  t.equal(lstatSync(path).ino, ino)
  await held.left()
  t.equal(clock.pendingTimers, 0)
})

t.test('a successor tries the admin address each second, until it has it or ends', async (t) => {
  for (const freed of [true, false]) {
    const old = await listener(t, 0)
    const { port } = old.address() as AddressInfo
    const { start, clock, logged } = plugin(t, ['--replace-running', '--admin-listen', `127.0.0.1:${port}`])
    const { stop, adminPort } = await start()
    t.equal(adminPort, 0)
    await logged('The admin address is in use, trying again')
    await clock.advance(1000)
    await logged('The admin address is in use, trying again', 2)
    if (!freed) await stop()
    await new Promise((resolve) => old.close(resolve))
    await clock.advance(999)
    t.equal(await refused(port), true)
    await clock.advance(1)
    if (freed) {
      await until('it listens', async () => !(await refused(port)))
      t.equal((await ask(`http://127.0.0.1:${port}`, { path: '/livez' })).text, 'ok')
      await stop()
    }
    t.equal(await refused(port), true)
    t.equal(clock.pendingTimers, 0, 'and it has ended')
  }
})
