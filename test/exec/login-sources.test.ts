import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type LoginFlag, loginOptions, settingOf } from '../../src/config/login-options.ts'
import { fromEnvironment, fromFlags, readLoginInputs } from '../../src/exec/login-sources.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type Texts = Readonly<Record<string, string>>
const FLAGS = Object.keys(loginOptions) as LoginFlag[]
const flagsOf = (values: Texts) => new Map(Object.entries(values).map(([flag, text]) => [flag, [text]]))
const inputsOf = (env: Texts, clusterConfig?: unknown, flags: Texts = {}) =>
  readLoginInputs({ flags: flagsOf(flags), env, clusterConfig })
const textsOf = async (inputs: ReturnType<typeof inputsOf>) =>
  Object.fromEntries(Object.entries(await inputs.settings()).map(([name, given]) => [name, given.text]))

/** Two clouds of one clouds.yaml, whose path is in the variables. */
function cloudsOf(t: Test, clouds = 'clouds: {a: {auth: {username: alice}}, b: {auth: {username: bob}}}') {
  const folder = temporaryFolder(t)
  writeFileSync(join(folder, 'clouds.yaml'), clouds)
  return { folder, OS_CLIENT_CONFIG_FILE: join(folder, 'clouds.yaml') }
}

t.test('a flag counts by its last text, and is named as its source', async (t) => {
  for (const flag of FLAGS)
    t.strictSame(
      fromFlags(new Map([[flag, ['first', 'last']]])),
      { [settingOf(flag)]: { text: 'last', from: `flag --${flag}` } },
      flag,
    )
  t.strictSame(fromFlags(new Map([['no-cache', ['true']]])), {}, 'other flags are none of a login')
  t.strictSame(fromFlags(new Map([['password', []]])), {})
})

t.test('a variable of Portcullis beats one of OpenStack, and an empty one is none', async (t) => {
  for (const flag of FLAGS) {
    const own = `PORTCULLIS_${flag.replaceAll('-', '_').toUpperCase()}`
    const variables = [own, ...(loginOptions[flag].env ?? [])]
    for (const [index, variable] of variables.entries()) {
      const weaker = variables.slice(index).map((name) => [name, `of ${name}`])
      const stronger = variables.slice(0, index).map((name) => [name, ''])
      t.strictSame(
        fromEnvironment(Object.fromEntries([...weaker, ...stronger])),
        { [settingOf(flag)]: { text: `of ${variable}`, from: `environment ${variable}` } },
        variable,
      )
    }
  }
})

t.test(
  'flags beat variables, those the cloud, and that the cluster; each says where it is from',
  async (t) => {
    const { folder, ...env } = cloudsOf(
      t,
      `clouds: {c: {region: x, auth: {password: of cloud, username: of cloud, project_name: of cloud}}}`,
    )
    const clusterConfig = {
      auth_url: 'https://cluster',
      auth: {
        username: 'of cluster',
        password: 'of cluster',
        project_name: 'of cluster',
        domain_name: 'of cluster',
      },
    }
    const variables = { ...env, OS_CLOUD: 'c', OS_USERNAME: 'of variable', OS_PASSWORD: 'of variable' }
    const settings = await inputsOf(variables, clusterConfig, { 'user-name': 'of flag' }).settings()
    const cluster = 'cluster configuration of the kubeconfig'
    t.strictSame(settings, {
      cloud: { text: 'c', from: 'environment OS_CLOUD' },
      username: { text: 'of flag', from: 'flag --user-name' },
      password: { text: 'of variable', from: 'environment OS_PASSWORD' },
      project_name: { text: 'of cloud', from: `cloud c of ${join(folder, 'clouds.yaml')}` },
      domain_name: { text: 'of cluster', from: cluster },
      auth_url: { text: 'https://cluster', from: cluster },
    })
  },
)

t.test('the cloud is that of a flag, a variable or the cluster, in this order', async (t) => {
  const { OS_CLIENT_CONFIG_FILE } = cloudsOf(t)
  const env = { OS_CLIENT_CONFIG_FILE }
  for (const [flag, variable, cluster, user] of [
    ['a', 'b', 'b', 'alice'],
    ['', 'a', 'b', 'alice'],
    ['', '', 'b', 'bob'],
    ['', '', '', undefined],
  ] as const) {
    const inputs = inputsOf(
      { ...env, OS_CLOUD: variable },
      { cloud: cluster },
      flag === '' ? {} : { cloud: flag },
    )
    t.equal((await textsOf(inputs)).username, user)
  }
})

t.test('no clouds.yaml is sought where no cloud is named', async (t) => {
  const env = { OS_CLIENT_CONFIG_FILE: '/dev/null/none', OS_USERNAME: 'alice' }
  t.strictSame(await textsOf(inputsOf(env)), { username: 'alice' })
  t.throws(() => inputsOf({ ...env, OS_CLOUD: 'a' }), {
    code: 'FILE_UNREADABLE',
    message: /\/dev\/null\/none/,
  })
})

t.test('a cloud that is not in clouds.yaml is refused by name and file', async (t) => {
  const { OS_CLIENT_CONFIG_FILE } = cloudsOf(t)
  await t.rejects(inputsOf({ OS_CLIENT_CONFIG_FILE, OS_CLOUD: 'x' }).settings(), {
    code: 'CONFIG_INVALID',
    message: new RegExp(`cloud x .*${OS_CLIENT_CONFIG_FILE}`),
  })
})

t.test('what describes a cluster or a cloud names no file with secrets and no command', async (t) => {
  const secret = join(temporaryFolder(t), 'secret')
  writeFileSync(secret, 'not for Keystone')
  const local = Object.fromEntries(
    FLAGS.map(settingOf)
      .filter((name) => /_(file|command)$/.test(name))
      .map((name) => [name, secret]),
  )
  t.equal(Object.keys(local).length, 6)
  t.strictSame(await textsOf(inputsOf({}, { ...local, auth: { ...local, username: 'alice' } })), {
    username: 'alice',
  })
  const cloud = { clouds: { c: { ...local, auth: { ...local, username: 'alice' } } } }
  const { OS_CLIENT_CONFIG_FILE } = cloudsOf(t, JSON.stringify(cloud))
  t.strictSame(await textsOf(inputsOf({ OS_CLIENT_CONFIG_FILE, OS_CLOUD: 'c' })), {
    cloud: 'c',
    username: 'alice',
  })
})

t.test('of a cluster’s configuration texts are read, those of auth before others', async (t) => {
  for (const [config, expected] of [
    [{ username: 'outer', auth: { username: 'inner' } }, { username: 'inner' }],
    [{ username: 'outer', auth: [] }, { username: 'outer' }],
    [{ username: 5, password: '', project_id: null, auth: { token: true } }, {}],
    [{ tenant_name: 'old' }, { project_name: 'old' }],
    [{ tenant_name: 'old', project_name: 'new' }, { project_name: 'new' }],
    [{ auth: { tenant_id: 'old' } }, { project_id: 'old' }],
    [{ auth: { tenant_id: 'old', project_id: 'new' } }, { project_id: 'new' }],
    [undefined, {}],
    ['username', {}],
    [[{ username: 'x' }], {}],
  ] as const)
    t.strictSame(await textsOf(inputsOf({}, config)), expected as never, JSON.stringify(config))
})

t.test('a secret of a file takes the place of the file, from flag and variable', async (t) => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'secret')
  writeFileSync(path, 'of the file\nnext')
  for (const name of ['password', 'token', 'application-credential-secret'] as const) {
    const expected = { [settingOf(name)]: { text: 'of the file', from: `file ${path}` } }
    t.strictSame(await inputsOf({}, undefined, { [`${name}-file`]: path }).settings(), expected as never)
    const variable = `PORTCULLIS_${name.replaceAll('-', '_').toUpperCase()}_FILE`
    t.strictSame(await inputsOf({ [variable]: path }).settings(), expected as never)
  }
  t.throws(() => inputsOf({}, undefined, { 'token-file': join(folder, 'none') }), { code: 'FILE_UNREADABLE' })
})

t.test('a value that cannot be used is told by its source, whichever it is, and never quoted', async (t) => {
  const bad = 'secret:thing'
  const { OS_CLIENT_CONFIG_FILE } = cloudsOf(t, `clouds: {c: {auth: {auth_url: "${bad}"}}}`)
  const refused = (from: string) => ({
    code: 'CONFIG_INVALID',
    message: new RegExp(`^${from}: expected an http`),
  })
  t.throws(() => inputsOf({}, undefined, { 'keystone-url': bad }), refused('flag --keystone-url'))
  t.throws(() => inputsOf({ OS_AUTH_URL: bad }), refused('environment OS_AUTH_URL'))
  t.throws(() => inputsOf({}, { auth_url: bad }), refused('cluster configuration of the kubeconfig'))
  await t.rejects(
    inputsOf({ OS_CLIENT_CONFIG_FILE, OS_CLOUD: 'c' }).settings(),
    refused(`cloud c of ${OS_CLIENT_CONFIG_FILE}`),
  )
  t.throws(() => inputsOf({ OS_AUTH_URL: 'https://a/v3?x=secret' }), {
    code: 'CONFIG_INVALID',
    message: /^environment OS_AUTH_URL: expected[^?]*$/,
  })
})

t.test('the identity changes with whatever a token depends on', async (t) => {
  const [first, second] = [cloudsOf(t), cloudsOf(t)]
  writeFileSync(second.OS_CLIENT_CONFIG_FILE, 'clouds: {a: {auth: {username: mallory}}}')
  const third = cloudsOf(t)
  writeFileSync(join(third.folder, 'secure.yaml'), 'clouds: {a: {auth: {password: x}}}')
  const secrets = temporaryFolder(t)
  for (const name of ['one', 'two']) writeFileSync(join(secrets, name), name)
  const env = { OS_AUTH_URL: 'https://a/v3', OS_USERNAME: 'u', OS_PASSWORD: 'p', OS_PROJECT_NAME: 'x' }
  const cloud = (OS_CLOUD: string, { OS_CLIENT_CONFIG_FILE }: typeof first) => ({
    OS_CLOUD,
    OS_CLIENT_CONFIG_FILE,
  })
  const identities = [
    inputsOf(env),
    inputsOf({ ...env, OS_PASSWORD: 'q' }),
    inputsOf({ ...env, OS_USERNAME: 'v' }),
    inputsOf({ ...env, OS_PROJECT_NAME: 'y' }),
    inputsOf({ ...env, OS_AUTH_URL: 'https://b/v3' }),
    inputsOf({ ...env, OS_USER_DOMAIN_NAME: 'd' }),
    inputsOf({ ...env, OS_PROJECT_DOMAIN_NAME: 'd' }),
    inputsOf({ ...env, OS_CACERT: '/ca' }),
    inputsOf({ ...env, PORTCULLIS_PASSCODE_COMMAND: 'echo 1' }),
    inputsOf(env, undefined, { 'password-command': 'echo p' }),
    inputsOf(env, undefined, { 'password-file': join(secrets, 'one') }),
    inputsOf(env, undefined, { 'password-file': join(secrets, 'two') }),
    inputsOf({ ...env, OS_USERNAME: '', OS_USER_ID: 'u' }),
    // the same variables for two clusters, of two clouds
    inputsOf(env, { project_id: 'p1' }),
    inputsOf(env, { project_id: 'p2' }),
    inputsOf({}, { auth_url: 'https://a/v3' }),
    inputsOf({}, { auth_url: 'https://b/v3' }),
    inputsOf({ OS_AUTH_URL: 'https://a/v3' }),
    inputsOf(cloud('a', first)),
    inputsOf(cloud('b', first)),
    inputsOf(cloud('a', second)),
    inputsOf(cloud('a', third)),
    inputsOf(cloud('a', first), { auth_url: 'https://a/v3' }),
    inputsOf(cloud('a', first), { auth_url: 'https://b/v3' }),
  ].map(({ identity }) => identity)
  const twice = identities.filter((identity, index) => identities.indexOf(identity) !== index)
  t.same(twice, [])
})

t.test(
  'the identity is the same whoever gave a value, in whatever order, and with any passcode',
  async (t) => {
    const path = join(temporaryFolder(t), 'secret')
    writeFileSync(path, 'p\n')
    const expected = inputsOf({ OS_AUTH_URL: 'https://a/v3', OS_USERNAME: 'u', OS_PASSWORD: 'p' }).identity
    for (const inputs of [
      inputsOf({ OS_PASSWORD: 'p', OS_USERNAME: 'u', OS_AUTH_URL: 'https://a/v3' }),
      inputsOf({ OS_PASSWORD: 'p' }, undefined, { 'user-name': 'u', 'keystone-url': 'https://a/v3' }),
      inputsOf({ OS_AUTH_URL: 'https://a/v3', PORTCULLIS_USER_NAME: 'u' }, {}, { 'password-file': path }),
      inputsOf({ OS_AUTH_URL: 'https://a/v3', OS_USERNAME: 'u', OS_PASSWORD: 'p', OS_PASSCODE: '123456' }),
      inputsOf(
        { OS_AUTH_URL: 'https://a/v3', OS_USERNAME: 'u', OS_PASSWORD: 'p', HOME: '/x' },
        { other: 'x' },
      ),
    ])
      t.equal(inputs.identity, expected)
    t.equal(
      inputsOf({}, { auth: { username: 'u', passcode: '1' }, auth_url: 'https://a' }).identity,
      inputsOf({}, { auth_url: 'https://a', username: 'u', passcode: '2' }).identity,
    )
  },
)
