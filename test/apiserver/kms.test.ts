import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createKeyProject, simulatedOpenStack, startKmsProgram } from '../support/kms-program.ts'
import { type KubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts'
import { runProgram } from '../support/program.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const PROVIDER = 'portcullis'
const SECRETS = '/api/v1/namespaces/default/secrets'

/** A simulated OpenStack with one key, and an EncryptionConfiguration that leads to a plugin at `path`. */
async function world(t: Test) {
  const { admin, barbican } = await simulatedOpenStack(t)
  const project = await createKeyProject(admin, barbican.url)
  const keyId = await project.store({ payload: randomBytes(32) })
  const folder = temporaryFolder(t)
  const [path, encryptionConfig] = [join(folder, 'kms.sock'), join(folder, 'encryption.yaml')]
  writeFileSync(
    encryptionConfig,
    `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - kms: {apiVersion: v2, name: ${PROVIDER}, endpoint: "unix://${path}", timeout: 3s}
      - identity: {}
`,
  )
  const plugin = () => startKmsProgram(t, ['--key-name', 'kek'], project.env, { path })
  return { project, keyId, encryptionConfig, plugin }
}

/** Clean up between tests: what another test encrypted cannot be read with this one's keys. */
async function apiserver(t: Test, encryptionConfig: string): Promise<KubeApiserver> {
  const server = await startKubeApiserver({ encryptionConfig })
  t.teardown(async () => {
    await server.kubectl(['delete', 'secret', '--all'])
    await server.stop()
  })
  return server
}

const create = async (server: KubeApiserver, name: string) => {
  const { code, stderr } = await server.kubectl([
    'create',
    'secret',
    'generic',
    name,
    `--from-literal=word=${name}-word`,
  ])
  if (code !== 0) throw new Error(stderr)
}
const wordOf = async (server: KubeApiserver, name: string) => {
  const { stdout } = await server.kubectl(['get', 'secret', name, '-o', 'jsonpath={.data.word}'])
  return Buffer.from(stdout, 'base64').toString()
}
const stored = async (server: KubeApiserver, name: string) =>
  ((await server.etcdGet(`/registry/secrets/default/${name}`)) ?? Buffer.alloc(0)).toString('latin1')

t.test(
  'a Secret is stored encrypted under our key, and readable after kube-apiserver and plugin restart',
  async (t) => {
    const { keyId, encryptionConfig, plugin } = await world(t)
    const first = await plugin()
    const server = await apiserver(t, encryptionConfig)
    await create(server, 'kept')
    const bytes = await stored(server, 'kept')
    t.ok(bytes.startsWith(`k8s:enc:kms:v2:${PROVIDER}:`))
    t.ok(bytes.includes(keyId))
    t.notOk(bytes.includes('kept-word'))
    first.child.kill('SIGTERM')
    await first.exited
    await plugin()
    await server.restart()
    t.equal(await wordOf(server, 'kept'), 'kept-word')
  },
)

t.test(
  'a rotation takes effect in kube-apiserver, and kubectl replace re-encrypts what is stored',
  async (t) => {
    const { project, keyId, encryptionConfig, plugin } = await world(t)
    const { client } = await plugin()
    const server = await apiserver(t, encryptionConfig)
    await create(server, 'old')
    const flags = ['kms', 'rotate', '--key-name', 'kek', '--activate-in', '4s']
    const { stdout } = await runProgram(t, 'portcullis', flags, project.env)
    const next = stdout.split(' ')[0] as string
    while ((await client.status()).keyId !== next) await sleep(200)
    // kube-apiserver looks once a minute, or when somebody probes it (contracts C.4: results are kept for 20 s)
    for (let name = 0; ; name++) {
      await server.kubectl(['get', '--raw', '/readyz/kms-providers'])
      await create(server, `new-${name}`)
      if ((await stored(server, `new-${name}`)).includes(next)) break
      if (name > 60) return t.fail('the new key was never used')
      await sleep(1000)
    }
    t.ok((await stored(server, 'old')).includes(keyId))
    const { stdout: list } = await server.kubectl(['get', 'secrets', '-o', 'json'])
    t.equal((await server.kubectl(['replace', '-f', '-'], { input: list })).code, 0)
    t.ok((await stored(server, 'old')).includes(next))
    t.notOk((await stored(server, 'old')).includes(keyId))
    t.equal(await wordOf(server, 'old'), 'old-word')
  },
)

t.test(
  '20 Secrets a second are written through restarts of the plugin, by TERM and by kill -9',
  async (t) => {
    const { encryptionConfig, plugin } = await world(t)
    let running = await plugin()
    const server = await apiserver(t, encryptionConfig)
    await server.kubectl(['create', 'serviceaccount', 'writer'])
    await server.kubectl([
      'create',
      'clusterrolebinding',
      'writer',
      '--clusterrole=cluster-admin',
      '--serviceaccount=default:writer',
    ])
    const token = (await server.kubectl(['create', 'token', 'writer'])).stdout.trim()
    const failures: { at: number; status: number }[] = []
    let written = 0
    let writing = true
    const write = async (number: number) => {
      const body = JSON.stringify({ metadata: { name: `s-${number}` }, data: { word: 'd29yZA==' } })
      const { status } = await server.request(SECRETS, { token, method: 'POST', body })
      if (status === 201) written++
      else failures.push({ at: Date.now(), status })
    }
    const writer = (async () => {
      const pending: Promise<void>[] = []
      for (let number = 0; writing; number++) {
        pending.push(write(number))
        await sleep(50)
      }
      await Promise.all(pending)
    })()
    const restarted = async (signal: 'SIGTERM' | 'SIGKILL') => {
      await sleep(2000)
      running.child.kill(signal)
      await running.exited
      running = await plugin()
      await running.ready()
      return Date.now()
    }
    await restarted('SIGTERM')
    await sleep(2000)
    t.same(failures, [], 'none failed by TERM')
    const back = await restarted('SIGKILL')
    await sleep(3000)
    writing = false
    await writer
    t.same(
      failures.filter(({ at }) => at > back),
      [],
      'none failed after the restart',
    )
    t.ok(written > 120, `${written} written`)
    await server.request(SECRETS, { token, method: 'DELETE' })
  },
)

t.test(
  'a plugin that starts after kube-apiserver is taken up, and the log says how late it came',
  async (t) => {
    const { encryptionConfig, plugin } = await world(t)
    const starting = apiserver(t, encryptionConfig)
    await sleep(6000)
    const { log } = await plugin()
    const server = await starting
    await create(server, 'late')
    t.equal(await wordOf(server, 'late'), 'late-word')
    t.ok(log().some(({ msg, seconds }) => msg === 'The first client connected' && Number(seconds) >= 0))
  },
)
