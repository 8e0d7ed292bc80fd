import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startServer } from '../../src/compose.ts'
import { readOpenStackSettings } from '../../src/config/openstack-credentials.ts'
import { readOptions } from '../../src/config/read-options.ts'
import { serveOptions } from '../../src/config/serve-options.ts'
import { kubeconfigAccess } from '../../src/kubernetes/kubeconfig.ts'
import { createLog } from '../../src/log.ts'
import { accountKubeconfig, exampleDeployment, exampleObjects } from '../support/example-deployment.ts'
import { login, type TestUser } from '../support/keystone-admin.ts'
import { startKubeApiserver } from '../support/kube-apiserver.ts'
import { startProgram } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { ask, JSON_TYPE, tokenReview } from '../support/wire.ts'

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}
interface RoleObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly rules: readonly Rule[]
}

const apiserver = await startKubeApiserver()
t.teardown(() => apiserver.stop())
const apply = async (objects: readonly object[], ...flags: string[]) => {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
  const { code, stderr } = await apiserver.kubectl(['apply', ...flags, '-f', '-'], { input })
  if (code !== 0) throw new Error(stderr)
  return stderr
}
const kubectl = async (...args: string[]) => {
  const { code, stdout, stderr } = await apiserver.kubectl(args)
  if (code !== 0) throw new Error(stderr)
  return stdout
}

// what the Deployment's files say, put up as its pods would find it
const admin = await realKeystone('fernet').admin()
const domain = await admin.createDomain()
const service = await admin.createUser()
await admin.grant(service, 'system', 'reader')
const container = exampleDeployment(t, { keystoneUrl: admin.url, service })
const read = (name: string) => readFileSync(join(container.folder, name), 'utf8')
const objects = exampleObjects(domain.id)
await apply(objects)
// what a controller fills in where there is one: roles that grant nothing could be bound by anybody
for (const role of ['edit', 'view'])
  await kubectl(
    ...['patch', 'clusterrole', role, '--type=merge', '-p'],
    JSON.stringify({ rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list'] }] }),
  )
const kubeconfig = await accountKubeconfig(apiserver, container.folder)
const env = { ...container.env, PORTCULLIS_KUBECONFIG: kubeconfig }

// ---- what the program does with its rights ------------------------------------------------------

const call = async (path: string, method: string, body?: object) => {
  const reply = await apiserver.request(path, {
    token: root,
    method,
    ...(body && { body: JSON.stringify(body) }),
  })
  if (reply.status >= 300 && reply.status !== 404 && reply.status !== 409)
    throw new Error(`${method} ${path}: ${reply.text}`)
  return reply.status === 200 ? JSON.parse(reply.text) : undefined
}
await kubectl('create', 'serviceaccount', 'deployment-root', '-n', 'kube-system')
await kubectl(
  ...['create', 'clusterrolebinding', 'deployment-root', '--clusterrole=cluster-admin'],
  '--serviceaccount=kube-system:deployment-root',
)
const root = (await kubectl('create', 'token', 'deployment-root', '-n', 'kube-system')).trim()

/** A user with both roles that the example binds, and a project whose namespace bears its id. */
async function member() {
  const [user, project] = [await admin.createUser(), await admin.createProject(domain.id)]
  await admin.grant(user, { project: project.id }, 'member')
  return { user, project: project.id }
}
const standing = [await member(), await member()] as const
const LEASE = '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/portcullis-reconciler'
const KINDS = {
  resourcequotas: '/api/v1',
  limitranges: '/api/v1',
  networkpolicies: '/apis/networking.k8s.io/v1',
}

/** Makes work for every right: things that are missing, changed and too many, and a project that nobody has seen. */
async function disturb(): Promise<{ user: TestUser; project: string }> {
  const [one, other] = standing.map(({ project }) => project) as [string, string]
  const owned = { 'app.kubernetes.io/managed-by': 'portcullis' }
  const change = async (path: string, edit: (object: { metadata: object }) => object) => {
    const found = await call(path, 'GET')
    if (found !== undefined) await call(path, 'PUT', edit(found))
  }
  await call(LEASE, 'DELETE')
  await change(`/api/v1/namespaces/${one}`, (object) => ({
    ...object,
    metadata: { ...object.metadata, labels: owned },
  }))
  const bindings = `/apis/rbac.authorization.k8s.io/v1/namespaces/${one}/rolebindings`
  await change(`${bindings}/${standing[0].user.id}_reader`, (object) => ({ ...object, subjects: [] }))
  const group = 'rbac.authorization.k8s.io'
  await call(bindings, 'POST', {
    metadata: { name: 'too-many', labels: owned },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'view' },
  })
  for (const [plural, api] of Object.entries(KINDS)) {
    const [path, elsewhere] = [one, other].map((name) => `${api}/namespaces/${name}/${plural}`) as [
      string,
      string,
    ]
    const [found] = (await call(path, 'GET'))?.items ?? []
    if (found === undefined) continue
    await call(`${path}/${found.metadata.name}`, 'PUT', { ...found, spec: EMPTY_SPECS[plural] })
    await call(path, 'POST', {
      metadata: { name: 'too-many', labels: owned },
      spec: EMPTY_SPECS[plural],
    })
    await call(`${elsewhere}/${found.metadata.name}`, 'DELETE')
  }
  await member()
  return await member()
}
const EMPTY_SPECS: Readonly<Record<string, object>> = {
  resourcequotas: { hard: { pods: '1' } },
  limitranges: { limits: [] },
  networkpolicies: { podSelector: {}, ingress: [{}] },
}

interface Running {
  readonly port: unknown
  readonly adminPort: unknown
  readonly log: () => readonly Record<string, unknown>[]
}

async function logIn({ port }: Running, { user, project }: { user: TestUser; project: string }) {
  const body = tokenReview(await login(admin.url, user, { project: { id: project } }))
  const tls = { ca: read('ca.crt'), cert: read('client.crt'), key: read('client.key') }
  const { text } = await ask(
    `https://127.0.0.1:${port}`,
    { method: 'POST', path: '/webhook', headers: JSON_TYPE, body },
    tls,
  )
  if (JSON.parse(text).status.authenticated !== true) throw new Error(text)
}

/** What health, log and metrics say of rights that are missing. */
async function complaints({ adminPort, log }: Running): Promise<readonly string[]> {
  const url = `http://127.0.0.1:${adminPort}`
  const [health, metrics] = [
    await ask(url, { path: '/readyz?verbose' }),
    await ask(url, { path: '/metrics' }),
  ]
  const said = [
    ...health.text.split('\n').filter((line) => line.startsWith('[!]')),
    ...log()
      .filter(({ level }) => level === 'warn' || level === 'error')
      .map((line) => JSON.stringify(line)),
  ].filter((line) => /forbidden|refuse/.test(line))
  return [
    ...said,
    ...(metrics.text.match(/^\w*kubernetes_calls_total\{operation="watch",outcome="refused"\} [1-9]/gm) ??
      []),
  ]
}

const reconciled = ({ log }: Running) => log().filter(({ msg }) => msg === 'Reconciled')
const renewals = async () => Number((await call(LEASE, 'GET'))?.metadata.resourceVersion ?? 0)

/**
 * Resolves with the complaints, or with none when everything was done: reconciled, the log-in served, the lease renewed.
 * Where complaints are expected it waits for them a little longer.
 */
async function outcome(
  running: Running,
  guest: { user: TestUser; project: string },
  expected: 'nothing' | 'complaints',
) {
  await logIn(running, guest)
  const first = await renewals()
  for (let tries = 0; tries < 400; tries++) {
    const found = await complaints(running)
    if (found.length > 0) return found
    const bound = await call(
      `/apis/rbac.authorization.k8s.io/v1/namespaces/${guest.project}/rolebindings/${guest.user.id}_member`,
      'GET',
    )
    if (reconciled(running).length > 0 && bound !== undefined && (await renewals()) > first) {
      if (expected === 'nothing' || tries > 200) return await complaints(running)
    }
    await sleep(25)
  }
  throw new Error(`neither done nor refused: ${JSON.stringify(running.log())}`)
}

t.test('the Deployment’s program can do all it has to with the rights of its service account', async (t) => {
  // the first round makes what later ones find changed
  for (const round of ['new', 'disturbed']) {
    const guest = await disturb()
    const program = startProgram(t, container.name, container.argv, env)
    const { port, adminPort } = await program.logged('Serving')
    t.same(await outcome({ port, adminPort, log: program.log }, guest, 'nothing'), [], round)
    program.child.kill('SIGTERM')
    t.equal(await program.exited, 0)
  }
  const [{ project }] = standing
  const namespace = JSON.parse(await kubectl('get', 'namespace', project, '-o', 'json'))
  t.equal(namespace.metadata.labels['pod-security.kubernetes.io/enforce'], 'baseline')
  t.match(await kubectl('get', 'rolebindings,quota,limits,netpol', '-n', project, '-o', 'name'), /_member/)
})

/** Every right by itself: one verb on one resource, of one name if the rule has names. */
function rightsOf({ rules }: RoleObject): readonly (Rule & { readonly rule: number; label: string })[] {
  return rules.flatMap((rule, index) =>
    rule.resources.flatMap((resource) =>
      (rule.resourceNames ?? [undefined]).flatMap((name) =>
        rule.verbs.map((verb) => ({
          ...{ rule: index, apiGroups: rule.apiGroups, resources: [resource], verbs: [verb] },
          ...(name !== undefined && { resourceNames: [name] }),
          label: `${verb} ${resource}${name === undefined ? '' : ` ${name}`}`,
        })),
      ),
    ),
  )
}

t.test('every right of the service account is needed: without it something is refused', async (t) => {
  const { values: config } = readOptions(serveOptions('portcullis'), { argv: container.argv.slice(1), env })
  const roles = objects.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole') as RoleObject[]
  for (const role of roles) {
    const rights = rightsOf(role)
    for (const [index, { label }] of rights.entries()) {
      const guest = await disturb()
      const rules = rights
        .filter((_, other) => other !== index)
        .map(({ rule: _, label: __, ...right }) => right)
      await call(pathOf(role), 'PUT', { ...role, rules })
      await refusedToUs(rights[index] as Rule, role)
      const lines: string[] = []
      const server = await startServer(config, admin.url, {
        clock: systemClock,
        log: createLog({
          level: 'info',
          destination: { write: (line: string) => void lines.push(line) },
        }),
        version: '0',
        openstack: () => readOpenStackSettings(env),
        clusterAccess: kubeconfigAccess(kubeconfig),
      })
      const running = { ...server, log: () => lines.map((line) => JSON.parse(line)) }
      try {
        t.not((await outcome(running, guest, 'complaints')).length, 0, label)
      } finally {
        await server.stop()
      }
    }
    await call(pathOf(role), 'PUT', role)
  }
})

function pathOf({ kind, metadata: { name, namespace } }: RoleObject): string {
  const within = namespace === undefined ? '' : `/namespaces/${namespace}`
  return `/apis/rbac.authorization.k8s.io/v1${within}/${kind.toLowerCase()}s/${name}`
}

/** Resolves when the API server has taken note that a right is gone. */
async function refusedToUs({ apiGroups, resources, resourceNames, verbs }: Rule, { metadata }: RoleObject) {
  const resourceAttributes = {
    group: apiGroups[0],
    resource: resources[0],
    verb: verbs[0],
    name: resourceNames?.[0],
    namespace: metadata.namespace,
  }
  for (;;) {
    const reply = await apiserver.request('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
      token: root,
      method: 'POST',
      body: JSON.stringify({
        spec: {
          user: 'system:serviceaccount:kube-system:portcullis',
          groups: ['system:serviceaccounts', 'system:authenticated'],
          resourceAttributes,
        },
      }),
    })
    if (JSON.parse(reply.text).status.allowed !== true) return
    await sleep(20)
  }
}
