import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { readYaml } from '../../src/files/yaml.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { simulatedAdmin } from './keystone-admin.ts'
import { runProgram } from './program.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const KUBECONFIG = `# mine
apiVersion: v1
kind: Config
clusters:
- name: lab
  cluster: { server: "https://lab:6443" }
`

interface Stanza {
  readonly command: string
  readonly args: string[]
  readonly env: object[]
}

/** A user with two projects, and a home folder with a kubeconfig of one cluster. */
export async function loginWorld(t: Test) {
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  t.teardown(() => keystone.close())
  const admin = simulatedAdmin(keystone)
  const user = await admin.createUser()
  const [one, two] = [await admin.createProject(), await admin.createProject()]
  await admin.grant(user, { project: one.id }, 'member')
  await admin.grant(user, { project: two.id }, 'reader')
  const home = temporaryFolder(t)
  const kubeconfig = join(home, 'kubeconfig')
  writeFileSync(kubeconfig, KUBECONFIG)
  const env = { HOME: home, KUBECONFIG: kubeconfig }
  const text = () => readFileSync(kubeconfig, 'utf8')
  const stanza = () => {
    const { users } = readYaml(text()) as {
      users: { name: string; user: { exec: Stanza } }[]
    }
    return users.at(-1)?.user.exec as Stanza
  }
  const portcullis = (...argv: string[]) => runProgram(t, 'portcullis', argv, env)
  const withPassword = {
    ...env,
    OS_AUTH_URL: keystone.url,
    OS_USERNAME: user.name,
    OS_PASSWORD: user.password,
  }
  return { keystone, admin, user, one, two, home, env, text, stanza, portcullis, withPassword }
}
