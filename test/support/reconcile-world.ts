import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemReaderEnv, type TestUser } from './keystone-admin.ts'
import { startKubeApiserver } from './kube-apiserver.ts'
import { runProgram, startServe } from './program.ts'
import { realKeystone } from './real-keystone.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const OWNER = 'app.kubernetes.io/managed-by'
const BOTH = 'data-types-to-sync: [projects, role_assignments]'

interface Found {
  readonly metadata: {
    name: string
    labels?: Record<string, string>
    annotations?: Record<string, string>
    deletionTimestamp?: string
    resourceVersion: string
  }
  readonly [field: string]: unknown
}

/** The real API server and Keystone, a user who reads everything there and changes nothing, and what is seen of the cluster. */
export async function reconcileWorld(t: Test) {
  const apiserver = await startKubeApiserver()
  t.teardown(() => apiserver.stop())
  // what other tests left belongs to projects of other Keystones, which would count as deleted
  await apiserver.kubectl(['delete', 'namespace', '-l', `${OWNER}=portcullis`, '--wait=false'])
  const admin = await realKeystone('fernet').admin()
  const openstack = await systemReaderEnv(admin)

  async function kubectl(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await apiserver.kubectl(args)
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`)
    return stdout
  }
  async function apply(...objects: readonly object[]): Promise<void> {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects })
    const { code, stderr } = await apiserver.kubectl(['apply', '-f', '-'], { input })
    if (code !== 0) throw new Error(stderr)
  }
  const get = async (...what: readonly string[]): Promise<Found> =>
    JSON.parse(await kubectl('get', ...what, '-o', 'json'))
  /** `name kind role` of each binding of a namespace. */
  const bindings = async (namespace: string): Promise<readonly string[]> => {
    const { items } = JSON.parse(await kubectl('get', 'rolebindings', '-n', namespace, '-o', 'json'))
    return (items as { metadata: { name: string }; roleRef: { kind: string; name: string } }[])
      .map(({ metadata, roleRef }) => `${metadata.name} ${roleRef.kind} ${roleRef.name}`)
      .sort()
  }

  /** A domain with its sync file, and the programs on them. */
  async function world(t: Test, more = '') {
    const folder = temporaryFolder(t)
    const domain = await admin.createDomain()
    const file = join(folder, 'sync.yaml')
    writeFileSync(file, `${BOTH}\nprojects-allowlist: [{domain: ${domain.id}}]\n${more}`)
    const files = ['--kubeconfig', apiserver.adminKubeconfig, '--sync-config-file', file]
    const user = () => admin.createUser({ domain: domain.id })
    const project = async (...members: readonly [TestUser, string][]) => {
      const made = await admin.createProject(domain.id)
      for (const [user, role] of members) await admin.grant(user, { project: made.id }, role)
      return made
    }
    const syncAs = (env: Readonly<Record<string, string>>, part: string, ...flags: readonly string[]) =>
      runProgram(t, 'portcullis', ['sync', part, ...files, ...flags], env)
    const sync = (part: string, ...flags: readonly string[]) => syncAs(openstack, part, ...flags)
    const run = async (...flags: readonly string[]) => {
      const done = await sync('run', ...flags)
      t.equal(done.code, 0, done.stderr + done.stdout)
      return done
    }
    const serve = (env: Readonly<Record<string, string>> = openstack) =>
      startServe(t, [...files, '--sync-interval', '500ms', '--lease-duration', '3s'], { env })
    return { folder, domain, user, project, syncAs, sync, run, serve }
  }
  return { apiserver, admin, openstack, kubectl, apply, get, bindings, world }
}
