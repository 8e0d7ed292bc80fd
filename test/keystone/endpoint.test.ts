import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { createKeystoneEndpoint } from '../../src/keystone/endpoint.ts'
import { held, type Scripted, scriptKeystone } from '../support/scripted-keystone.ts'

const { signal } = new AbortController()
const self = (href: unknown) => ({ rel: 'self', href })
const versions = (...values: unknown[]) => ({ status: 300, body: { versions: { values } } })
const V2 = { id: 'v2.0', links: [self('http://inside/v2.0/')] }
const V3 = { id: 'v3.14', links: [self('http://inside:35357/v3/')] }

t.test('a URL that ends in /v3 is used as it is, without a call', async (t) => {
  for (const [url, used] of [
    ['http://h:5000/v3', 'http://h:5000/v3'],
    ['http://h/identity/v3/', 'http://h/identity/v3'],
    ['https://h/v3///', 'https://h/v3'],
  ] as const) {
    const { call, calls } = scriptKeystone(() => new Error('asked'))
    t.equal(await createKeystoneEndpoint({ url, call })(signal), used)
    t.equal(calls.length, 0)
  }
})

t.test('elsewhere Keystone is asked for its versions, and of its link only the path is used', async (t) => {
  const rows: [string, string, unknown, string][] = [
    ['http://h:5000', 'http://h:5000/', 'http://inside:35357/v3/', 'http://h:5000/v3'],
    ['https://h/identity/', 'https://h/identity/', 'http://inside/identity/v3', 'https://h/identity/v3'],
    ['http://h//', 'http://h/', 'http://inside/v3//', 'http://h/v3'],
    ['http://h/v3.14', 'http://h/v3.14/', '/v3/', 'http://h/v3'],
    ['http://h/a', 'http://h/a/', 'v3', 'http://h/v3'],
    ['http://h/v3/more', 'http://h/v3/more/', 'https://x/v3/?q=1', 'http://h/v3'],
  ]
  for (const [url, asked, href, used] of rows) {
    const { call, calls } = scriptKeystone(() => versions(V2, { id: 'v3.14', links: [self(href)] }))
    t.equal(await createKeystoneEndpoint({ url, call })(signal), used, url)
    t.strictSame(calls, [{ operation: 'discovery', url: asked, signal, retry: true, ahead: true }])
    t.equal(calls[0]?.signal, signal)
  }
})

t.test('the version list may hold anything; the first self link of a v3 counts', async (t) => {
  const odd = [
    ...[null, 'v3', 3, []],
    { id: 'not-v3', links: [self('http://k/odd-1')] },
    { id: 3, links: [self('http://k/odd-2')] },
    { id: '', links: [self('http://k/odd-3')] },
    { links: [self('http://k/odd-4')] },
    { id: 'v3.0' },
    { id: 'v3.0', links: {} },
    { id: 'v3.0', links: 'self' },
    {
      id: 'v3.0',
      links: [
        ...[null, 'x', []],
        { rel: 'describedby', href: 'http://k/odd-5' },
        { href: 'http://k/odd-6' },
        ...[undefined, '', 3, 'http://', { href: '/odd-7' }].map(self),
      ],
    },
  ]
  for (const list of [[V2, ...odd, V3], [V3, { ...V3, links: [self('/later')] }], [{ ...V3, id: 'v3' }]]) {
    const { call } = scriptKeystone(() => versions(...list))
    t.equal(await createKeystoneEndpoint({ url: 'http://h', call })(signal), 'http://h/v3')
  }
  const bodies = [versions(V2, ...odd), versions(), { body: { versions: [V3] } }, { body: { values: [V3] } }]
  for (const answer of [...bodies, { body: undefined }, { body: { versions: { values: { 0: V3 } } } }]) {
    const { call } = scriptKeystone(() => answer)
    await t.rejects(createKeystoneEndpoint({ url: 'http://h/x', call })(signal), {
      code: 'KEYSTONE_WRONG_URL',
      message: /^http:\/\/h\/x .*v3.*Keystone URL/,
    })
  }
})

t.test('what was found once is not asked for again, a failure is', async (t) => {
  const answers: Scripted[] = [new PortcullisError('HTTP_UNREACHABLE', 'down'), versions(V2), versions(V3)]
  const { call, calls } = scriptKeystone(
    (_, index) => answers[index] ?? versions({ ...V3, links: [self('/b')] }),
  )
  const endpoint = createKeystoneEndpoint({ url: 'http://h', call })
  await t.rejects(endpoint(signal), { code: 'HTTP_UNREACHABLE' })
  await t.rejects(endpoint(signal), { code: 'KEYSTONE_WRONG_URL' })
  for (let again = 0; again < 3; again += 1) t.equal(await endpoint(signal), 'http://h/v3')
  t.equal(calls.length, 3)
})

t.test('one who gives up does not end the question of another', async (t) => {
  const [late, soon] = [held<Scripted>(), held<Scripted>()]
  const { call, calls } = scriptKeystone((_, index) => [late, soon][index]?.promise ?? new Error('a third'))
  const endpoint = createKeystoneEndpoint({ url: 'http://h', call })
  const [first, second] = [new AbortController(), new AbortController()]
  const [gone, answered] = [endpoint(first.signal), endpoint(second.signal)]
  t.ok(calls[0]?.signal === first.signal && calls[1]?.signal === second.signal)
  late.reject(new PortcullisError('HTTP_TIMEOUT', 'late'))
  await t.rejects(gone, { code: 'HTTP_TIMEOUT' })
  soon.resolve(versions(V3))
  t.equal(await answered, 'http://h/v3')
})
