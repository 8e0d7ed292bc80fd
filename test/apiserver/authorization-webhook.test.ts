import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { login, simulatedAdmin } from '../support/keystone-admin.ts'
import { startKubeApiserver } from '../support/kube-apiserver.ts'
import { runProgram, startServe } from '../support/program.ts'
import { ROOT } from '../support/source-files.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** examples/authorization-configuration.yaml with another kubeconfig and version. */
function authorizationConfig(folder: string, kubeconfig: string, version: string): string {
  const path = join(folder, `authorization-${version}.yaml`)
  const example = readFileSync(join(ROOT, 'examples/authorization-configuration.yaml'), 'utf8')
  const text = example
    .replace('/etc/kubernetes/portcullis/webhook.kubeconfig', kubeconfig)
    .replace('subjectAccessReviewVersion: v1\n', `subjectAccessReviewVersion: ${version}\n`)
  writeFileSync(path, text)
  return path
}

/** A member of a project with a token, a program with rules for that project, and the files that lead to it. */
async function world(t: Test) {
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  t.teardown(() => keystone.close())
  const admin = simulatedAdmin(keystone)
  const [user, project] = [await admin.createUser(), await admin.createProject()]
  await admin.grant(user, { project: project.id }, 'member')
  const token = await login(admin.url, user, { project: { id: project.id } })
  const stateDir = temporaryFolder(t)
  const rules = join(stateDir, 'rules.csv')
  writeFileSync(
    rules,
    `p, role:member & project:default/${project.name}, default, -, pods|pods/log|configmaps, *, get|list|create, *, allow
p, role:member & project:${project.id}, kube-public, -, pods, *, list, label:team=a, allow
p, role:member, kube-system, -, configmaps, *, *, *, deny
p2, role:member, /metrics, get, allow
`,
  )
  const server = await startServe(t, ['--keystone-url', keystone.url, '--policy-file', rules], { stateDir })
  const printed = await runProgram(t, 'portcullis', [
    ...['webhook-kubeconfig', '--server', `${server.url}/webhook`],
    ...['--ca-file', join(stateDir, 'ca.crt')],
  ])
  const kubeconfig = join(stateDir, 'webhook.kubeconfig')
  writeFileSync(kubeconfig, printed.stdout)
  return { stateDir, kubeconfig, token, project }
}

t.test(
  'kubectl is allowed, refused with our reason, and denied, under both versions of the webhook',
  async (t) => {
    const { stateDir, kubeconfig, token, project } = await world(t)
    for (const version of ['v1', 'v1beta1']) {
      const apiserver = await startKubeApiserver({
        tokenWebhook: kubeconfig,
        authzConfig: authorizationConfig(stateDir, kubeconfig, version),
      })
      const kubectl = (...args: string[]) => apiserver.kubectl(args, { token })
      t.match(await kubectl('get', 'pods', '-n', 'default'), { code: 0 }, `${version}: allowed`)
      t.match(
        await kubectl('get', 'pods', '-n', 'kube-system'),
        {
          code: 1,
          stderr: new RegExp(
            `no rule for roles member, reader in project ${project.name} allows list on pods in namespace kube-system`,
          ),
        },
        `${version}: refused with our reason`,
      )
      t.match(await kubectl('get', 'configmaps', '-n', 'kube-system'), {
        code: 1,
        stderr: /denied by rules.csv:3/,
      })
      t.match(await kubectl('auth', 'can-i', 'create', 'pods', '-n', 'default'), { code: 0, stdout: /^yes/ })
      t.match(await kubectl('auth', 'can-i', 'create', 'pods', '--subresource=exec', '-n', 'default'), {
        code: 1,
        stdout: /^no.*create on pods\/exec/,
      })
      const exec = await apiserver.request('/api/v1/namespaces/default/pods/x/exec?command=ls', {
        token,
        method: 'POST',
      })
      t.equal(exec.status, 403, `${version}: exec`)
      t.match(exec.text, /create on pods\/exec in namespace default/)
      t.equal((await apiserver.request('/metrics', { token })).status, 200, `${version}: a path`)
      t.equal((await apiserver.request('/debug/pprof/', { token })).status, 403)
      const labelled = '/api/v1/namespaces/kube-public/pods?labelSelector=team%3Da'
      t.equal((await apiserver.request(labelled, { token })).status, 200, `${version}: a selector`)
      t.equal((await apiserver.request(labelled.replace('%3Da', '%3Db'), { token })).status, 403)
      t.equal((await apiserver.request('/api/v1/namespaces/kube-public/pods', { token })).status, 403)
    }
  },
)
