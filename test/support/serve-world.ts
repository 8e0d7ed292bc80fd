import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Test } from 'tap'
import { startServer } from '../../src/compose.ts'
import type { OpenStackSettings } from '../../src/config/openstack-credentials.ts'
import { readOptions } from '../../src/config/read-options.ts'
import { serveOptions } from '../../src/config/serve-options.ts'
import { readConfigFile } from '../../src/files/watched-file.ts'
import { podAccess } from '../../src/kubernetes/cluster-access.ts'
import { kubeconfigAccess } from '../../src/kubernetes/kubeconfig.ts'
import { ensureOwnCertificate } from '../../src/server/own-certificate.ts'
import { startLoopbackServer } from './loopback-server.ts'
import { createManualClock } from './manual-clock.ts'
import { recordLog } from './recorded-log.ts'
import { tokenBody } from './scripted-keystone.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { fernetLike } from './tokens.ts'
import { ask, ask2, JSON_TYPE, review, tokenReview } from './wire.ts'

/** A request that reached Keystone, in a few words. */
export interface Asked {
  readonly what: 'login' | 'validate' | 'groups'
  readonly authority: string | undefined
  readonly subject: string | undefined
  readonly userAgent: string | undefined
  readonly body: string
}

type Answer = { status: number; headers?: Record<string, string>; body: unknown } | Promise<never>

const error = (code: number) => ({ status: code, body: { error: { code } } })

/** A Keystone on loopback that knows the tokens of `users`, lets everybody log in, and may be told to do otherwise. */
export async function startStubKeystone(t: Test, tls?: { cert: string; key: string }) {
  const asked: Asked[] = []
  const users = new Map<string, object>()
  const control: { odd: (one: Asked) => Answer | undefined } = { odd: () => undefined }
  function answer(one: Asked): Answer {
    if (one.what === 'groups') return { status: 200, body: { groups: [] } }
    if (one.what === 'validate') {
      const user = users.get(one.subject ?? '')
      return user ? { status: 200, body: user } : error(404)
    }
    const token = `service-${asked.filter(({ what }) => what === 'login').length}`
    const body = tokenBody({ expires_at: '2100-01-01T00:00:00Z', catalog: [] })
    return { status: 201, headers: { 'x-subject-token': token }, body }
  }
  const send = (response: ServerResponse, { status, headers, body }: Awaited<Answer>) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  const server = await startLoopbackServer(
    t,
    async (request, response) => {
      const { method, url, headers } = request
      const text = (name: string) => headers[name] as string | undefined
      const one: Asked = {
        what: method === 'POST' ? 'login' : url?.includes('/groups') ? 'groups' : 'validate',
        authority: text('x-auth-token'),
        subject: text('x-subject-token'),
        userAgent: text('user-agent'),
        body: Buffer.concat(await request.toArray()).toString(),
      }
      asked.push(one)
      send(response, await (control.odd(one) ?? answer(one)))
    },
    tls,
  )
  return {
    ...{ server, asked, control, error },
    /** A token of that user, issued a minute ago: groups asked for now hold for it. */
    issue(name: string): string {
      const token = fernetLike(Date.now())
      const user = { id: `u-${name}`, name, domain: { id: 'd-red', name: 'red' } }
      const issued = new Date(Date.now() - 60_000).toISOString()
      users.set(token, tokenBody({ user, issued_at: issued, expires_at: '2100-01-01T00:00:00Z' }))
      return token
    },
    count: (what: Asked['what']) => asked.filter((one) => one.what === what).length,
  }
}

export type StubKeystone = Awaited<ReturnType<typeof startStubKeystone>>

let shared: Promise<string> | undefined

/** A certificate for all servers of this process that need no other. */
function sharedState(): Promise<string> {
  shared ??= (async () => {
    const stateDir = temporaryFolder({ teardown: (run) => void process.once('exit', run) })
    await ensureOwnCertificate({ stateDir, names: ['127.0.0.1'], now: Date.now() })
    return stateDir
  })()
  return shared
}

/** `portcullis serve` in this process, under a clock that stands still: what its flags make of it, without its start. */
export async function serveHere(
  t: Test,
  keystone: StubKeystone,
  argv: readonly string[],
  options: { openstack?: () => OpenStackSettings | undefined; stateDir?: string } = {},
) {
  const clock = createManualClock(Date.now())
  const { log, lines } = recordLog()
  const stateDir = options.stateDir ?? (await sharedState())
  const given = (flag: string, value: string) => (argv.includes(flag) ? [] : [flag, value])
  const { values } = readOptions(serveOptions('portcullis'), {
    argv: [
      ...given('--listen', '127.0.0.1:0'),
      ...given('--admin-listen', '127.0.0.1:0'),
      ...['--state-dir', stateDir, ...argv],
    ],
    env: {},
  })
  const server = await startServer(values, `${keystone.server.url}/v3`, {
    ...{ clock, log, version: '9.9.9' },
    openstack: options.openstack ?? (() => undefined),
    clusterAccess: values.kubeconfig === undefined ? podAccess({}) : kubeconfigAccess(values.kubeconfig),
  })
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= server.stop()
    return stopping
  }
  t.teardown(() => clock.skipPauses(300_000, stop()))
  const wire = { url: `https://${values.listen.host}:${server.port}`, ca: '' }
  wire.ca = readConfigFile(join(stateDir, 'ca.crt'))
  const admin = `http://${values.adminListen.host}:${server.adminPort}`
  return {
    ...{ clock, lines, stop, wire, stateDir },
    review: async (token: string) => (await review(wire, tokenReview(token))).result,
    post: (path: string, body: string, tls = {}) =>
      ask2(wire.url, { method: 'POST', path, headers: JSON_TYPE, body }, { ca: wire.ca, ...tls }),
    admin: (path: string) => ask(admin, { path }),
  }
}
