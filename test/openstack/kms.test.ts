import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { realAdmin } from '../support/keystone-admin.ts'
import { kmsCases } from '../support/kms-cases.ts'
import { createKeyProject, roundTrip, startKmsProgram } from '../support/kms-program.ts'
import { runProgram } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'

t.test('a real Barbican', async (t) => {
  const { admin, barbicanUrl } = realKeystone('fernet')
  kmsCases(t, await admin(), barbicanUrl)
})

/** Ports and settings of an OpenStack whose tokens live for seconds and whose projects may order little. */
const TIGHT = {
  KS_PORT: '15202',
  BB_PORT: '19402',
  TOKEN_EXPIRATION: '6',
  BB_EXTRA: '[quotas]\nquota_orders = 2',
}

t.test('tokens that live for six seconds, and a quota', async (t) => {
  const env = {
    ...process.env,
    ...TIGHT,
    OPENSTACK_HOME: join(dirname(realKeystone('fernet').home), 'tight'),
  }
  const run = (script: string) => execFileSync('bash', [`test/openstack/${script}`], { env, stdio: 'ignore' })
  t.teardown(() => void run('down.sh'))
  run('up.sh')
  const admin = await realAdmin(`http://127.0.0.1:${TIGHT.KS_PORT}/v3`, 'adminpw')
  const project = await createKeyProject(admin, `http://127.0.0.1:${TIGHT.BB_PORT}`)
  await project.store({ payload: randomBytes(32) })
  const { client, ready, log } = await startKmsProgram(t, ['--key-name', 'kek'], project.env)
  await ready()
  for (let second = 0; second < 20; second++) {
    await sleep(1000)
    t.ok(await roundTrip(client))
  }
  t.ok((await client.report()).verifiedSecondsAgo < 3, 'Barbican still vouches for the key')
  t.same(
    log().filter(({ msg }) => msg === 'Could not check the keys'),
    [],
  )
  const rotate = () =>
    runProgram(t, 'portcullis', ['kms', 'rotate', '--key-name', 'kek', '--activate-in', '1h'], project.env)
  t.equal((await rotate()).code, 0)
  t.equal((await rotate()).code, 0)
  t.match(await rotate(), { code: 1, stderr: /BARBICAN_REFUSED_US: .*a quota is reached/ })
})
