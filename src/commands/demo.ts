import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../clock.ts'
import { startServer } from '../compose.ts'
import { readOptions } from '../config/read-options.ts'
import { serveOptions } from '../config/serve-options.ts'
import { podAccess } from '../kubernetes/cluster-access.ts'
import { createLog } from '../log.ts'
import { startSimulatedKeystone } from '../simulator/keystone.ts'
import { startKmsDemo } from './demo-kms.ts'
import type { Command } from './world.ts'

/** `portcullis demo` (npm start): the main job on a simulated Keystone, in one process that leaves nothing behind. */
export const demo: Command = async (_argv, world) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'portcullis-demo-'))
  const keystone = await startSimulatedKeystone({ clock: systemClock })
  try {
    const flags = [
      '--listen',
      '127.0.0.1:0',
      '--admin-listen',
      '127.0.0.1:0',
      '--state-dir',
      stateDir,
      '--shutdown-delay',
      '0',
    ]
    const { values: config } = readOptions(serveOptions('portcullis'), { argv: flags, env: {} })
    const log = createLog({ level: 'warn' })
    const outside = { version: world.version, openstack: () => undefined, clusterAccess: podAccess({}) }
    const server = await startServer(config, keystone.url, { clock: systemClock, log, ...outside })
    const kms = await startKmsDemo(keystone, stateDir, world)
    const caFile = join(stateDir, 'ca.crt')
    const token = await logIn(keystone)
    const question = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } }
    const url = `https://127.0.0.1:${server.port}/webhook`
    const answer = await post(url, readFileSync(caFile), JSON.stringify(question))
    const pretty = (value: object) => JSON.stringify(value, null, 2)
    world.print(
      [
        `A simulated Keystone runs on ${keystone.url}/v3. User demo has logged in to project demo.`,
        'kube-apiserver would now ask whose token that is:',
        '',
        `POST ${url}`,
        pretty(question),
        '',
        'Portcullis answers:',
        pretty(JSON.parse(answer)),
        '',
        'Both keep running until Ctrl-C. Ask by hand (the second time it comes from the cache), then look at the numbers:',
        '',
        `curl --cacert ${caFile} -H 'Content-Type: application/json' -d '${JSON.stringify(question)}' ${url}`,
        `curl 'http://127.0.0.1:${server.adminPort}/readyz?verbose'`,
        `curl -s http://127.0.0.1:${server.adminPort}/metrics | grep ^portcullis_token`,
        '',
        ...kms.text,
      ].join('\n'),
    )
    await world.stopped
    await server.stop()
    await kms.stop()
    return 0
  } finally {
    await keystone.close()
    rmSync(stateDir, { recursive: true, force: true })
  }
}

/** As a user does it: name and password for a token of the project. */
async function logIn({ model, url }: Awaited<ReturnType<typeof startSimulatedKeystone>>): Promise<string> {
  const project = model.addProject('demo')
  const user = model.addUser('demo', 'demo')
  model.addGroup('developers', [user.id])
  model.grant(user.id, project.id, 'member', 'reader')
  const identity = { methods: ['password'], password: { user: { id: user.id, password: user.password } } }
  const answer = await fetch(`${url}/v3/auth/tokens`, {
    method: 'POST',
    body: JSON.stringify({ auth: { identity, scope: { project: { id: project.id } } } }),
  })
  return answer.headers.get('x-subject-token') ?? ''
}

function post(url: string, ca: Buffer, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: 'POST', ca, headers: { 'content-type': 'application/json' } },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve(text))
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}
