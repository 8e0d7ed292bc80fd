import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { makeClusterAccount } from './cluster-account.ts'
import { type KeystoneAdmin, login } from './keystone-admin.ts'
import { startKubeApiserver } from './kube-apiserver.ts'
import { runProgram, type ServingProgram, startServe } from './program.ts'
import { realKeystone } from './real-keystone.ts'
import { ROOT } from './source-files.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { ask } from './wire.ts'

export const SYNC = 'data-types-to-sync: [projects, role_assignments]\nnamespace-format: "%n-%i"\n'

/** The policy of k8s-keystone-auth that lets members of these projects do this to that. */
export const policy = (projects: readonly string[], permissions: Record<string, string[]>) =>
  JSON.stringify([{ users: { roles: ['member'], projects }, resource_permissions: permissions }])

/** examples/authorization-configuration.yaml with decisions that are hardly cached. */
function authorizationConfig(folder: string, kubeconfig: string): string {
  const path = join(folder, 'authorization.yaml')
  const example = readFileSync(join(ROOT, 'examples/authorization-configuration.yaml'), 'utf8')
  const text = example
    .replace('/etc/kubernetes/portcullis/webhook.kubeconfig', kubeconfig)
    .replace(/authorizedTTL: \w+/, 'authorizedTTL: 1s')
    .replace(/unauthorizedTTL: \w+/, 'unauthorizedTTL: 1s')
  writeFileSync(path, text)
  return path
}

/** A Keystone (a real one unless given), and what leads Portcullis to the API server; the API server is there, without webhooks. */
export async function clusterWorld(t: Test, given?: KeystoneAdmin) {
  const admin = given ?? (await realKeystone('fernet').admin())
  const folder = temporaryFolder(t)
  const apiserver = await startKubeApiserver()
  const kubeconfig = await makeClusterAccount(apiserver, folder)
  const kubectl = async (...args: string[]) => {
    const { code, stdout, stderr } = await apiserver.kubectl(args)
    if (code !== 0) throw new Error(stderr)
    return stdout
  }
  for (const name of ['policy', 'sync'])
    await kubectl('delete', 'configmap', '-n', 'kube-system', name, '--ignore-not-found')
  await apiserver.kubectl([
    'create',
    'clusterrole',
    'member',
    '--verb=get,list,create',
    '--resource=configmaps',
  ])
  const configMap = async (name: string, key: string, text: string) => {
    const data = {
      metadata: { name, namespace: 'kube-system' },
      apiVersion: 'v1',
      kind: 'ConfigMap',
      data: { [key]: text },
    }
    const { code, stderr } = await apiserver.kubectl(['apply', '-f', '-'], { input: JSON.stringify(data) })
    if (code !== 0) throw new Error(stderr)
  }
  const serve = (stateDir: string, ...flags: string[]) =>
    startServe(
      t,
      ['--keystone-url', admin.url, '--identity', 'compatible', '--kubeconfig', kubeconfig, ...flags],
      { stateDir },
    )
  return { admin, folder, apiserver, kubectl, configMap, serve }
}

export const FROM_CONFIG_MAPS = ['--policy-configmap-name', 'policy', '--sync-configmap-name', 'sync']

/** Where kube-apiserver finds the program: its address stays the same whatever port it has. */
export async function webhooks(folder: string, server: ServingProgram, t: Test) {
  const printed = await runProgram(t, 'portcullis', [
    ...['webhook-kubeconfig', '--server', `${server.url}/webhook`, '--ca-file', join(folder, 'ca.crt')],
  ])
  const tokenWebhook = join(folder, 'webhook.kubeconfig')
  writeFileSync(tokenWebhook, printed.stdout)
  return { tokenWebhook, authzConfig: authorizationConfig(folder, tokenWebhook) }
}

export async function member(admin: KeystoneAdmin, role = 'member') {
  const [user, project] = [await admin.createUser(), await admin.createProject()]
  await admin.grant(user, { project: project.id }, role)
  const token = await login(admin.url, user, { project: { id: project.id } })
  return { user, project, token, namespace: `${project.name}-${project.id}` }
}

/** What the program logged at a level. */
export const linesOf = (server: ServingProgram, level: string) =>
  server.log().filter((line) => line.level === level)
export const errorsOf = (server: ServingProgram) => linesOf(server, 'error')
export const ready = async (server: ServingProgram) =>
  (await ask(server.adminUrl, { path: '/readyz?verbose' })).text
/** The value of one series. */
export const metric = async (server: ServingProgram, series: string) => {
  const { text } = await ask(server.adminUrl, { path: '/metrics' })
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`portcullis_${series} `))
      ?.split(' ')[1],
  )
}
