import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { exampleCluster } from '../support/example-cluster.ts'
import { exampleDocuments } from '../support/examples.ts'
import { type KeystoneAdmin, login } from '../support/keystone-admin.ts'
import { createKeyProject } from '../support/kms-program.ts'
import { startKubeApiserver } from '../support/kube-apiserver.ts'
import { runProgram } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { ask } from '../support/wire.ts'

const RULES = `# members work in the namespace of their project
p, role:member, $own, -, pods|pods/log|configmaps, *, get|list|create|delete, *, allow
p, role:member, shared, -, configmaps, *, list, label:team=a, allow
p, role:member, kube-system, -, secrets, *, *, *, deny
`
const PROVIDER = 'k8s:enc:kms:v2:portcullis:'

// one control plane for all tests of this file: kube-apiserver, a real Keystone and Barbican, Portcullis for all three
const openstack = realKeystone('fernet')
const admin = await openstack.admin()
const keys = await createKeyProject(admin, openstack.barbicanUrl)
const cluster = await exampleCluster(t, {
  keystoneUrl: admin.url,
  policies: { 'rules.csv': RULES },
  cloud: {
    region_name: keys.env.OS_REGION_NAME,
    auth: {
      auth_url: admin.url,
      user_id: keys.user.id,
      password: keys.user.password,
      project_id: keys.id,
    },
  },
})

async function member(of: KeystoneAdmin) {
  const [user, project] = [await of.createUser(), await of.createProject()]
  await of.grant(user, { project: project.id }, 'member')
  return { user, project, token: await login(of.url, user, { project: { id: project.id } }) }
}
const [alice, bob] = [await member(admin), await member(admin)]
const rotate = async (inTime: string) => {
  const { code, stdout, stderr } = await runProgram(
    t,
    'portcullis',
    ['kms', 'rotate', '--key-name', 'kubernetes', '--activate-in', inTime],
    keys.env,
  )
  if (code !== 0) throw new Error(stderr)
  return stdout.split(' ')[0] as string
}
const firstKey = await rotate('2s')

// kube-apiserver comes first and finds neither the webhooks nor the KMS plugin: it must not need them to start
const starting = startKubeApiserver(cluster.settings)
await sleep(3000)
let kms = await cluster.startKms()
let webhooks = await cluster.startWebhooks()
const apiserver = await starting
t.teardown(async () => {
  await apiserver.kubectl(['delete', 'secret', '--all'])
  await apiserver.stop()
})
const kubectl = (token: string, ...args: string[]) => apiserver.kubectl(args, { token })
const own = ({ project }: typeof alice, what: string) => `/api/v1/namespaces/${project.id}/${what}`
for (const namespace of [alice.project.id, bob.project.id, 'shared'])
  await apiserver.kubectl(['create', 'namespace', namespace])

/** Resolves when kube-apiserver answers a request with this status. */
async function answered(status: number, request: () => Promise<{ status: number }>) {
  for (let tries = 0; ; tries++) {
    const got = await request().catch(() => ({ status: 0 }))
    if (got.status === status) return
    if (tries > 150) throw new Error(`still ${got.status}, not ${status}`)
    await sleep(200)
  }
}

t.test('a control plane that came up before Portcullis answers its users once it is there', async (t) => {
  await answered(200, () => apiserver.request(own(alice, 'configmaps'), { token: alice.token }))
  const whoami = await kubectl(alice.token, 'auth', 'whoami', '-o', 'json')
  t.match(JSON.parse(whoami.stdout).status.userInfo, {
    username: `keystone:user:default/${alice.user.name}`,
    uid: alice.user.id,
  })
})

t.test('kubectl is allowed what the policy allows, and shown our reason for the rest', async (t) => {
  const inOwn = (...args: string[]) => kubectl(alice.token, '-n', alice.project.id, ...args)
  t.match(await inOwn('create', 'configmap', 'made'), { code: 0 })
  t.match(await inOwn('get', 'configmaps'), { code: 0, stdout: /made/ })
  t.match(await kubectl(bob.token, 'get', 'configmaps', '-n', alice.project.id), {
    code: 1,
    stderr: new RegExp(
      `no rule for roles .* in project ${bob.project.name} allows list on configmaps in namespace ${alice.project.id}`,
    ),
  })
  t.match(await kubectl(alice.token, 'get', 'secrets', '-n', 'kube-system'), {
    code: 1,
    stderr: /denied by rules.csv:4/,
  })
  t.match(await inOwn('auth', 'can-i', 'create', 'configmaps'), { code: 0, stdout: /^yes/ })
  t.match(await inOwn('auth', 'can-i', 'create', 'deployments.apps'), { code: 1, stdout: /^no/ })
  await apiserver.kubectl(['run', 'web', '--image=web', '-n', alice.project.id])
  t.match(await inOwn('get', 'pods'), { code: 0, stdout: /web/ })
  t.match(await inOwn('exec', 'web', '--', 'ls'), {
    code: 1,
    stderr: /allows (create|get) on pods\/exec/,
  })
  t.match(await kubectl(alice.token, 'get', 'configmaps', '-n', 'shared', '-l', 'team=a'), { code: 0 })
  t.match(await kubectl(alice.token, 'get', 'configmaps', '-n', 'shared', '-l', 'team=b'), {
    code: 1,
    stderr: /no rule for/,
  })
})

t.test('requests of the cluster’s own parts never come to us', async (t) => {
  const asked = async () => {
    const { text } = await ask(cluster.adminUrl, { path: '/metrics' })
    const counts = [...text.matchAll(/^portcullis_subject_access_reviews_total\{.*\} (\d+)$/gm)]
    return counts.reduce((sum, match) => sum + Number(match[1]), 0)
  }
  const as = (...args: string[]) => apiserver.kubectl(['get', 'configmaps', '-n', 'kube-system', ...args])
  const before = await asked()
  for (const who of [
    ['--as=system:kube-controller-manager'],
    ['--as=system:node:n1', '--as-group=system:nodes'],
    ['--as=system:anonymous', '--as-group=system:unauthenticated'],
    ['--as=kubernetes-admin', '--as-group=kubeadm:cluster-admins'],
    ['--as=system:serviceaccount:kube-system:portcullis', '--as-group=system:serviceaccounts:kube-system'],
  ])
    await as(...who)
  await apiserver.request('/api/v1/nodes')
  t.equal(await asked(), before)
  await as(
    '--as=system:serviceaccount:shared:some',
    '--as-group=system:serviceaccounts',
    '--as-group=system:authenticated',
  )
  t.equal(await asked(), before + 1, 'a service account of somebody’s namespace does')
})

t.test('the probes of the static pods find what they look for', async (t) => {
  for (const path of ['static-pods/portcullis.yaml', 'static-pods/portcullis-kms.yaml']) {
    const [{ args, livenessProbe, readinessProbe }] = exampleDocuments(path)[0].spec.containers
    for (const { httpGet } of [livenessProbe, readinessProbe].filter((probe) => probe !== undefined)) {
      const address = `${httpGet.host}:${httpGet.port}`
      t.ok(args.includes(`--admin-listen=${address}`), `${path}: ${httpGet.path}`)
      t.equal((await ask(`http://${cluster.fill(address)}`, { path: httpGet.path })).status, 200)
    }
  }
})

const stored = async (name: string) =>
  ((await apiserver.etcdGet(`/registry/secrets/default/${name}`)) ?? Buffer.alloc(0)).toString('latin1')
const create = (name: string) =>
  apiserver.kubectl(['create', 'secret', 'generic', name, `--from-literal=word=${name}-word`])
const wordOf = async (name: string) =>
  Buffer.from(
    (await apiserver.kubectl(['get', 'secret', name, '-o', 'jsonpath={.data.word}'])).stdout,
    'base64',
  ).toString()

t.test(
  'a rotation reaches every new Secret, kubectl replace the old ones, and then nobody reads the old key',
  async (t) => {
    t.match(await create('old'), { code: 0 })
    t.ok((await stored('old')).startsWith(PROVIDER))
    t.ok((await stored('old')).includes(firstKey))
    const next = await rotate('3s')
    for (let name = 0; ; name++) {
      // a probe makes kube-apiserver look at Status before its minute is over
      await apiserver.kubectl(['get', '--raw', '/readyz/kms-providers'])
      await create(`new-${name}`)
      if ((await stored(`new-${name}`)).includes(next)) break
      if (name > 60) return t.fail('the new key was never used')
      await sleep(500)
    }
    t.equal(await wordOf('old'), 'old-word', 'what the old key wrote is readable')
    const { stdout } = await apiserver.kubectl(['get', 'secrets', '-A', '-o', 'json'])
    t.match(await apiserver.kubectl(['replace', '-f', '-'], { input: stdout }), { code: 0 })
    await apiserver.restart()
    t.equal(await wordOf('old'), 'old-word', 'readable after a restart')
    t.match(await apiserver.kubectl(['get', 'secrets', '-A']), { code: 0, stdout: /new-0/ })
    const { stdout: metrics } = await apiserver.kubectl(['get', '--raw', '/metrics'])
    const hash = (id: string) => `sha256:${createHash('sha256').update(id).digest('hex')}`
    const read = metrics
      .split('\n')
      .filter((line) =>
        /^apiserver_envelope_encryption_key_id_hash_total.*transformation_type="from_storage"/.test(line),
      )
    t.ok(
      read.some((line) => line.includes(hash(next))),
      'the new key is read',
    )
    t.notOk(
      read.some((line) => line.includes(hash(firstKey))),
      'the old one is not',
    )
  },
)

t.test('restarts of each part under load heal, and nothing is ever allowed against the policy', async (t) => {
  const seen: { at: number; who: string; status: number }[] = []
  let loading = true
  const load = async (who: string, request: () => Promise<{ status: number }>) => {
    while (loading) {
      const { status } = await request().catch(() => ({ status: 0 }))
      seen.push({ at: Date.now(), who, status })
      await sleep(20)
    }
  }
  const send = (token: string, path: string) => () => apiserver.request(path, { token })
  const allowed = send(alice.token, own(alice, 'configmaps'))
  const written = async (number: number) => {
    const body = JSON.stringify({ metadata: { name: `load-${number}` } })
    return apiserver.request('/api/v1/namespaces/default/secrets', {
      token: writer,
      method: 'POST',
      body,
    })
  }
  await apiserver.kubectl(['create', 'serviceaccount', 'writer', '-n', 'kube-system'])
  await apiserver.kubectl([
    ...['create', 'clusterrolebinding', 'writer', '--clusterrole=cluster-admin'],
    '--serviceaccount=kube-system:writer',
  ])
  const writer = (await apiserver.kubectl(['create', 'token', 'writer', '-n', 'kube-system'])).stdout.trim()
  let number = 0
  const loads = [
    load('allowed', allowed),
    load('foreign', send(bob.token, own(alice, 'configmaps'))),
    load('denied', send(alice.token, '/api/v1/namespaces/kube-system/secrets')),
    load('unknown', send('gAAAAAno-such-token', own(alice, 'configmaps'))),
    load('written', () => written(number++)),
  ]
  const healed = async (what: string) => {
    await answered(200, allowed)
    await answered(201, () => written(number++))
    const from = Date.now()
    await sleep(1500)
    const after = seen.filter(({ at }) => at > from)
    for (const [who, status] of [
      ['allowed', 200],
      ['foreign', 403],
      ['denied', 403],
      ['unknown', 401],
      ['written', 201],
    ] as const) {
      const statuses = new Set(after.filter((one) => one.who === who).map((one) => one.status))
      t.same([...statuses], [status], `${who} after ${what}`)
    }
  }
  await healed('nothing')
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    webhooks.child.kill(signal)
    await webhooks.exited
    // longer than kube-apiserver remembers our decisions
    await sleep(2500)
    webhooks = await cluster.startWebhooks()
    await healed(`the webhooks were away by ${signal}`)
    kms.child.kill(signal)
    await kms.exited
    kms = await cluster.startKms()
    await healed(`the KMS plugin was away by ${signal}`)
  }
  await apiserver.restart()
  await healed('kube-apiserver was away')
  loading = false
  await Promise.all(loads)
  const wrong = seen.filter(
    ({ who, status }) => ['foreign', 'denied', 'unknown'].includes(who) && status >= 200 && status < 300,
  )
  t.same(wrong, [], `nothing against the policy in ${seen.length} requests`)
  t.ok(
    seen.some(({ who, status }) => who === 'allowed' && status !== 200),
    'the restarts were felt',
  )
})
