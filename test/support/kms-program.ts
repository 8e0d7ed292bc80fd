import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { connectKms, type KmsClient } from '../../src/kms/grpc.ts'
import { startSimulatedBarbican } from '../../src/simulator/barbican-server.ts'
import { type SimulatedKeystone, startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { type KeystoneAdmin, login, simulatedAdmin, type TestUser } from './keystone-admin.ts'
import { type Program, startProgram } from './program.ts'
import { secret } from './secrets.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { ask, type Reply } from './wire.ts'

/** A simulated Keystone whose catalogue names a simulated Barbican. */
export async function simulatedOpenStack(t: Pick<Test, 'teardown'>, tokenLifetimeMs = 3_600_000) {
  let keystone: SimulatedKeystone
  const clock = systemClock
  const barbican = await startSimulatedBarbican({ clock, keystone: () => keystone })
  keystone = await startSimulatedKeystone({ clock, catalog: () => [barbican.catalogEntry], tokenLifetimeMs })
  t.teardown(async () => {
    await keystone.close()
    await barbican.close()
  })
  return { keystone, barbican, admin: simulatedAdmin(keystone) }
}

/** A project in OpenStack with a user who may keep keys there, and the API of its Barbican. */
export interface KeyProject {
  readonly id: string
  readonly user: TestUser
  /** OS_* variables of the user. */
  readonly env: Readonly<Record<string, string>>
  /** Stores a secret; gives its id. */
  store(secret: { name?: string; payload: Uint8Array | string; expiresInMs?: number }): Promise<string>
  delete(id: string): Promise<void>
}

export async function createKeyProject(admin: KeystoneAdmin, barbicanUrl: string): Promise<KeyProject> {
  const [user, { id }] = [await admin.createUser(), await admin.createProject()]
  for (const role of ['creator', 'member']) await admin.grant(user, { project: id }, role)
  const token = await login(admin.url, user, { project: { id } })
  const barbican = async (method: string, path: string, body?: object): Promise<Reply> => {
    const reply = await ask(barbicanUrl, {
      method,
      path: `/v1${path}`,
      headers: { 'x-auth-token': token, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    })
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.text}`)
    return reply
  }
  return {
    id,
    user,
    env: {
      OS_AUTH_URL: admin.url,
      OS_USER_ID: user.id,
      OS_PASSWORD: user.password,
      OS_PROJECT_ID: id,
      OS_REGION_NAME: 'RegionOne',
    },
    async store({ name = 'kek', payload, expiresInMs }) {
      if (typeof payload !== 'string') secret(Buffer.from(payload).toString('hex'))
      const reply = await barbican('POST', '/secrets', {
        name,
        secret_type: 'symmetric',
        algorithm: 'aes',
        bit_length: 256,
        payload: typeof payload === 'string' ? payload : secret(Buffer.from(payload).toString('base64')),
        payload_content_type: 'application/octet-stream',
        payload_content_encoding: 'base64',
        ...(expiresInMs && { expiration: new Date(Date.now() + expiresInMs).toISOString().slice(0, -1) }),
      })
      return /[^/]+$/.exec(JSON.parse(reply.text).secret_ref)?.[0] as string
    },
    delete: async (id) => void (await barbican('DELETE', `/secrets/${id}`)),
  }
}

export interface KmsProgram extends Program {
  readonly path: string
  readonly client: KmsClient
  /** Resolves when Status answers with a key (or, with `false`, when it fails). */
  ready(expected?: boolean): Promise<void>
}

/** A plugin program on a socket of its own, asking Barbican every second; `argv` begins with what picks the program. */
export async function startKmsProgram(
  t: Test,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  options: { name?: string; path?: string } = {},
): Promise<KmsProgram> {
  const path = options.path ?? join(temporaryFolder(t), 'kms.sock')
  const flags = ['--socketpath', path, '--admin-listen', '127.0.0.1:0', '--refresh-interval', '1s', ...argv]
  const { name = 'portcullis' } = options
  const program = startProgram(t, name, name === 'portcullis' ? ['kms', ...flags] : flags, env)
  await program.logged('Listening')
  const client = connectKms({ path, deadlineMs: 3000, clock: systemClock })
  t.teardown(() => client.close())
  return {
    ...program,
    path,
    client,
    async ready(expected = true) {
      for (let tries = 0; ; tries++) {
        const answered = await client.status().then(
          () => true,
          () => false,
        )
        if (answered === expected) return
        if (tries > 200) throw new Error(`Status never became ${expected}:\n${program.stderr()}`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
  }
}

/** Wraps a random seed and unwraps it again. */
export async function roundTrip(client: KmsClient): Promise<boolean> {
  const [plaintext, uid] = [randomBytes(32), 'round-trip']
  for (const form of ['base64', 'hex'] as const) secret(plaintext.toString(form))
  const sealed = await client.encrypt({ plaintext, uid })
  return plaintext.equals((await client.decrypt({ ...sealed, uid })).plaintext)
}
