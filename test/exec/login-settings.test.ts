import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type LoginFlag, loginOptions, type SettingName, settingOf } from '../../src/config/login-options.ts'
import { AUTH_TYPES, familyOf, type LoginSettings, mergeSettings } from '../../src/exec/login-settings.ts'
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

/** Each value from a source of this name. */
const layer = (from: string, values: Partial<Record<SettingName, string>>): LoginSettings =>
  Object.fromEntries(Object.entries(values).map(([name, text]) => [name, { text, from }]))

t.test('each value is that of the strongest source that has it, with its origin', async (t) => {
  const [flags, env, cloud] = [
    layer('flags', { username: 'alice' }),
    layer('env', { username: 'bob', project_name: 'web', auth_url: 'https://b' }),
    layer('cloud', { username: 'carol', project_name: 'db', auth_url: 'https://c', user_domain_id: 'd' }),
  ]
  t.strictSame(mergeSettings([flags, env, cloud]), {
    user_domain_id: cloud?.user_domain_id,
    auth_url: env?.auth_url,
    project_name: env?.project_name,
    ...flags,
  } as never)
  t.strictSame(mergeSettings([cloud as LoginSettings, flags as LoginSettings]).username, cloud?.username)
  t.strictSame(mergeSettings([]), {})
})

t.test('of names for one thing only those of the strongest source count', async (t) => {
  const groups: readonly (readonly SettingName[])[] = [
    ['username', 'user_id'],
    ['user_domain_name', 'user_domain_id'],
    ['project_name', 'project_id', 'system_scope', 'trust_id'],
    ['project_domain_name', 'project_domain_id'],
    ['domain_name', 'domain_id'],
    ['default_domain', 'default_domain_id', 'default_domain_name'],
    ['application_credential_id', 'application_credential_name'],
    [
      'application_credential_secret',
      'application_credential_secret_file',
      'application_credential_secret_command',
    ],
    ['password', 'password_file', 'password_command'],
    ['passcode', 'passcode_command'],
    ['token', 'token_file'],
  ]
  for (const group of groups)
    for (const high of group) {
      const all = Object.fromEntries(group.map((name) => [name, 'low']))
      const [strong, weak] = [layer('high', { [high]: 'high' }), layer('low', all)]
      t.strictSame(mergeSettings([strong, weak]), strong, high)
      t.strictSame(mergeSettings([{}, weak, strong]), weak, 'one source may name all of them')
    }
  for (const [index, group] of groups.entries())
    for (const other of groups.slice(index + 1)) {
      const names = [group[0], other[0]] as const
      const family = names.map((name) => familyOf(layer('x', { [name as string]: 'x' })))
      if (family.every((name) => name !== undefined)) continue
      const merged = mergeSettings(names.map((name) => layer('x', { [name as string]: 'x' })))
      t.strictSame(Object.keys(merged).sort(), [...names].sort(), `${names.join(' and ')} are two things`)
    }
})

t.test('who logs in is said by the auth type, else by credential, user or token in this order', async (t) => {
  t.strictSame(AUTH_TYPES, {
    password: 'user',
    v3password: 'user',
    v3totp: 'user',
    v3multifactor: 'user',
    token: 'token',
    v3token: 'token',
    v3applicationcredential: 'credential',
  })
  const all = { username: 'u', token: 't', application_credential_id: 'c' }
  for (const [auth_type, family] of Object.entries(AUTH_TYPES))
    t.equal(familyOf(layer('x', { ...all, auth_type })), family, auth_type)
  for (const [values, family] of [
    [all, 'credential'],
    [{ application_credential_name: 'c', user_id: 'u' }, 'credential'],
    [{ username: 'u', token: 't' }, 'user'],
    [{ user_id: 'u' }, 'user'],
    [{ token: 't' }, 'token'],
    [{ token_file: 't' }, 'token'],
    [{ password: 'x', auth_url: 'https://a', project_name: 'p' }, undefined],
    [{ ...all, auth_type: 'unknown' }, 'credential'],
  ] as const)
    t.equal(familyOf(layer('x', values)), family, JSON.stringify(values))
})

t.test('who logs in above drops the ways to log in below, and the auth types of those', async (t) => {
  const low = { username: 'u', user_id: 'i', token: 't', token_file: 'f' } as const
  const credential = { application_credential_id: 'c', application_credential_name: 'n' } as const
  for (const [high, stays] of [
    [{ token_file: 'T' }, []],
    [{ username: 'U' }, []],
    [{ application_credential_id: 'C' }, ['username', 'user_id']],
    [{ auth_type: 'v3token' }, ['token', 'token_file']],
    [{ auth_type: 'password' }, ['username', 'user_id']],
    [
      { auth_type: 'v3applicationcredential' },
      ['username', 'user_id', 'application_credential_id', 'application_credential_name'],
    ],
    [{ auth_url: 'https://a' }, [...Object.keys(low), ...Object.keys(credential)]],
  ] as const) {
    const merged = mergeSettings([layer('high', high), layer('low', { ...low, ...credential })])
    t.strictSame(Object.keys(merged).sort(), [...stays, ...Object.keys(high)].sort(), JSON.stringify(high))
  }
  for (const [high, auth_type, stays] of [
    [{ username: 'U' }, 'v3totp', true],
    [{ username: 'U' }, 'v3token', false],
    [{ token: 'T' }, 'token', true],
    [{ token: 'T' }, 'password', false],
    [{ application_credential_id: 'C' }, 'v3applicationcredential', true],
    [{ application_credential_id: 'C' }, 'password', false],
    [{ username: 'U' }, 'unknown', false],
    [{ auth_url: 'https://a' }, 'v3totp', true],
  ] as const) {
    const merged = mergeSettings([layer('high', high), layer('low', { auth_type })])
    t.equal(merged.auth_type?.text, stays ? auth_type : undefined, `${JSON.stringify(high)} ${auth_type}`)
  }
})
