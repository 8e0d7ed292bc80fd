import { chmodSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { kubeconfigPaths, readKubeconfig, writeKubeconfig } from '../../src/exec/kubeconfig.ts'
import { readYaml } from '../../src/files/yaml.ts'
import { modeOf } from '../support/file-calls.ts'
import { EDGE, GROWN, LAB } from '../support/kubeconfigs.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const EXEC = { command: 'portcullis', args: ['token', '--project-name', 'no'], env: { OS_CLOUD: 'lab' } }
const ENTRIES = {
  user: { name: 'keystone', exec: EXEC },
  context: { name: 'keystone@lab', cluster: 'lab', user: 'keystone', namespace: undefined },
}
const STANZA = {
  apiVersion: 'client.authentication.k8s.io/v1',
  command: 'portcullis',
  args: ['token', '--project-name', 'no'],
  env: [{ name: 'OS_CLOUD', value: 'lab' }],
  interactiveMode: 'IfAvailable',
  provideClusterInfo: true,
}

function file(t: Test, text: string, name = 'config'): string {
  const path = join(temporaryFolder(t), name)
  writeFileSync(path, text)
  return path
}

t.test('a missing kubeconfig is made, folder and all, for its owner alone', async (t) => {
  const path = join(temporaryFolder(t), '.kube/config')
  t.same(
    writeKubeconfig([path], {
      ...ENTRIES,
      cluster: { name: 'lab', server: 'https://lab:6443', certificateAuthority: 'PEM' },
    }),
    [path],
  )
  t.same(readYaml(readFileSync(path, 'utf8')), {
    apiVersion: 'v1',
    kind: 'Config',
    users: [{ name: 'keystone', user: { exec: STANZA } }],
    contexts: [{ name: 'keystone@lab', context: { cluster: 'lab', user: 'keystone' } }],
    clusters: [
      { name: 'lab', cluster: { server: 'https://lab:6443', 'certificate-authority-data': 'UEVN' } },
    ],
    'current-context': 'keystone@lab',
  })
  t.equal(modeOf(path), 0o600)
  t.equal(modeOf(join(path, '..')), 0o700)
  t.notOk(existsSync(`${path}.portcullis-backup`))
  t.match(readFileSync(path, 'utf8'), /^- "no"$|- "no"/m, 'kubectl’s YAML would read a bare no as false')
})

t.test('what is not ours stays: comments, order, other keys, the namespace of the context', async (t) => {
  const path = file(t, GROWN)
  writeKubeconfig([path], ENTRIES)
  const lines = readFileSync(path, 'utf8').split('\n')
  const gone = GROWN.split('\n').filter((line) => !lines.includes(line))
  t.same(gone, ['    user: admin', 'current-context: admin@lab'])
  t.same(readKubeconfig([path]).context('keystone@lab'), {
    cluster: 'lab',
    user: 'keystone',
    namespace: 'team',
  })
  t.equal(readKubeconfig([path]).currentContext, 'keystone@lab')
  t.equal(readFileSync(`${path}.portcullis-backup`, 'utf8'), GROWN, 'the old one is beside it')
  t.equal(modeOf(`${path}.portcullis-backup`), 0o600)
  const once = readFileSync(path, 'utf8')
  t.same(writeKubeconfig([path], ENTRIES), [], 'a second time nothing changes')
  t.equal(readFileSync(path, 'utf8'), once)
})

t.test(
  'of several files each entry goes where one of its name is, and the rest into the first that exists',
  async (t) => {
    const missing = join(temporaryFolder(t), 'none')
    const first = file(t, 'apiVersion: v1\nkind: Config\nusers: null\nclusters: []\n')
    const second = file(t, GROWN)
    const third = file(t, '# untouched\nkind: Config\nusers:\n  - {name: z, user: {token: t}}\n')
    const paths = [missing, first, second, third]
    t.same(writeKubeconfig(paths, ENTRIES), [first, second])
    t.match(readYaml(readFileSync(first, 'utf8')), { users: [{ name: 'keystone' }] })
    t.match(readYaml(readFileSync(second, 'utf8')), { 'current-context': 'keystone@lab' })
    t.notOk(existsSync(missing))
    const merged = readKubeconfig(paths)
    t.same(merged.exec('keystone'), EXEC)
    t.same(merged.clusters, ['lab'])
    t.equal(merged.exec('admin'), undefined)
  },
)

t.test('KUBECONFIG names the files, else it is the one in the home folder', async (t) => {
  t.same(kubeconfigPaths('/x', '/a:/b', '/home/me'), ['/x'])
  t.same(kubeconfigPaths(undefined, '/a::/b:/a', '/home/me'), ['/a', '/b'])
  for (const variable of ['', ':', undefined])
    t.same(kubeconfigPaths(undefined, variable, '/home/me'), ['/home/me/.kube/config'])
})

t.test(
  'a kubeconfig that cannot be understood is refused with line and column, and stays as it was',
  async (t) => {
    for (const [text, reason] of [
      ['users:\n- name: a\n  user: {\n', /config: .*line \d+, column \d+/],
      ['users:\n- name: a\n   user: b\n', /line 2, column/],
      ['- a\n', /no kubeconfig/],
      ['kind: Pod\n', /no kubeconfig/],
      ['contexts: &none []\nclusters: *none\n', /config: .*alias/],
      ['users: {a: b}\n', /users is no list/],
      ['contexts: {a: b}\n', /contexts is no list/],
      ['clusters: a\n', /clusters is no list/],
      [
        'users:\n- name: keystone\n  user: {exec: {command: x}, token: abc}\n',
        /^[^:]*: user keystone has other credentials already.*--name/,
      ],
      ['kind: Config\n---\nkind: Config\n', /config: /],
      [
        'users:\n- name: keystone\n  user: {client-certificate: /x}\n',
        /user keystone has other credentials already/,
      ],
    ] as const) {
      const path = file(t, text)
      t.throws(() => writeKubeconfig([path], ENTRIES), { code: 'KUBECONFIG_UNUSABLE', message: reason }, text)
      t.equal(readFileSync(path, 'utf8'), text)
      t.notOk(existsSync(`${path}.lock`), 'the lock is taken away')
    }
  },
)

t.test('while kubectl config holds its lock nothing is written', async (t) => {
  const path = file(t, GROWN)
  writeFileSync(`${path}.lock`, '')
  t.throws(() => writeKubeconfig([path], ENTRIES), { code: 'KUBECONFIG_UNUSABLE', message: /config\.lock/ })
  t.equal(readFileSync(path, 'utf8'), GROWN)
  t.ok(existsSync(`${path}.lock`), 'and the lock stays')
})

t.test('a symbolic link stays one, and a JSON kubeconfig stays JSON', async (t) => {
  const target = file(t, '{"kind": "Config", "users": [{"name": "a", "user": {"exec": {"command": "x"}}}]}')
  const link = join(temporaryFolder(t), 'config')
  symlinkSync(target, link)
  chmodSync(target, 0o644)
  writeKubeconfig([link], ENTRIES)
  t.match(JSON.parse(readFileSync(target, 'utf8')), { users: [{ name: 'a' }, { name: 'keystone' }] })
  t.equal(modeOf(target), 0o600)
})

t.test('of entries with one name the first one counts, and what is incomplete is not there', async (t) => {
  const read = readKubeconfig([file(t, 'current-context: ""\n'), file(t, LAB), file(t, EDGE)])
  t.equal(read.currentContext, 'two')
  t.strictSame(read.clusters, ['lab', 'bare', 'edge'])
  t.strictSame(
    ['one', 'two', 'no-user', 'no-cluster', 'empty', 'none'].map((name) => read.context(name)),
    [
      { cluster: 'lab', user: 'alice', namespace: 'web' },
      { cluster: 'edge', user: 'dave', namespace: undefined },
      ...[undefined, undefined, undefined, undefined],
    ],
  )
  t.strictSame(
    ['lab', 'edge', 'bare', 'none'].map((name) => read.clusterConfig(name)),
    [{ auth_url: 'https://a/v3' }, { auth_url: 'https://b/v3' }, undefined, undefined],
    'each cluster has its own configuration',
  )
  const env = { OS_CLOUD: 'lab', EMPTY: '' }
  t.strictSame(
    ['alice', 'bob', 'odd', 'carol', 'dave', 'none'].map((name) => read.exec(name)),
    [
      { command: 'portcullis', args: ['token', '--trust-id', '5'], env },
      { command: 'other', args: [], env: {} },
      { command: 'other', args: [], env: {} },
      ...[undefined, undefined, undefined],
    ],
  )
  t.equal(readKubeconfig([file(t, EDGE)]).clusterConfig('lab'), undefined)
})

t.test('an empty file becomes a kubeconfig, and what is not given is not written', async (t) => {
  const path = file(t, '# nothing yet\n')
  const cluster = { name: 'lab', server: undefined, certificateAuthority: undefined }
  const user = { name: 'keystone', exec: { ...EXEC, env: {} } }
  t.same(writeKubeconfig([path], { ...ENTRIES, user, cluster }), [path])
  const { env: _, ...stanza } = STANZA
  t.strictSame(readYaml(readFileSync(path, 'utf8')), {
    apiVersion: 'v1',
    kind: 'Config',
    users: [{ name: 'keystone', user: { exec: stanza } }],
    contexts: [{ name: 'keystone@lab', context: { cluster: 'lab', user: 'keystone' } }],
    clusters: [{ name: 'lab', cluster: {} }],
    'current-context': 'keystone@lab',
  })
})

t.test('entries of later files are changed there, each key for itself', async (t) => {
  const [first, second] = [file(t, 'kind: Config\n'), file(t, LAB)]
  const context = { name: 'one', cluster: 'edge', user: 'bob', namespace: 'db' }
  const user = { name: 'bob', exec: EXEC }
  const cluster = { name: 'lab', server: 'https://new', certificateAuthority: undefined }
  t.same(writeKubeconfig([first, second], { user, context, cluster }), [second])
  const read = readKubeconfig([second])
  t.equal(read.currentContext, 'one')
  t.strictSame(read.context('one'), { cluster: 'edge', user: 'bob', namespace: 'db' })
  t.strictSame(read.exec('bob'), EXEC)
  t.strictSame(read.clusterConfig('lab'), { auth_url: 'https://a/v3' }, 'its configuration stays')
  t.match(readFileSync(second, 'utf8'), /server: https:\/\/new/)
  for (const name of ['empty', 'scalar']) {
    writeKubeconfig([second], { user, context: { ...ENTRIES.context, name } })
    t.strictSame(readKubeconfig([second]).context(name), {
      cluster: 'lab',
      user: 'keystone',
      namespace: undefined,
    })
  }
})
