import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openClientSession } from '../../src/commands/client-session.ts'
import { chooseCluster } from '../../src/commands/login-cluster.ts'
import type { CommandWorld } from '../../src/commands/world.ts'
import { loginCommandOptions } from '../../src/config/client-options.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const stanza = (command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) => ({
  exec: { command, args, env: Object.entries(env).map(([name, value]) => ({ name, value })) },
})
const cluster = (name: string) => ({
  name,
  cluster: {
    server: `https://${name}`,
    extensions: [
      { name: 'client.authentication.k8s.io/exec', extension: { auth_url: `https://keystone.${name}/v3` } },
    ],
  },
})
const CLOUDS = { OS_CLIENT_CONFIG_FILE: '/saved/clouds.yaml' }

/** A kubeconfig of two clusters and two logins of ours, and of one that is not; the first one is current. */
function session(
  t: Test,
  argv: readonly string[] = [],
  env: CommandWorld['env'] = {},
  clusters = ['one', 'two'],
) {
  const folder = temporaryFolder(t)
  const kubeconfig = join(folder, 'kubeconfig')
  const users = {
    one: stanza('portcullis', ['token', '--user-id=saved-one', '--project-id=p1'], CLOUDS),
    two: stanza('/usr/bin/client-keystone-auth', ['--user-id=saved-two']),
    other: stanza('portcullis', ['completion', '--user-id=other'], CLOUDS),
  }
  const file = {
    clusters: clusters.map(cluster),
    users: Object.entries(users).map(([name, user]) => ({ name, user })),
    contexts: Object.keys(users).map((user) => ({
      name: user,
      context: { cluster: user === 'two' ? 'two' : 'one', user },
    })),
    'current-context': 'one',
  }
  writeFileSync(kubeconfig, JSON.stringify(file))
  const world = {
    ...{ program: 'portcullis', version: '0', executable: '/bin/portcullis', stopped: new Promise(() => {}) },
    env: { KUBECONFIG: kubeconfig, XDG_CACHE_HOME: folder, ...env },
    complain: () => {},
    input: { isTTY: false },
  } as unknown as CommandWorld
  return { opened: openClientSession(loginCommandOptions, argv, world), world, folder }
}

const settings = async (t: Test, argv: readonly string[] = [], env: CommandWorld['env'] = {}) => {
  const { user_id, project_id, auth_url } = await session(t, argv, env).opened.inputs().settings()
  return [user_id?.text, project_id?.text, auth_url?.text]
}

t.test('a context that is named beats the current one, and brings its user and its cluster', async (t) => {
  t.strictSame(await settings(t), ['saved-one', 'p1', 'https://keystone.one/v3'])
  t.strictSame(await settings(t, ['--context', 'two']), ['saved-two', undefined, 'https://keystone.two/v3'])
  t.strictSame(await settings(t, ['--context', 'other']), [undefined, undefined, 'https://keystone.one/v3'])
  t.throws(() => session(t, ['--context', 'three']), { code: 'CONFIG_INVALID', message: /no context three/ })
})

t.test('a flag beats what the kubeconfig has saved, and that beats a variable', async (t) => {
  const env = { OS_USER_ID: 'variable', OS_PROJECT_ID: 'variable' }
  t.strictSame(await settings(t, ['--project-id', 'flag'], env), [
    'saved-one',
    'flag',
    'https://keystone.one/v3',
  ])
  t.strictSame(await settings(t, ['--context', 'other'], env), [
    'variable',
    'variable',
    'https://keystone.one/v3',
  ])
})

t.test(
  'variables of a saved login beat those of the shell, as under kubectl; another stanza’s do not count',
  async (t) => {
    const env = { OS_CLIENT_CONFIG_FILE: '/mine/clouds.yaml' }
    t.equal(session(t, [], env).opened.env.OS_CLIENT_CONFIG_FILE, '/saved/clouds.yaml')
    t.equal(session(t, ['--context', 'other'], env).opened.env.OS_CLIENT_CONFIG_FILE, '/mine/clouds.yaml')
  },
)

t.test('the deadline is that of --keystone-timeout', async (t) => {
  t.equal(session(t).opened.deadlineMs, 10_000)
  t.equal(session(t, ['--keystone-timeout', '3s']).opened.deadlineMs, 3000)
})

t.test(
  'the cluster is the one that is named, that of the context, or the only one; else it is a fault',
  async (t) => {
    const chosen = (argv: readonly string[], clusters?: string[]) => {
      const { opened, world } = session(t, argv, {}, clusters)
      return chooseCluster(opened, world)
    }
    t.strictSame(await chosen(['--cluster', 'two']), { name: 'two' })
    t.strictSame(await chosen(['--context', 'two']), { name: 'two' })
    const elsewhere = (kubeconfig: object) => {
      const path = join(temporaryFolder(t), 'other')
      writeFileSync(path, JSON.stringify(kubeconfig))
      return chosen(['--kubeconfig', path])
    }
    t.strictSame(await elsewhere({ clusters: [cluster('only')] }), { name: 'only' })
    for (const clusters of [[], [cluster('one'), cluster('two')]])
      await t.rejects(elsewhere({ clusters }), { code: 'CONFIG_INVALID', message: /or --server/ })
    await t.rejects(chosen(['--cluster', 'three']), { code: 'CONFIG_INVALID', message: /three is not in/ })
    t.strictSame(await chosen(['--server', 'https://k8s.example:6443']), {
      name: 'k8s.example:6443',
      entry: { server: 'https://k8s.example:6443', certificateAuthority: undefined },
    })
  },
)

t.test('the authorities of a cluster are certificates, never a private key', async (t) => {
  const pem = (what: string) => `-----BEGIN ${what}-----\nMII=\n-----END ${what}-----\n`
  const folder = t.testdir({ 'ca.crt': pem('CERTIFICATE'), 'ca.key': pem('PRIVATE KEY') })
  const choose = (name: string) => {
    const { opened, world } = session(t, ['--cluster', 'two', '--certificate-authority', join(folder, name)])
    return chooseCluster(opened, world)
  }
  t.strictSame(await choose('ca.crt'), {
    name: 'two',
    entry: { server: undefined, certificateAuthority: pem('CERTIFICATE') },
  })
  await t.rejects(choose('ca.key'), { code: 'CONFIG_INVALID', message: /holds no certificate in PEM/ })
})
