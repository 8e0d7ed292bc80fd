import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { legacyCiphertext } from '../kms/fixtures.ts'
import type { KeystoneAdmin } from './keystone-admin.ts'
import { createKeyProject, roundTrip, startKmsProgram } from './kms-program.ts'
import { runProgram } from './program.ts'
import { temporaryFolder } from './temporary-folder.ts'

const UID = '5c1b7c04-7c5f-4a3c-9a36-3f3a4a4d1f00'

/**
 * What the KMS plugin does with any Barbican: runs against the simulator and against the real one alike, so that the one is
 * held to the other.
 */
export function kmsCases(t: Test, admin: KeystoneAdmin, barbicanUrl: string): void {
  const cloudConf = (t: Test, lines: readonly string[]) => {
    const path = join(temporaryFolder(t), 'cloud.conf')
    writeFileSync(path, lines.join('\n'))
    return path
  }

  t.test('barbican-kms-plugin with its flags and cloud.conf serves, and reads what CPO wrote', async (t) => {
    const project = await createKeyProject(admin, barbicanUrl)
    const [payload, seed] = [randomBytes(32), randomBytes(32)]
    const keyId = await project.store({ payload })
    const conf = cloudConf(t, [
      '[Global]',
      `auth-url = ${admin.url}`,
      `user-id = "${project.user.id}"`,
      `password = ${project.user.password}`,
      `tenant-id = ${project.id}`,
      'region = RegionOne',
      '[KeyManager]',
      `key-id = ${keyId}`,
    ])
    const { client, ready } = await startKmsProgram(
      t,
      ['--cloud-config', conf],
      {},
      { name: 'barbican-kms-plugin' },
    )
    await ready()
    t.same(await client.status(), { version: 'v2', healthz: 'ok', keyId })
    t.ok(await roundTrip(client))
    const ciphertext = legacyCiphertext(payload, seed)
    t.same((await client.decrypt({ ciphertext, keyId, annotations: {}, uid: UID })).plaintext, seed)
    t.equal((await client.report()).legacyDecrypts, 1)
  })

  t.test('kms rotate orders the first key and the next one, with an application credential', async (t) => {
    const project = await createKeyProject(admin, barbicanUrl)
    const credential = await admin.createCredential(project.user, project.id, 'creator')
    const env = {
      OS_AUTH_URL: admin.url,
      OS_APPLICATION_CREDENTIAL_ID: credential.id,
      OS_APPLICATION_CREDENTIAL_SECRET: credential.secret,
      OS_REGION_NAME: 'RegionOne',
    }
    const rotate = async (activateIn: string) => {
      const { code, stdout, stderr } = await runProgram(
        t,
        'portcullis',
        ['kms', 'rotate', '--key-name', 'kek', '--activate-in', activateIn],
        env,
      )
      t.equal(code, 0, stderr)
      return { id: stdout.split(' ')[0] as string, at: Date.parse(stdout.trim().split(' ').at(-1) as string) }
    }
    const first = await rotate('2s')
    const { client, path, ready } = await startKmsProgram(t, ['--key-name', 'kek'], env)
    await ready()
    t.equal((await client.status()).keyId, first.id)
    const sealed = await client.encrypt({ plaintext: randomBytes(32), uid: UID })
    const second = await rotate('4s')
    t.ok(second.at > Date.now())
    for (let named = first.id; named === first.id; ) {
      const before = Date.now()
      named = (await client.status()).keyId
      if (named === second.id) t.ok(Date.now() >= second.at, 'not before its time')
      else if (before > second.at) t.fail('too late')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    t.equal((await client.decrypt({ ...sealed, uid: UID })).plaintext.length, 32)
    const ping = await runProgram(t, 'portcullis', ['kms', 'ping', '--socket', `unix://${path}`])
    t.match(ping, { code: 0, stdout: new RegExp(`key ${second.id}[^]*the same seed`) })
    const status = await runProgram(t, 'portcullis', ['kms', 'status', '--socket', path])
    t.match(status, { code: 0, stdout: new RegExp(`standing +ok\ncurrent key +${second.id}[^]*keys +2\n`) })
  })

  t.test('a deleted key fails Status at the next check, Decrypt goes on', async (t) => {
    const project = await createKeyProject(admin, barbicanUrl)
    const id = await project.store({ payload: randomBytes(32) })
    const { client, ready } = await startKmsProgram(t, ['--key-name', 'kek'], project.env)
    await ready()
    const sealed = await client.encrypt({ plaintext: randomBytes(32), uid: UID })
    await project.delete(id)
    await ready(false)
    await t.rejects(client.status(), { message: /UNAVAILABLE: Barbican no longer gives out/ })
    await t.rejects(client.encrypt({ plaintext: randomBytes(32), uid: UID }), { message: /UNAVAILABLE/ })
    t.equal((await client.decrypt({ ...sealed, uid: UID })).plaintext.length, 32)
  })

  t.test('an expiring key fails Status when its time is over', async (t) => {
    const project = await createKeyProject(admin, barbicanUrl)
    await project.store({ payload: randomBytes(32), expiresInMs: 5000 })
    const { client, ready } = await startKmsProgram(t, ['--key-name', 'kek'], project.env)
    await ready()
    t.match((await client.report()).keys, [{ loaded: true }])
    await ready(false)
    t.match((await client.report()).standing, /^(expired|revoked)$/)
  })

  t.test('a secret of another project, of 31 bytes or of nonsense is never used', async (t) => {
    const [project, other] = [
      await createKeyProject(admin, barbicanUrl),
      await createKeyProject(admin, barbicanUrl),
    ]
    for (const [id, message] of [
      [await other.store({ payload: randomBytes(32) }), 'Barbican does not give out the key'],
      [await project.store({ payload: randomBytes(31) }), 'Could not load the key'],
      [await project.store({ payload: '%%%' }), 'Could not load the key'],
    ] as const) {
      const { client, logged } = await startKmsProgram(t, ['--key-ids', id], project.env)
      await logged(message)
      await t.rejects(client.status(), { message: /UNAVAILABLE/ })
      await t.rejects(client.decrypt({ ciphertext: randomBytes(61), keyId: id, annotations: {}, uid: UID }), {
        message: /NOT_FOUND|INVALID_ARGUMENT/,
      })
    }
  })

  t.test('who may not order a key is told so', async (t) => {
    const { id } = await admin.createProject()
    const user = await admin.createUser()
    await admin.grant(user, { project: id }, 'reader')
    const env = { OS_AUTH_URL: admin.url, OS_USER_ID: user.id, OS_PASSWORD: user.password, OS_PROJECT_ID: id }
    const { code, stderr } = await runProgram(t, 'portcullis', ['kms', 'rotate', '--key-name', 'kek'], env)
    t.equal(code, 1)
    t.match(stderr, /BARBICAN_REFUSED_US: .*role creator or member/)
  })
}
