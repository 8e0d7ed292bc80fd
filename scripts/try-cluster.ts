// `npm run try:cluster`: a kube-apiserver that asks Portcullis for everything, on a simulated OpenStack, to play with.
// It is set up with the files of examples/. Leaves nothing behind.
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse, stringify } from 'yaml'
import { exampleCluster } from '../test/support/example-cluster.ts'
import { createKeyProject, simulatedOpenStack } from '../test/support/kms-program.ts'
import { type KubeApiserver, startKubeApiserver } from '../test/support/kube-apiserver.ts'
import { testPort } from '../test/support/ports.ts'
import { runProgram } from '../test/support/program.ts'
import { runScript } from '../test/support/script.ts'
import { ROOT } from '../test/support/source-files.ts'
import { temporaryFolder } from '../test/support/temporary-folder.ts'

const PLACE = { apiPort: testPort(16463), etcdPort: testPort(12399) }
const RULES = `# everybody works in the namespace of the own project, and admins see everything but secrets
p, role:member, $own, -|apps, configmaps|pods|pods/log|deployments, *, *, *, allow
p, role:admin, *, *, !secrets, *, get|list|watch, *, allow
p, role:member, kube-system, -, configmaps, *, *, *, deny
`

const leftovers: (() => unknown)[] = []
const cleaner = { teardown: (run: () => unknown) => void leftovers.unshift(run) }
const stopped = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
})

async function start(): Promise<string> {
  console.log(
    'Starting etcd, kube-apiserver and Portcullis (the first time compiles for about 5 minutes) ...',
  )
  const { admin, barbican } = await simulatedOpenStack(cleaner)
  const keys = await createKeyProject(admin, barbican.url)
  const cache = temporaryFolder(cleaner)
  const users = await Promise.all(
    ['alice', 'bob'].map(async (name) => {
      const [user, project] = [await admin.createUser({ name }), await admin.createProject()]
      await admin.grant(user, { project: project.id }, 'member')
      const variables = {
        OS_AUTH_URL: admin.url,
        OS_USER_ID: user.id,
        OS_PASSWORD: user.password,
        OS_PROJECT_ID: project.id,
        // where its token is kept: not among those of whoever tries this
        XDG_CACHE_HOME: cache,
      }
      return { name, project: project.id, variables }
    }),
  )
  const cluster = await exampleCluster(cleaner, {
    keystoneUrl: admin.url,
    policies: { 'rules.csv': RULES },
    cloud: {
      region_name: 'RegionOne',
      auth: {
        auth_url: admin.url,
        user_id: keys.user.id,
        password: keys.user.password,
        project_id: keys.id,
      },
    },
  })
  await runProgram(
    cleaner,
    'portcullis',
    ['kms', 'rotate', '--key-name', 'kubernetes', '--activate-in', '2s'],
    keys.env,
  )
  const home = temporaryFolder(cleaner)
  cleaner.teardown(() =>
    runScript('test/apiserver/down.sh', { KUBERNETES_HOME: home, ETCD_PORT: PLACE.etcdPort }),
  )
  await cluster.startKms()
  await cluster.startWebhooks()
  const apiserver = await startKubeApiserver(cluster.settings, { ...PLACE, home })
  for (const { project } of users) await apiserver.kubectl(['create', 'namespace', project])
  const kubeconfig = join(cluster.folder, 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigOf(apiserver, users), { mode: 0o600 })
  const etcd = `http://127.0.0.1:${PLACE.etcdPort}/v3/kv/range`
  return `
Ready. kube-apiserver asks Portcullis who a token is, what its user may do, and to wrap its keys.
In another shell:

  export KUBECONFIG=${kubeconfig} PATH=${dirname(apiserver.kubectlPath)}:$PATH

Two users of two projects, each with the namespace that bears its id; kubectl logs in by itself (bin/client-keystone-auth):
  kubectl --context alice auth whoami
  kubectl --context alice create configmap mine
  kubectl --context alice get configmaps
  kubectl --context alice auth can-i create deployments.apps

Refused, and why:
  kubectl --context bob get configmaps --namespace ${users[0]?.project}
  kubectl --context alice get configmaps --namespace kube-system

A Secret, and what etcd holds of it:
  kubectl --context admin create secret generic treasure --from-literal=word=hidden
  curl -s ${etcd} -d '{"key":"${Buffer.from('/registry/secrets/default/treasure').toString('base64')}"}' | grep -o '"value":"[^"]*' | cut -c10- | base64 -d | head -c 26

Change the rules and ask again (a change holds after a second or two):
  ${join(cluster.folder, 'policies/rules.csv')}

What Portcullis counted:
  curl -s ${cluster.adminUrl}/metrics | grep ^portcullis_subject
  curl -s '${cluster.kmsAdminUrl}/readyz?verbose'

Ctrl-C ends everything.
`
}

function kubeconfigOf(
  { url, ca, adminKubeconfig }: KubeApiserver,
  users: readonly { name: string; project: string; variables: Readonly<Record<string, string>> }[],
) {
  const cluster = { server: url, 'certificate-authority-data': Buffer.from(ca).toString('base64') }
  const [admin] = parse(readFileSync(adminKubeconfig, 'utf8')).users
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'try', cluster }],
    users: [
      ...users.map(({ name, variables }) => ({ name, user: { exec: plugin(variables) } })),
      { ...admin, name: 'admin' },
    ],
    contexts: [...users, { name: 'admin', project: 'default' }].map(({ name, project }) => ({
      name,
      context: { cluster: 'try', user: name, namespace: project },
    })),
    'current-context': 'alice',
  })
}

/** kubectl's way to a token: it runs our program, which logs in to Keystone. */
const plugin = (variables: Readonly<Record<string, string>>) => ({
  apiVersion: 'client.authentication.k8s.io/v1',
  command: join(ROOT, 'bin/client-keystone-auth'),
  env: Object.entries(variables).map(([name, value]) => ({ name, value })),
  interactiveMode: 'Never',
})

let code = 0
try {
  const page = await Promise.race([start(), stopped])
  if (page !== undefined) {
    console.log(page)
    await stopped
  }
  console.log('Stopping ...')
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  code = 1
}
for (const clean of leftovers)
  try {
    await clean()
  } catch (error) {
    console.error(error)
    code = 1
  }
process.exit(code)
