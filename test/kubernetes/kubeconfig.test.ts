import { join } from 'node:path'
import t from 'tap'
import { podAccess } from '../../src/kubernetes/cluster-access.ts'
import { kubeconfigAccess } from '../../src/kubernetes/kubeconfig.ts'

const file = (cluster: string, user: string) => `
apiVersion: v1
kind: Config
clusters: [{name: other, cluster: {server: "https://other"}}, {name: c, cluster: {${cluster}}}]
users: [{name: u, user: {${user}}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`
const base64 = (text: string) => Buffer.from(text).toString('base64')

t.test('paths count from the kubeconfig’s folder, data beats a path, and files are read anew', async (t) => {
  const dir = t.testdir({
    'ca.crt': 'CA',
    token: 'one\n',
    config: file(
      `server: "https://api:6443/", certificate-authority: ca.crt, tls-server-name: kubernetes`,
      `tokenFile: token, token: beaten, client-certificate-data: ${base64('CERT')}, client-certificate: nowhere, client-key-data: ${base64('KEY')}`,
    ),
  })
  const read = kubeconfigAccess(join(dir, 'config'))
  const access = { server: 'https://api:6443', ca: 'CA', serverName: 'kubernetes', cert: 'CERT', key: 'KEY' }
  t.same(read(), { ...access, token: 'one' })
  t.testdir({ 'ca.crt': 'CA', token: 'two', config: file('server: "https://api"', 'tokenFile: token') })
  t.match(read(), { server: 'https://api', ca: undefined, token: 'two' })
})

t.test('what is missing, or would be another way of logging in, is refused by name', async (t) => {
  for (const [cluster, user, message] of [
    ['', '', /server: expected an https URL/],
    ['server: "ftp://x"', '', /server: expected/],
    ['server: "https://x", insecure-skip-tls-verify: true', '', /insecure-skip-tls-verify is not supported/],
    ['server: "https://x", proxy-url: "http://p"', '', /proxy-url is not supported/],
    ['server: "https://x"', 'exec: {command: aws}', /exec is not supported/],
    ['server: "https://x"', 'username: a, password: b', /username is not supported/],
    ['server: "https://x"', `client-certificate-data: ${base64('C')}`, /belong together/],
    ['server: "http://x"', 'token: t', /not sent over plain http/],
    ['server: "https://x"', 'tokenFile: nowhere', /cannot read .*nowhere/],
  ] as const) {
    const dir = t.testdir({ config: file(cluster, user) })
    t.throws(() => kubeconfigAccess(join(dir, 'config'))(), { message }, String(message))
  }
  const dir = t.testdir({ config: 'contexts: []\n' })
  t.throws(() => kubeconfigAccess(join(dir, 'config'))(), { code: 'KUBECONFIG_INVALID', message: /contexts/ })
})

t.test('a pod finds the API by its environment and its service account', async (t) => {
  const folder = t.testdir({ token: 'pod\n', 'ca.crt': 'CA' })
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
  t.strictSame(podAccess(env, folder)(), {
    ...{ server: 'https://[fd00::1]:443', token: 'pod', ca: 'CA' },
    ...{ serverName: undefined, cert: undefined, key: undefined },
  })
  t.throws(() => podAccess({}, folder)(), { code: 'KUBECONFIG_INVALID' })
})
