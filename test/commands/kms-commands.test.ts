import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { openStackOf } from '../../src/commands/kms-openstack.ts'
import { kmsPing } from '../../src/commands/kms-ping.ts'
import { kmsRotate } from '../../src/commands/kms-rotate.ts'
import { kmsServe } from '../../src/commands/kms-serve.ts'
import { kmsStatus } from '../../src/commands/kms-status.ts'
import type { CommandWorld } from '../../src/commands/world.ts'
import { barbicanOptions } from '../../src/config/kms-options.ts'
import { readOptions } from '../../src/config/read-options.ts'
import { connectKms, createKmsGrpcServer } from '../../src/kms/grpc.ts'
import type { KmsReport } from '../../src/kms/kms-report.ts'
import { REPORT, shell } from '../kms/grpc-world.ts'
import { uuid } from '../kms/memory-store.ts'
import { socketDirectory } from '../kms/node.ts'
import { barbican, ENV, keystone, project, refused, wall } from '../kms/plugin-world.ts'
import { runCommand } from '../support/command.ts'
import { until } from '../support/until.ts'

function cloudConf(t: Test, lines: readonly string[]) {
  const path = join(t.testdir({}), 'cloud.conf')
  const write = (more: readonly string[]) => writeFileSync(path, [...lines, ...more].join('\n'))
  write([])
  return { path, write }
}

t.test('kms status prints the report, and 0 means that the instance encrypts', async (t) => {
  const status = async (report: KmsReport) => {
    const path = `${socketDirectory(t)}/kms.sock`
    const service = {} as Parameters<typeof createKmsGrpcServer>[0]['service']
    const server = createKmsGrpcServer({
      service,
      report: () => report,
      failed: () => {},
      clock: systemClock,
    })
    const listener = createServer(server.serve)
    await new Promise<void>((resolve) => listener.listen(path, resolve))
    t.teardown(async () => {
      listener.close()
      await server.stop(0)
    })
    return runCommand(kmsStatus, ['--socket', path])
  }
  t.same(await status(REPORT), {
    code: 1,
    stderr: '',
    stdout: `standing        stale
current key     ${uuid(1)}
next key        ${uuid(2)} at 2026-05-28T20:26:40.123Z
verified        90 s ago
legacy decrypts 3
keys            2
  ${uuid(1)}  24 h old
  ${uuid(2)}  1 s old, expires in 7 s, not loaded
`,
  })
  const ages = [119, 120, 7199, 7200, 172_799, 172_800, 1_000_000]
  const keys = ages.map((ageSeconds, n) => ({ id: uuid(n), ageSeconds, loaded: true, expiresInSeconds: -1 }))
  const { code, stdout } = await status({
    ...REPORT,
    standing: 'ok',
    nextKeyId: '',
    verifiedSecondsAgo: -1,
    keys,
  })
  t.equal(code, 0)
  t.match(stdout, /\nnext key {8}none\nverified {8}never\n/)
  t.same(stdout.match(/(?<= {2})\d+ \w+(?= old)/g), [
    '119 s',
    '2 min',
    '119 min',
    '2 h',
    '47 h',
    '2 days',
    '11 days',
  ])
})

t.test('kms ping compares what comes back, under the key that sealed it', async (t) => {
  const sealed = {
    ciphertext: Buffer.alloc(61),
    keyId: uuid(2),
    annotations: { 'a.example.org': Buffer.from('1') },
  }
  let kept = Buffer.alloc(0)
  const answers = {
    status: () => ({ outcome: 'ok', value: { version: 'v2', healthz: 'ok', keyId: uuid(1) } }) as const,
    encrypt({ plaintext }: { plaintext: Uint8Array }) {
      kept = Buffer.from(plaintext)
      return { outcome: 'ok', value: sealed } as const
    },
    decrypt: async () => ({ outcome: 'ok', value: { plaintext: Buffer.from(kept) } }) as const,
  }
  const { path, requests } = await shell(t, answers)
  t.match(await runCommand(kmsPing, ['--socket', path]), {
    code: 0,
    stdout: /annotations: a\.example\.org\n.*\n {2}the same seed\n$/,
  })
  t.match(requests, [{}, { keyId: uuid(2), annotations: { 'a.example.org': Buffer.from('1') } }])
  const another = await shell(t, {
    ...answers,
    decrypt: async () => ({ outcome: 'ok', value: { plaintext: Buffer.alloc(32) } }),
  })
  await t.rejects(runCommand(kmsPing, ['--socket', another.path]), {
    code: 'KMS_CALL_FAILED',
    message: /not what was/,
  })
})

t.test('cloud.conf speaks for itself, and is read again for each login', async (t) => {
  const config = (...argv: string[]) => readOptions(barbicanOptions, { argv, env: {} }).values
  const world = (env: object) => ({ env }) as CommandWorld
  const flag = ['--keystone-url', 'https://flag.example.org/v3']
  const env = { OS_AUTH_URL: 'https://env.example.org/v3', OS_USER_ID: 'u', OS_PASSWORD: 'p' }
  const file = ['[Global]', 'auth-url = https://file.example.org/v3', 'user-id = f', 'tenant-id = p']
  const { path, write } = cloudConf(t, file)
  write(['password = first', '[KeyManager]', `key-id = ${uuid(1)}`])
  const conf = ['--cloud-config', path]
  for (const [argv, from, url, keyId] of [
    [[], env, env.OS_AUTH_URL, undefined],
    [flag, env, 'https://flag.example.org/v3', undefined],
    [conf, env, 'https://file.example.org/v3', uuid(1)],
    [[...conf, ...flag], {}, 'https://file.example.org/v3', uuid(1)],
  ] as const) {
    const found = openStackOf(config(...argv), world(from))
    t.same([found.keystoneUrl, found.keyId], [url, keyId])
  }
  const { openstack } = openStackOf(config(...conf), world({ ...env, OS_CACERT: '/env.pem' }))
  t.match(JSON.stringify(openstack()), /"first"/)
  t.equal(openstack().caFile, undefined, 'nothing of the environment')
  write(['password = second'])
  t.match(JSON.stringify(openstack()), /"second"/)
})

t.test('kms rotate waits for the order, and marks the key for the time that it prints', async (t) => {
  barbican.pendingLooks = 2
  const argv = ['--key-name', 'rotated', '--activate-in', '10m', '--keystone-url', keystone.url]
  const from = Date.now()
  const { code, stdout } = await runCommand(kmsRotate, argv, { env: ENV })
  const until = Date.now()
  const [, id = '', at = ''] = /^(\S+) becomes current at (\S+)\n$/.exec(stdout) ?? []
  t.equal(code, 0)
  t.match(barbican.secrets.get(id), { name: 'rotated', metadata: { activate_at: at } })
  t.ok(from + 600_000 <= Date.parse(at) && Date.parse(at) <= until + 600_000, at)
})

t.test('kms serves the keys of its flags before that of cloud.conf, until it is stopped', async (t) => {
  const named = `${socketDirectory(t)}/kms.sock`
  const [first, second, other] = [0, 1, 2].map(
    (n) => barbican.store({ project: project.id, name: n === 2 ? 'other' : named }).id,
  )
  const { path: conf } = cloudConf(t, [
    ...['[Global]', `auth-url = ${keystone.url}`, `user-id = ${ENV.OS_USER_ID}`],
    ...[`password = ${ENV.OS_PASSWORD}`, `tenant-id = ${project.id}`, '[KeyManager]', `key-id = ${other}`],
  ])
  for (const [argv, keys] of [
    [
      ['--key-ids', `${second}`, '--key-name', named],
      [first, second],
    ],
    [[], [other]],
  ] as const) {
    const { promise: stopped, resolve: stop } = Promise.withResolvers<void>()
    const flags = ['--socket', named, '--socketpath', `${named}.other`, '--admin-listen', '127.0.0.1:0']
    const quiet = ['--log-level', 'error', '--cloud-config', conf]
    const ended = runCommand(kmsServe, [...flags, ...quiet, ...argv], { stopped })
    const client = connectKms({ path: named, deadlineMs: 3000, clock: wall })
    const report = () => client.report().catch(() => undefined)
    await until('it has its keys', async () => (await report())?.standing === 'ok')
    t.same((await report())?.keys.map(({ id }) => id).sort(), [...keys].sort())
    client.close()
    t.equal(await refused(`${named}.other`), true)
    stop()
    t.equal((await ended).code, 0)
    t.equal(await refused(named), true)
  }
})

t.test('kms refuses what it cannot serve before it begins', async (t) => {
  const refuses = (argv: readonly string[], message: RegExp) =>
    t.rejects(runCommand(kmsServe, ['--keystone-url', keystone.url, ...argv], { env: ENV }), {
      code: 'CONFIG_INVALID',
      message,
    })
  await refuses(['--key-name', 'k', 'serve'], /serve is not expected/)
  await refuses(['--key-ids', `${uuid(1)},second`], /second: expected the uuid/)
  await refuses([], /expected --key-name, --key-ids or/)
})
