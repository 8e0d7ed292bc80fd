import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../src/clock.ts'
import { startSimulatedKeystone } from '../../src/simulator/keystone.ts'
import { issue, makeAuthority } from '../support/certificates.ts'
import { login, simulatedAdmin } from '../support/keystone-admin.ts'
import { startProgram } from '../support/program.ts'
import { ROOT } from '../support/source-files.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { review, tokenReview } from '../support/wire.ts'

const CERTIFICATES = '/etc/kubernetes/certs'
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount'

// what the image holds, with the files that Magnum's manifest mounts into it
const folder = temporaryFolder(t)
const tree = join(folder, 'tree')
execFileSync('sh', [join(ROOT, 'scripts/image-tree.sh'), tree])
const authority = await makeAuthority()
const { cert, key } = await issue(authority, 'server')
for (const [path, text] of Object.entries({
  [`${CERTIFICATES}/server.crt`]: cert,
  [`${CERTIFICATES}/server.key`]: key,
  '/etc/kubernetes/ca-bundle.crt': authority.cert,
  [`${ACCOUNT}/ca.crt`]: authority.cert,
  [`${ACCOUNT}/token`]: 'token-of-the-service-account',
})) {
  mkdirSync(join(tree, dirname(path)), { recursive: true })
  writeFileSync(join(tree, path), text)
}
execFileSync('chmod', ['-R', 'a-w', tree])
t.teardown(() => execFileSync('chmod', ['-R', 'u+w', tree]))

/** Starts a program as a container runtime would: the tree is all there is, read-only, from /, without a HOME. */
function start(t: Test, uid: number, command: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const enter =
    process.getuid?.() === 0
      ? ['chroot', `--userspec=${uid}:${uid}`, tree]
      : ['unshare', '--user', `--map-user=${uid}`, `--map-group=${uid}`, `--root=${tree}`, '--wd=/']
  const variables = Object.entries({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env })
  return startProgram(t, '/usr/bin/env', [
    '-i',
    ...variables.map(([name, value]) => `${name}=${value}`),
    ...enter,
    ...command,
  ])
}

t.test('every program of the image starts, whoever the user is', async (t) => {
  const starts = [
    { uid: 65532, name: 'portcullis', help: /Usage: portcullis COMMAND/ },
    { uid: 65532, name: 'k8s-keystone-auth', help: /--sync-configmap-name/ },
    { uid: 65532, name: 'barbican-kms-plugin', help: /--socketpath/ },
    { uid: 65532, name: 'client-keystone-auth', help: /Usage: client-keystone-auth/ },
    { uid: 65532, name: 'kubectl-keystone', help: /Usage: kubectl-keystone/ },
    // a user that the image does not know, as a manifest may name one
    { uid: 12345, name: 'k8s-keystone-auth', help: /--sync-configmap-name/ },
  ]
  await Promise.all(
    starts.map(async ({ uid, name, help }) => {
      const program = start(t, uid, [`./bin/${name}`, '--help'])
      t.equal(await program.exited, 0, `${name} as ${uid}: ${program.stderr()}`)
      t.match(program.stdout(), help)
    }),
  )
  const shell = start(t, 65532, ['sh', '-c', '/bin/portcullis --version'])
  t.equal(await shell.exited, 0, shell.stderr())
})

t.test('the server of the image answers a TokenReview with the flags of Magnum’s manifest', async (t) => {
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  t.teardown(() => keystone.close())
  const admin = simulatedAdmin(keystone)
  const [user, project] = [await admin.createUser(), await admin.createProject()]
  await admin.grant(user, { project: project.id }, 'member')
  const program = start(
    t,
    65532,
    [
      './bin/k8s-keystone-auth',
      ...['--tls-cert-file', `${CERTIFICATES}/server.crt`],
      ...['--tls-private-key-file', `${CERTIFICATES}/server.key`],
      ...['--policy-configmap-name', 'k8s-keystone-auth-policy'],
      ...['--keystone-url', keystone.url],
      ...['--sync-configmap-name', 'keystone-sync-policy'],
      ...['--keystone-ca-file', '/etc/kubernetes/ca-bundle.crt'],
      ...['--listen', '127.0.0.1:0'],
    ],
    {
      ...{ PORTCULLIS_ADMIN_LISTEN: '127.0.0.1:0', PORTCULLIS_SHUTDOWN_DELAY: '0' },
      // as in a pod, of a cluster whose API server is not up yet
      ...{ KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '1' },
    },
  )
  const { port } = await program.logged('Serving')
  const token = await login(admin.url, user, { project: { id: project.id } })
  const server = { url: `https://127.0.0.1:${port}`, ca: authority.cert }
  t.match((await review(server, tokenReview(token))).result, {
    authenticated: true,
    user: { username: user.name, groups: [project.id] },
  })
  program.child.kill('SIGTERM')
  t.equal(await program.exited, 0)
})

t.test('the Dockerfile starts nothing by itself, from / and not as root', async (t) => {
  const text = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
  t.notMatch(text, /^ENTRYPOINT/m)
  t.match(text, /^WORKDIR \/$/m)
  t.match(text.trim().split('\n').at(-1), /^USER 65532:65532$/)
})
