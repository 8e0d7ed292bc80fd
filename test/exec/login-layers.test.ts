import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type LoginFlag, loginOptions, type SettingName, settingOf } from '../../src/config/login-options.ts'
import { readLoginInputs } from '../../src/exec/login-sources.ts'
import { writeYaml } from '../../src/files/yaml.ts'

const FLAGS = (Object.keys(loginOptions) as LoginFlag[]).filter((flag) => flag !== 'cloud')
type Values = Partial<Record<LoginFlag, string>>
const SOURCES = ['flags', 'environment', 'cloud', 'cluster'] as const
type Layers = Partial<Record<(typeof SOURCES)[number], Values>>

const byName = (values: Values) =>
  Object.fromEntries(Object.entries(values).map(([flag, text]) => [settingOf(flag as LoginFlag), text]))

/** What a log-in is made of when each source says these things. */
async function merged(t: Test, layers: Layers): Promise<Partial<Record<SettingName, string>>> {
  const env = Object.entries(layers.environment ?? {}).map(([flag, text]) => [
    loginOptions[flag as LoginFlag].env?.[0] ?? `PORTCULLIS_${flag.replaceAll('-', '_').toUpperCase()}`,
    text,
  ])
  const cloud = layers.cloud && {
    OS_CLOUD: 'c',
    OS_CLIENT_CONFIG_FILE: join(
      t.testdir({
        'clouds.yaml': writeYaml({ clouds: { c: { region_name: 'R', auth: byName(layers.cloud) } } }),
      }),
      'clouds.yaml',
    ),
  }
  const settings = await readLoginInputs({
    flags: new Map(Object.entries(layers.flags ?? {}).map(([flag, text]) => [flag, [text]])),
    env: { ...Object.fromEntries(env), ...cloud },
    clusterConfig: byName(layers.cluster ?? {}),
  }).settings()
  const { cloud: _, ...rest } = settings
  return Object.fromEntries(Object.entries(rest).map(([name, given]) => [name, given.text]))
}

const text = (flag: LoginFlag, source: string) =>
  flag === 'keystone-url'
    ? `http://${source}.example/v3`
    : flag === 'auth-type'
      ? 'password'
      : `${source}-${flag}`
/** Files are read at once, and nothing that describes a cloud or a cluster names a file or a command with secrets. */
const isFile = (flag: LoginFlag) => flag.endsWith('-file')
const isLocal = (flag: LoginFlag) => /-(file|command)$/.test(flag)

t.test('every value can come from each source alone', async (t) => {
  for (const source of SOURCES)
    for (const flag of FLAGS.filter((name) => !isFile(name))) {
      const known = isLocal(flag) && (source === 'cloud' || source === 'cluster')
      const expected = known ? {} : byName({ [flag]: text(flag, source) })
      t.same(
        await merged(t, { [source]: { [flag]: text(flag, source) } }),
        expected,
        `${flag} from ${source}`,
      )
    }
})

t.test('flags beat the environment, that beats clouds.yaml, and that the cluster', async (t) => {
  for (const [place, high] of SOURCES.entries())
    for (const low of SOURCES.slice(place + 1))
      for (const flag of FLAGS.filter((name) => !isLocal(name))) {
        const found = await merged(t, {
          [high]: { [flag]: text(flag, high) },
          [low]: { [flag]: text(flag, low) },
        })
        t.equal(found[settingOf(flag)], text(flag, high), `${flag} from ${high} before ${low}`)
      }
})

t.test('what is named one way above does not count where it is named otherwise below', async (t) => {
  const pairs: readonly (readonly [LoginFlag, LoginFlag])[] = [
    ['user-name', 'user-id'],
    ['user-id', 'user-name'],
    ['project-name', 'project-id'],
    ['project-id', 'system-scope'],
    ['system-scope', 'project-name'],
    ['trust-id', 'project-name'],
    ['user-domain-name', 'user-domain-id'],
    ['project-domain-id', 'project-domain-name'],
    ['domain-name', 'domain-id'],
    ['application-credential-name', 'application-credential-id'],
    ['password-command', 'password'],
    ['password', 'password-command'],
    ['passcode-command', 'passcode'],
    ['user-name', 'application-credential-id'],
    ['user-name', 'token'],
    ['token', 'user-name'],
    ['application-credential-id', 'token'],
    ['token', 'application-credential-id'],
  ]
  for (const [high, low] of pairs)
    t.same(
      await merged(t, { flags: { [high]: 'high' }, environment: { [low]: 'low' } }),
      byName({ [high]: 'high' }),
      `${high} above ${low}`,
    )
})

t.test(
  'an application credential may be named above its user, and an auth type below is for others',
  async (t) => {
    t.same(
      await merged(t, { flags: { 'application-credential-name': 'c' }, environment: { 'user-name': 'u' } }),
      { application_credential_name: 'c', username: 'u' },
    )
    t.same(
      await merged(t, {
        flags: { 'application-credential-id': 'c' },
        environment: { 'auth-type': 'v3totp', 'user-name': 'u' },
      }),
      { application_credential_id: 'c', username: 'u' },
    )
  },
)

t.test('a secret is the first line of its file', async (t) => {
  const folder = t.testdir({ secret: 'of the file\nsecond line\n', empty: '\n' })
  for (const name of ['password', 'token', 'application-credential-secret'] as const)
    t.same(
      await merged(t, { flags: { [`${name}-file`]: join(folder, 'secret') } }),
      byName({ [name]: 'of the file' }),
    )
  await t.rejects(merged(t, { flags: { 'password-file': join(folder, 'empty') } }), {
    code: 'FILE_UNREADABLE',
  })
  await t.rejects(merged(t, { flags: { 'password-file': '/dev/null/none' } }), { code: 'FILE_UNREADABLE' })
})

t.test('old names of projects are read, and numbers in clouds.yaml are texts', async (t) => {
  t.same(await merged(t, { cluster: {}, cloud: {} }), {})
  const env = { OS_TENANT_NAME: 'old', OS_TENANT_ID: '' }
  t.equal((await readLoginInputs({ flags: new Map(), env }).settings()).project_name?.text, 'old')
  const clusterConfig = { tenant_id: 't', auth: { password: 'p' } }
  t.match(await readLoginInputs({ flags: new Map(), env: {}, clusterConfig }).settings(), {
    project_id: { text: 't' },
    password: { text: 'p' },
  })
  const folder = t.testdir({ 'clouds.yaml': 'clouds: {c: {auth: {password: 123456}}}' })
  const cloud = { OS_CLOUD: 'c', OS_CLIENT_CONFIG_FILE: join(folder, 'clouds.yaml') }
  t.equal((await readLoginInputs({ flags: new Map(), env: cloud }).settings()).password?.text, '123456')
})

t.test('a file of a secret that a stronger source hides is not read', async (t) => {
  for (const [secret, file] of [
    ['password', 'password-file'],
    ['token', 'token-file'],
    ['application-credential-secret', 'application-credential-secret-file'],
  ] as const)
    t.match(
      await merged(t, { flags: { [secret]: 'strong' }, environment: { [file]: '/nonexistent' } }),
      { [settingOf(secret)]: 'strong' },
      file,
    )
})
