import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { writeYaml } from '../../src/files/yaml.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { LOGIN, makeMember } from '../support/exec-plugin.ts'
import { type KeystoneAdmin, simulatedAdmin } from '../support/keystone-admin.ts'
import { type KubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts'
import { runProgram, startServe } from '../support/program.ts'
import { realKeystone } from '../support/real-keystone.ts'
import { ROOT } from '../support/source-files.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type Variables = Readonly<Record<string, string>>

/** A kube-apiserver that asks Portcullis, and Portcullis that asks this Keystone. */
async function cluster(t: Test, keystoneUrl: string): Promise<KubeApiserver> {
  const stateDir = temporaryFolder(t)
  const server = await startServe(t, ['--keystone-url', keystoneUrl], { stateDir })
  const { stdout } = await runProgram(t, 'portcullis', [
    ...['webhook-kubeconfig', '--server', `${server.url}/webhook`],
    ...['--ca-file', join(stateDir, 'ca.crt')],
  ])
  const tokenWebhook = join(stateDir, 'webhook.kubeconfig')
  writeFileSync(tokenWebhook, stdout)
  return startKubeApiserver({ tokenWebhook })
}

/** kubectl as somebody whose kubeconfig names our plugin, with these flags; everybody's cache is in their folder. */
function kubectlWith(
  t: Test,
  apiserver: KubeApiserver,
  options: {
    version?: 'v1' | 'v1beta1'
    env: Variables
    config?: object
    flags?: readonly string[]
    folder?: string
  },
) {
  const { version = 'v1', config: extension = {}, flags = [], folder = temporaryFolder(t) } = options
  const exec = {
    apiVersion: `client.authentication.k8s.io/${version}`,
    command: join(ROOT, 'bin/client-keystone-auth'),
    args: flags,
    env: Object.entries({ XDG_CACHE_HOME: folder, ...options.env }).map(([name, value]) => ({ name, value })),
    interactiveMode: 'IfAvailable',
    provideClusterInfo: true,
  }
  const extensions = [{ name: 'client.authentication.k8s.io/exec', extension }]
  const data = { 'certificate-authority-data': Buffer.from(apiserver.ca).toString('base64') }
  const kubeconfig = join(folder, `kubeconfig${flags.join('')}`)
  writeFileSync(
    kubeconfig,
    writeYaml({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster: { server: apiserver.url, ...data, extensions } }],
      users: [{ name: 'u', user: { exec } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'c',
    }),
  )
  return (args: readonly string[]) => apiserver.kubectl(args, { kubeconfig })
}

const WHOAMI = ['auth', 'whoami', '-o', 'json']
const userOf = (stdout: string) => JSON.parse(stdout).status.userInfo.uid

t.test(
  'kubectl logs in at a real Keystone, in both versions, with a password or an application credential',
  async (t) => {
    const admin: KeystoneAdmin = await realKeystone('fernet').admin()
    const apiserver = await cluster(t, admin.url)
    const { user, project, env } = await makeMember(admin)
    const credential = await admin.createCredential(user, project.id, 'member')
    const { OS_AUTH_URL: auth_url, ...password } = env
    const byCredential = {
      OS_APPLICATION_CREDENTIAL_ID: credential.id,
      OS_APPLICATION_CREDENTIAL_SECRET: credential.secret,
    }
    for (const version of ['v1', 'v1beta1'] as const)
      for (const variables of [password, byCredential]) {
        const kubectl = kubectlWith(t, apiserver, { version, env: variables, config: { auth_url } })
        for (const call of ['a new token', 'the kept one']) {
          const { code, stdout, stderr } = await kubectl(WHOAMI)
          t.equal(code, 0, `${version}, ${call}: ${stderr}`)
          t.equal(userOf(stdout), user.id)
          t.equal(stderr, '')
        }
      }
  },
)

t.test(
  '20 kubectl at once log in once; a wrong password is tried once, and a revoked token heals',
  async (t) => {
    const keystone = await startSimulatedKeystone({ clock: systemClock })
    t.teardown(() => keystone.close())
    const apiserver = await cluster(t, keystone.url)
    const { user, env } = await makeMember(simulatedAdmin(keystone))
    const folder = temporaryFolder(t)
    const kubectl = kubectlWith(t, apiserver, { env, folder })
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => kubectl(WHOAMI)))
    for (const { stdout } of outcomes) t.equal(userOf(stdout), user.id)
    t.equal(keystone.count(LOGIN), 1)

    const wrong = await kubectlWith(t, apiserver, { env: { ...env, OS_PASSWORD: 'wrong-password' } })([
      'get',
      'pods',
    ])
    t.equal(wrong.code, 1)
    t.match(wrong.stderr, /client-keystone-auth: LOGIN_REFUSED: .*\n/)
    t.equal(keystone.count(LOGIN), 2, 'however often kubectl ran the plugin')

    const [token] = keystone.mint.issuedTo(user.id)
    if (token !== undefined) token.revoked = true
    const refreshing = kubectlWith(t, apiserver, { env, folder, flags: ['--force-refresh'] })
    const { code, stderr } = await refreshing(WHOAMI)
    t.equal(code, 0, stderr)
    t.match(await kubectl(WHOAMI), { code: 0 })
    t.equal(keystone.count(LOGIN), 3)
  },
)
