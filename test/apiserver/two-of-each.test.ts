import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import {
  accountKubeconfig,
  type ExampleDeployment,
  exampleDeployment,
  exampleObjects,
} from '../support/example-deployment.ts'
import { login } from '../support/keystone-admin.ts'
import { type KubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts'
import { testPort } from '../support/ports.ts'
import { type Program, startProgram } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { until } from '../support/until.ts'

const USERS = 200
const PROJECTS = 20

const admin = await realKeystone('fernet').admin()
const service = await admin.createUser()
await admin.grant(service, 'system', 'reader')
const domain = await admin.createDomain()
// a Keystone without any role assignment is not believed
await admin.grant(await admin.createUser(), { project: (await admin.createProject(domain.id)).id }, 'member')

// two replicas, and two API servers on one store, each with a replica of its own
const deployments = [testPort(16547), testPort(16548)].map((port) =>
  exampleDeployment(t, { keystoneUrl: admin.url, service, port }),
) as [ExampleDeployment, ExampleDeployment]
const first = await startKubeApiserver({ tokenWebhook: deployments[0].tokenWebhook })
const home = temporaryFolder(t)
cpSync(join(process.env.KUBERNETES_HOME ?? '', 'pki'), join(home, 'pki'), { recursive: true })
const place = { home, apiPort: testPort(16446), sharesEtcd: true }
const second = await startKubeApiserver({ tokenWebhook: deployments[1].tokenWebhook }, place)
const apiservers = [first, second]
t.teardown(() => Promise.all(apiservers.map((apiserver) => apiserver.stop())))
const kubectl = async (args: readonly string[], input?: string) => {
  const { code, stdout, stderr } = await first.kubectl(args, input === undefined ? {} : { input })
  if (code !== 0) throw new Error(stderr)
  return stdout
}

await kubectl(
  ['apply', '-f', '-'],
  JSON.stringify({ apiVersion: 'v1', kind: 'List', items: exampleObjects(domain.id) }),
)

const replicas = await Promise.all(
  deployments.map(async ({ folder, name, argv, env }, index) => {
    const kubeconfig = await accountKubeconfig(apiservers[index] as KubeApiserver, folder)
    const program = startProgram(t, name, argv, {
      ...env,
      PORTCULLIS_KUBECONFIG: kubeconfig,
      PORTCULLIS_LEASE_DURATION: '5s',
      PORTCULLIS_SYNC_INTERVAL: '5s',
    })
    await program.logged('Serving')
    return program
  }),
)

/** Whether the last that a replica said of it is that it leads. */
const leading = (program: Program) =>
  program.log().findLast(({ msg }) => msg === 'Leads' || msg === 'Leads no longer')?.msg === 'Leads'
const complaints = (program: Program) =>
  program.log().filter(({ level }) => level === 'error' || level === 'fatal')

t.test(
  '200 users log in at once while the leader is killed: everything exists once, nothing is lost',
  async (t) => {
    await Promise.any(replicas.map((program) => program.logged('Reconciled')))
    const projects = await Promise.all(Array.from({ length: PROJECTS }, () => admin.createProject(domain.id)))
    const users: { id: string; namespace: string; token: string }[] = []
    for (let number = 0; number < USERS; number++) {
      const { id: namespace } = projects[number % PROJECTS] as { id: string }
      const user = await admin.createUser({ domain: domain.id })
      await admin.grant(user, { project: namespace }, 'member')
      const token = await login(admin.url, user, { project: { id: namespace } })
      users.push({ id: user.id, namespace, token })
    }

    let answers = 0
    let killed: Program | undefined
    const enter = async (token: string, number: number) => {
      for (let tries = 0; ; tries++) {
        // who is not served goes to the other one, as behind a load balancer
        const apiserver = apiservers[(number + tries) % 2] as KubeApiserver
        const { status } = await apiserver.request('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
          token,
          method: 'POST',
          body: '{}',
        })
        if (status === 201) break
        if (tries > 20) throw new Error(`not logged in: ${status}`)
        await sleep(500)
      }
      answers++
      if (answers !== USERS / 4) return
      killed = replicas.find(leading)
      killed?.child.kill('SIGKILL')
    }
    await Promise.all(users.map(({ token }, number) => enter(token, number)))
    t.ok(killed, 'in the middle')

    const survivor = replicas.find((program) => program !== killed) as Program
    await until('the other leads', () => leading(survivor), 60_000)
    const found = async (kind: string) => {
      const { items } = JSON.parse(await kubectl(['get', kind, '-A', '-o', 'json']))
      return (items as { metadata: { namespace: string; name: string } }[])
        .filter(({ metadata }) => projects.some(({ id }) => id === metadata.namespace))
        .map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)
        .sort()
    }
    const expected = {
      rolebindings: users.flatMap(({ namespace, id }) =>
        ['member', 'reader'].map((role) => `${namespace}/${id}_${role}`),
      ),
      resourcequotas: projects.map(({ id }) => `${id}/project`),
      limitranges: projects.map(({ id }) => `${id}/project`),
      networkpolicies: projects.map(({ id }) => `${id}/own-namespace`),
    }
    for (const [kind, names] of Object.entries(expected)) {
      await until(`all ${kind} exist`, async () => (await found(kind)).length >= names.length, 60_000)
      t.same(await found(kind), [...names].sort(), kind)
    }
    for (const program of replicas) t.same(complaints(program), [])
    const trouble = /panic'd|Observed a panic|panicked: true|portcullis-reconciler.*(forbidden|conflict)/
    for (const { logFile } of apiservers)
      t.same(
        readFileSync(logFile, 'utf8')
          .split('\n')
          .filter((line) => trouble.test(line)),
        [],
      )
  },
)
