import { randomBytes } from 'node:crypto'
import { lstatSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createKeyProject, roundTrip, simulatedOpenStack, startKmsProgram } from '../support/kms-program.ts'
import { runProgram, startProgram } from '../support/program.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { ask } from '../support/wire.ts'

t.jobs = 4

async function openstack(t: Test, tokenLifetimeMs?: number) {
  const { keystone, barbican, admin } = await simulatedOpenStack(t, tokenLifetimeMs)
  return { keystone, barbican, project: await createKeyProject(admin, barbican.url) }
}

t.test('a token that expires every two seconds is renewed ahead, no call is refused', async (t) => {
  const { keystone, project } = await openstack(t, 2000)
  const ids = []
  for (let i = 0; i < 12; i++) ids.push(await project.store({ payload: randomBytes(32) }))
  const { client, ready, log } = await startKmsProgram(
    t,
    ['--key-ids', ids[0] as string, '--key-name', 'kek'],
    project.env,
  )
  await ready()
  const before = keystone.count('POST /v3/auth/tokens')
  await new Promise((resolve) => setTimeout(resolve, 4500))
  t.ok(await roundTrip(client))
  t.ok(keystone.count('POST /v3/auth/tokens') - before >= 2)
  t.same(
    log().filter(({ level, msg }) => ['warn', 'error'].includes(String(level)) && msg !== 'Status failed'),
    [],
  )
})

t.test(
  'Keystone and Barbican down at the start: the socket is there, Status says why, and it heals',
  async (t) => {
    const { keystone, barbican, project } = await openstack(t)
    await project.store({ payload: randomBytes(32) })
    keystone.fail({ kind: 'answer', status: 503, body: '{}' })
    barbican.fault = { kind: 'status', status: 503 }
    const { client, ready } = await startKmsProgram(t, ['--key-name', 'kek'], project.env)
    await t.rejects(client.status(), { message: /UNAVAILABLE: no key has been loaded from Barbican yet/ })
    keystone.fail(undefined)
    barbican.fault = undefined
    await ready()
    t.ok(await roundTrip(client))
  },
)

t.test('health, readiness and metrics tell of the key', async (t) => {
  const { barbican, project } = await openstack(t)
  await project.store({ payload: randomBytes(32) })
  barbican.fault = { kind: 'status', status: 503 }
  const { ready, logged } = await startKmsProgram(t, ['--key-name', 'kek'], project.env)
  const { adminPort } = await logged('Serving')
  const get = (path: string) => ask(`http://127.0.0.1:${adminPort}`, { path })
  t.match(await get('/readyz'), { status: 500, text: /\[-\]key failed: starting/ })
  t.equal((await get('/livez')).status, 200)
  barbican.fault = undefined
  await ready()
  t.equal((await get('/readyz')).status, 200)
  const { text } = await get('/metrics')
  for (const row of [
    /^portcullis_kms_ready 1$/m,
    /^portcullis_kms_keys_loaded 1$/m,
    /^portcullis_kms_current_key\{key_id_hash="sha256:[0-9a-f]{64}"\} 1$/m,
    /^portcullis_kms_operations_total\{method="status",outcome="ok"\} [1-9]/m,
    /^portcullis_barbican_calls_total\{operation="payload",outcome="ok"\} 1$/m,
  ])
    t.match(text, row)
})

t.test('TERM ends it gracefully, kill -9 leaves a socket that the next one takes over', async (t) => {
  const { project } = await openstack(t)
  await project.store({ payload: randomBytes(32) })
  const start = (path?: string) =>
    startKmsProgram(t, ['--key-name', 'kek'], project.env, path ? { path } : {})
  const first = await start()
  await first.ready()
  first.child.kill('SIGTERM')
  t.equal(await first.exited, 0)
  t.ok(lstatSync(first.path).isSocket())
  const second = await start(first.path)
  await second.ready()
  second.child.kill('SIGKILL')
  await second.exited
  const third = await start(first.path)
  await third.ready()
  t.ok(await roundTrip(third.client))
})

t.test(
  'a second instance is refused, or takes over with --replace-running while the first one still serves',
  async (t) => {
    const { project } = await openstack(t)
    await project.store({ payload: randomBytes(32) })
    const first = await startKmsProgram(t, ['--key-name', 'kek'], project.env)
    await first.ready()
    const flags = ['kms', '--key-name', 'kek', '--socket', first.path, '--admin-listen', '127.0.0.1:0']
    const refused = await runProgram(t, 'portcullis', flags, project.env)
    t.match(refused, { code: 1, stderr: /KMS_SOCKET_IN_USE/ })
    const { adminPort } = await first.logged('Serving')
    const taken = ['--socket', `${first.path}.2`, '--admin-listen', `127.0.0.1:${adminPort}`]
    const deaf = await runProgram(t, 'portcullis', ['kms', '--key-name', 'kek', ...taken], project.env)
    t.match(deaf, { code: 2, stderr: /flag --admin-listen: .*EADDRINUSE/ }, 'nor without its health')
    const gaps: unknown[] = []
    let watching = true
    const watch = (async () => {
      while (watching) {
        await new Promise<void>((resolve) => {
          const probe = connect(first.path, () => resolve(void probe.destroy()))
          probe.once('error', (error: NodeJS.ErrnoException) => resolve(void gaps.push(error.code)))
        })
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    })()
    const second = startProgram(t, 'portcullis', [...flags, '--replace-running'], project.env)
    await second.logged('Serving')
    const order = second.log().map(({ msg }) => msg as string)
    t.ok(order.slice(0, order.indexOf('Listening')).includes('Loaded the key'), 'it has its key first')
    first.child.kill('SIGTERM')
    await first.exited
    watching = false
    await watch
    t.same(gaps, [])
    t.equal((await first.client.status()).healthz, 'ok', 'the same client, without having noticed')
  },
)

t.test('a successor without a key leaves the path alone, also when it is stopped', async (t) => {
  const { barbican, project } = await openstack(t)
  await project.store({ payload: randomBytes(32) })
  const first = await startKmsProgram(t, ['--key-name', 'kek'], project.env)
  await first.ready()
  barbican.fault = { kind: 'status', status: 503 }
  const { ino } = lstatSync(first.path)
  const flags = ['kms', '--key-name', 'kek', '--socket', first.path, '--admin-listen', '127.0.0.1:0']
  const second = startProgram(t, 'portcullis', [...flags, '--replace-running'], project.env)
  await second.logged('Could not check the keys')
  second.child.kill('SIGTERM')
  t.equal(await second.exited, 0)
  t.equal(lstatSync(first.path).ino, ino)
  t.equal((await first.client.status()).healthz, 'ok')
})

t.test('the demo wraps a seed and unwraps it again', async (t) => {
  const demo = startProgram(t, 'portcullis', ['demo'])
  while (!demo.stdout().includes('kms status')) {
    if (demo.child.exitCode !== null) return t.fail(demo.stderr())
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  t.match(demo.stdout(), /32 bytes into 61.*\n.*: the same seed\./)
  demo.child.kill('SIGTERM')
  t.equal(await demo.exited, 0)
})

t.test('a configuration that cannot work is refused with the reason', async (t) => {
  const env = { OS_AUTH_URL: 'http://127.0.0.1:1/v3', OS_USER_ID: 'u', OS_PASSWORD: 'p' }
  const socket = ['--socket', join(temporaryFolder(t), 'kms.sock'), '--admin-listen', '127.0.0.1:0']
  const refused = async (argv: readonly string[], with_: Record<string, string>, stderr: RegExp) =>
    t.match(await runProgram(t, 'portcullis', ['kms', ...socket, ...argv], with_), { code: 2, stderr })
  await refused([], env, /expected --key-name, --key-ids or/)
  await refused(['--key-ids', 'not-a-uuid'], env, /expected the uuid/)
  await refused(['--key-name', 'kek'], {}, /names no OpenStack user/)
  await refused(['--key-name', 'kek', '--refresh-interval', '3m'], env, /--refresh-interval/)
})
