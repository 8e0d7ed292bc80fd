import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { testPort } from './ports.ts'
import { type Outcome, run, runScript } from './script.ts'
import { ask, type Reply } from './wire.ts'

/** What kube-apiserver is told; each is a path of a file, save the flags. */
export interface ApiserverSettings {
  /** The kubeconfig of the TokenReview webhook, and the version it is asked in (v1). */
  readonly tokenWebhook?: string
  readonly tokenWebhookVersion?: 'v1' | 'v1beta1'
  /** An AuthorizationConfiguration; RBAC without one. */
  readonly authzConfig?: string
  readonly encryptionConfig?: string
  /** More flags, without blanks in them. */
  readonly flags?: readonly string[]
}

/** A real kube-apiserver with its etcd. */
export interface KubeApiserver {
  readonly url: string
  /** The authority of the serving certificate, PEM. */
  readonly ca: string
  /** The kubeconfig of a member of system:masters. */
  readonly adminKubeconfig: string
  readonly logFile: string
  readonly kubectlPath: string
  /** kubectl with a kubeconfig of ours: the admin's, or one without credentials plus the token given. */
  kubectl(
    args: readonly string[],
    options?: { token?: string; kubeconfig?: string; input?: string; env?: Readonly<Record<string, string>> },
  ): Promise<Outcome>
  /** A bare request; without a token it is anonymous. */
  request(path: string, options?: { token?: string; method?: string; body?: string }): Promise<Reply>
  /** The bytes that etcd holds for a key, such as /registry/secrets/default/s1. */
  etcdGet(key: string): Promise<Buffer | undefined>
  /** Takes up other settings (all of them: none is kept), or the same ones in a new process. */
  restart(settings?: ApiserverSettings): Promise<void>
  stop(): Promise<void>
}

/** Where a kube-apiserver lives; apart from 6443 and 2379, so that a cluster of this machine is left alone. */
export interface ApiserverPlace {
  /** Its state: certificates, logs and (unless it is another's) the store. */
  readonly home?: string
  readonly apiPort?: string
  readonly etcdPort?: string
  /** Use the etcd that listens there already. */
  readonly sharesEtcd?: boolean
}

/**
 * A real kube-apiserver on loopback: etcd goes on running between test files, the apiserver is a new process with
 * an empty memory, whatever its settings were before (run.sh stops both after the last file).
 */
export async function startKubeApiserver(
  settings: ApiserverSettings = {},
  place: ApiserverPlace = {},
): Promise<KubeApiserver> {
  const cache = join(process.env.HOME ?? '', '.cache/portcullis-kubernetes')
  const home = place.home ?? process.env.KUBERNETES_HOME ?? cache
  const bin = process.env.KUBERNETES_BIN ?? join(cache, 'bin')
  const [apiPort, etcdPort] = [place.apiPort ?? testPort(16443), place.etcdPort ?? testPort(12379)]
  const where = {
    ...{ KUBERNETES_HOME: home, KUBERNETES_BIN: bin, API_PORT: apiPort, ETCD_PORT: etcdPort },
    ...(place.sharesEtcd === true && { ETCD_SHARED: '1' }),
  }
  const stop = async () =>
    void (await runScript('test/apiserver/down.sh', { ...where, ONLY: 'kube-apiserver' }))
  let current = settings
  const restart = async (next: ApiserverSettings = current) => {
    current = next
    await stop()
    await runScript('test/apiserver/up.sh', { ...where, ...variables(next) })
  }
  await restart()
  const url = `https://127.0.0.1:${apiPort}`
  const ca = readFileSync(join(home, 'pki/ca.crt'), 'utf8')
  const adminKubeconfig = join(home, 'admin.kubeconfig')
  return {
    url,
    ca,
    adminKubeconfig,
    logFile: join(home, 'log/kube-apiserver.log'),
    kubectl(args, { token, kubeconfig, input, env } = {}) {
      const file = kubeconfig ?? (token === undefined ? adminKubeconfig : join(home, 'user.kubeconfig'))
      return run(join(bin, 'kubectl'), [...(token === undefined ? [] : [`--token=${token}`]), ...args], {
        // a HOME of its own: kubectl keeps what it found out there
        env: { PATH: process.env.PATH ?? '', ...env, KUBECONFIG: file, HOME: join(home, 'kubectl') },
        timeoutMs: 60_000,
        ...(input !== undefined && { input }),
      })
    },
    request: (path, { token, method, body } = {}) =>
      ask(
        url,
        {
          path,
          method: method ?? 'GET',
          headers: {
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
            ...(body !== undefined && { 'content-type': 'application/json' }),
          },
          ...(body !== undefined && { body }),
        },
        { ca },
      ),
    async etcdGet(key) {
      const body = JSON.stringify({ key: Buffer.from(key).toString('base64') })
      const etcd = `http://127.0.0.1:${etcdPort}`
      const { text } = await ask(etcd, { method: 'POST', path: '/v3/kv/range', body })
      const found = (JSON.parse(text) as { kvs?: { value: string }[] }).kvs?.[0]?.value
      return found === undefined ? undefined : Buffer.from(found, 'base64')
    },
    kubectlPath: join(bin, 'kubectl'),
    restart,
    stop,
  }
}

function variables(settings: ApiserverSettings): Record<string, string> {
  const { tokenWebhook, tokenWebhookVersion, authzConfig, encryptionConfig, flags } = settings
  return {
    ...(tokenWebhook !== undefined && { TOKEN_WEBHOOK: tokenWebhook }),
    ...(tokenWebhookVersion !== undefined && { TOKEN_WEBHOOK_VERSION: tokenWebhookVersion }),
    ...(authzConfig !== undefined && { AUTHZ_CONFIG: authzConfig }),
    ...(encryptionConfig !== undefined && { ENCRYPTION_CONFIG: encryptionConfig }),
    ...(flags !== undefined && { APISERVER_ARGS: flags.join(' ') }),
  }
}
