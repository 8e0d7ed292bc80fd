import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { KubernetesCall } from '../../src/kubernetes/caller.ts'
import { createKubernetesClient } from '../../src/kubernetes/client.ts'
import { CONFIG_MAPS, NAMESPACES, ROLE_BINDINGS } from '../../src/kubernetes/object.ts'
import { errorCode } from '../support/error-code.ts'
import { secret } from '../support/secrets.ts'
import { makeClient, PLAIN } from './client-world.ts'

async function serve(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('a token is read anew when the API server does not know it any more', async (t) => {
  const tokens: string[] = []
  const server = await serve(t, ({ headers }, response) => {
    tokens.push(String(headers.authorization))
    response.writeHead(headers.authorization === 'Bearer second' ? 200 : 401)
    response.end('{"metadata":{"name":"a"}}')
  })
  const held = ['first', 'second', 'third']
  const client = makeClient(t, () => ({ server, ...PLAIN, token: held.shift() }))
  t.match(await client.get(NAMESPACES, { name: 'a' }), { metadata: { name: 'a' } })
  t.same(tokens, ['Bearer first', 'Bearer second'])
})

t.test('what answers but is no Kubernetes API is told apart, and nothing of it is quoted', async (t) => {
  const hidden = secret('what-a-proxy-says-0123456789')
  let answer: [number, string] = [200, '']
  const client = makeClient(
    t,
    await serve(t, (_request, response) => response.writeHead(answer[0]).end(answer[1])),
  )
  for (const [status, body, code] of [
    [200, `<html>${hidden}`, 'KUBERNETES_BAD_ANSWER'],
    [404, `<html>${hidden}`, 'KUBERNETES_BAD_ANSWER'],
    [404, '{"error":"no Status"}', 'KUBERNETES_BAD_ANSWER'],
    [200, '{"metadata":{}}', 'KUBERNETES_BAD_ANSWER'],
    [301, '{}', 'KUBERNETES_BAD_ANSWER'],
    [401, hidden, 'KUBERNETES_REFUSED_US'],
    [429, hidden, 'KUBERNETES_SERVER_ERROR'],
    [503, hidden, 'KUBERNETES_SERVER_ERROR'],
  ] as const) {
    answer = [status, body]
    const error = await client.get(NAMESPACES, { name: 'a' }).catch((caught: Error) => caught)
    t.match(error, { code }, `${status} ${code}`)
    t.notMatch(String(error), hidden)
  }
})

t.test('a no of the API is an answer', async (t) => {
  let answer: object = {}
  const client = makeClient(
    t,
    await serve(t, (_request, response) =>
      response
        .writeHead((answer as { code: number }).code)
        .end(JSON.stringify({ kind: 'Status', ...answer })),
    ),
  )
  const terminating = { causes: [{ reason: 'NamespaceTerminating' }] }
  for (const [status, refusal] of [
    [{ code: 404 }, 'absent'],
    [{ code: 409, reason: 'AlreadyExists' }, 'exists'],
    [{ code: 409, reason: 'Conflict' }, 'conflict'],
    [{ code: 403 }, 'forbidden'],
    [{ code: 403, details: terminating }, 'terminating'],
    [{ code: 422 }, 'invalid'],
  ] as const) {
    answer = status
    t.equal(await client.create(ROLE_BINDINGS, { metadata: { name: 'b', namespace: 'n' } }), refusal)
  }
})

t.test('a name that is no part of a path is refused unasked', async (t) => {
  const asked: string[] = []
  const client = makeClient(
    t,
    await serve(t, ({ url }, response) => {
      asked.push(String(url))
      response.end()
    }),
  )
  for (const name of ['', '.', '..', 'a/b', 'a%2fb', '../pods'])
    t.equal(await client.delete(ROLE_BINDINGS, { namespace: 'n', name }), 'invalid', name)
  t.same(asked, [])
})

t.test('a list whose pages have expired begins anew once', async (t) => {
  const asked: string[] = []
  const client = makeClient(
    t,
    await serve(t, ({ url }, response) => {
      asked.push(String(url))
      const page = { metadata: { resourceVersion: '1', continue: 'x' }, items: [] }
      const last = asked.length > 3 ? { ...page, metadata: { resourceVersion: '2' } } : page
      const expired = asked.length === 2
      response.writeHead(expired ? 410 : 200)
      response.end(JSON.stringify(expired ? { kind: 'Status', code: 410, reason: 'Expired' } : last))
    }),
  )
  t.same(await client.list(NAMESPACES), { items: [], resourceVersion: '2' })
  t.same(
    asked.map((url) => url.includes('continue=')),
    [false, true, false, true],
  )
})

/** A client that sends nothing: what it would send, and what the test answers. */
function recorded(
  answer: (call: KubernetesCall, index: number) => object = () => ({ metadata: { name: 'a' } }),
) {
  const calls: KubernetesCall[] = []
  const client = createKubernetesClient({
    async call(call) {
      calls.push(call)
      return answer(call, calls.length - 1) as Readonly<Record<string, unknown>>
    },
    async open(call) {
      calls.push(call)
      return 'expired'
    },
  })
  return { client, calls }
}

t.test('each call is the one that the API documents, with its preconditions', async (t) => {
  const { client, calls } = recorded()
  const root = '/apis/rbac.authorization.k8s.io/v1/namespaces/n/rolebindings'
  const name = { name: 'a', namespace: 'n' }
  const object = { metadata: name, subjects: [] }
  const whole = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding', ...object }
  const patch = { metadata: { resourceVersion: '7' } }
  await client.get(ROLE_BINDINGS, name)
  await client.create(ROLE_BINDINGS, object)
  await client.create(ROLE_BINDINGS, object, { dryRun: true })
  await client.patch(ROLE_BINDINGS, name, patch)
  await client.apply(ROLE_BINDINGS, object)
  t.equal(await client.delete(ROLE_BINDINGS, { ...name, uid: 'u-1' }), 'deleted')
  await client.delete(ROLE_BINDINGS, name)
  await client.openWatch(
    CONFIG_MAPS,
    { namespace: 'n', labelSelector: 'a=b' },
    { resourceVersion: '7', timeoutSeconds: 60, signal: new AbortController().signal },
  )
  const watch = 'labelSelector=a%3Db&watch=1&allowWatchBookmarks=true&resourceVersion=7&timeoutSeconds=60'
  t.strictSame(calls, [
    { operation: 'get', path: `${root}/a` },
    { operation: 'create', method: 'POST', path: `${root}?fieldManager=portcullis`, body: whole },
    { operation: 'create', method: 'POST', path: `${root}?fieldManager=portcullis&dryRun=All`, body: whole },
    {
      operation: 'patch',
      method: 'PATCH',
      path: `${root}/a?fieldManager=portcullis`,
      contentType: 'application/merge-patch+json',
      body: patch,
    },
    {
      operation: 'apply',
      method: 'PATCH',
      path: `${root}/a?fieldManager=portcullis&force=true`,
      contentType: 'application/apply-patch+yaml',
      body: whole,
    },
    { operation: 'delete', method: 'DELETE', path: `${root}/a`, body: { preconditions: { uid: 'u-1' } } },
    { operation: 'delete', method: 'DELETE', path: `${root}/a`, body: {} },
    { operation: 'watch', path: `/api/v1/namespaces/n/configmaps?${watch}` },
  ])
})

t.test('a list is all of its pages or an error, never a part', async (t) => {
  const page = (items: unknown, more: object = {}) => ({ metadata: { resourceVersion: '7', ...more }, items })
  const named = (name: string) => ({ metadata: { name } })
  const whole = recorded((_, index) =>
    index === 0 ? page([named('a')], { continue: 'c 1' }) : page([named('b')], { resourceVersion: '8' }),
  )
  t.strictSame(await whole.client.list(NAMESPACES, { labelSelector: 'a' }), {
    items: [named('a'), named('b')],
    resourceVersion: '8',
  })
  t.strictSame(
    whole.calls.map(({ path }) => path),
    [
      '/api/v1/namespaces?labelSelector=a&limit=500',
      '/api/v1/namespaces?labelSelector=a&limit=500&continue=c+1',
    ],
  )
  for (const odd of [
    {},
    { items: [] },
    { metadata: {}, items: [] },
    page(undefined),
    page({}),
    page([named('a'), {}]),
    page([named('a'), { metadata: { name: 'b', labels: { a: 1 } } }]),
    page([named('a'), { metadata: { name: 'b', annotations: { a: null } } }]),
  ])
    t.equal(
      await errorCode(recorded(() => odd).client.list(NAMESPACES)),
      'KUBERNETES_BAD_ANSWER',
      JSON.stringify(odd),
    )
  const endless = recorded(() => page([], { continue: 'again' }))
  t.equal(await errorCode(endless.client.list(NAMESPACES)), 'KUBERNETES_BAD_ANSWER')
  t.equal(endless.calls.length, 1000)
})
