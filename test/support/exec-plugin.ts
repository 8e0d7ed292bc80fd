import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { buildSync } from 'esbuild'
import type { Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { type KeystoneAdmin, simulatedAdmin, type TestUser } from './keystone-admin.ts'
import { runProgram } from './program.ts'
import { ROOT } from './source-files.ts'
import { temporaryFolder } from './temporary-folder.ts'

/** As a package has it: the launcher, and one file in place of many that would have to be stripped of types each time. */
function pack(folder: string): void {
  mkdirSync(join(folder, 'bin'))
  for (const name of ['portcullis', 'client-keystone-auth'])
    copyFileSync(join(ROOT, 'bin/portcullis'), join(folder, 'bin', name))
  buildSync({
    absWorkingDir: ROOT,
    entryPoints: ['src/start.ts'],
    outfile: join(folder, 'dist/start.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['./main.ts'],
    define: { PORTCULLIS_VERSION: '"0.0.0"' },
  })
}

export const LOGIN = 'POST /v3/auth/tokens'

/** What kubectl tells the plugin. */
export const execInfo = (version: 'v1' | 'v1beta1', config?: object, interactive = false) =>
  JSON.stringify({
    kind: 'ExecCredential',
    apiVersion: `client.authentication.k8s.io/${version}`,
    spec: { interactive, ...(config && { cluster: { server: 'https://k8s', config } }) },
  })

/** The variables by which python-openstackclient would log in as this user. */
export const variablesOf = (url: string, user: TestUser, project: string) => ({
  OS_AUTH_URL: url,
  OS_USERNAME: user.name,
  OS_PASSWORD: user.password,
  OS_PROJECT_ID: project,
})

/** A user who may log in to a project. */
export async function makeMember(admin: KeystoneAdmin) {
  const [user, project] = [await admin.createUser(), await admin.createProject()]
  await admin.grant(user, { project: project.id }, 'member')
  return { user, project, env: variablesOf(admin.url, user, project.id) }
}

/** Makes worlds: a simulated Keystone with a member, and the plugin run as kubectl runs it, with a cache of its own. */
export function preparePlugin(t: Test) {
  const folder = temporaryFolder(t)
  pack(folder)
  return (test: Test, options?: { tokenLifetimeMs?: number }) => pluginWorld(test, folder, options)
}

async function pluginWorld(t: Test, folder: string, options: { tokenLifetimeMs?: number } = {}) {
  const keystone = await startSimulatedKeystone({ clock: systemClock, ...options })
  t.teardown(() => keystone.close())
  const admin = simulatedAdmin(keystone)
  const home = temporaryFolder(t)
  const member = await makeMember(admin)
  return {
    ...member,
    keystone,
    admin,
    home,
    cache: join(home, 'portcullis'),
    program: join(folder, 'bin/client-keystone-auth'),
    logins: () => keystone.count(LOGIN),
    async run(
      env: Readonly<Record<string, string>>,
      argv: readonly string[] = [],
      name = 'client-keystone-auth',
    ) {
      const info = { KUBERNETES_EXEC_INFO: execInfo('v1') }
      const outcome = await runProgram(t, join(folder, 'bin', name), argv, {
        XDG_CACHE_HOME: home,
        ...info,
        ...env,
      })
      const token = /"token":"([^"]+)"/.exec(outcome.stdout)?.[1]
      return { ...outcome, token }
    },
  }
}
