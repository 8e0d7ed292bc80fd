import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runProgram, startServe } from '../support/program.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { ask } from '../support/wire.ts'
import { accessReview, authorize } from './support/review-wire.ts'

const KEYSTONE = ['--keystone-url', 'http://127.0.0.1:1/v3']
const RULES = `# subject, namespace, group, resource, name, verb, selector, effect
p, role:member & project:p1, $own|shared, -, pods|pods/log, *, get|list, *, allow
p, role:member, *, -, secrets, *, *, *, deny
p, role:auditor, *, -, pods, *, list, label:team=a, allow
p2, role:member, /healthz*, get, allow
`
const CPO =
  '[{"users": {"roles": ["member"], "projects": ["demo"]}, "resource_permissions": {"*/pods": ["create"]}}]'
const MEMBER = { roles: ['member'] }
const pods = (more: object = {}) => ({
  resourceAttributes: { namespace: 'p1', verb: 'get', version: 'v1', resource: 'pods', ...more },
})

t.test(
  'reviews over the wire: allowed, denied, no opinion, in both versions and on both paths',
  async (t) => {
    const file = join(temporaryFolder(t), 'rules.csv')
    writeFileSync(file, RULES)
    const server = await startServe(t, [...KEYSTONE, '--policy-file', file])
    const CASES: [string, object, object][] = [
      ['own namespace', pods(), { allowed: true, reason: 'allowed by rules.csv:2' }],
      ['sub-resource', pods({ subresource: 'log' }), { allowed: true }],
      [
        'exec',
        pods({ subresource: 'exec', verb: 'create', namespace: 'shared' }),
        {
          allowed: false,
          denied: undefined,
          reason: 'no rule for role member in project demo allows create on pods/exec in namespace shared',
        },
      ],
      [
        'a deny rule',
        pods({ resource: 'secrets' }),
        { allowed: false, denied: true, reason: /^denied by rules.csv:3$/ },
      ],
      ['a path', { nonResourceAttributes: { path: '/healthz/etcd', verb: 'get' } }, { allowed: true }],
      ['another path', { nonResourceAttributes: { path: '/metrics', verb: 'get' } }, { allowed: false }],
      ['empty path attributes', { nonResourceAttributes: {} }, { allowed: false }],
    ]
    for (const version of ['v1', 'v1beta1'] as const)
      for (const path of ['/authorize?timeout=3s', '/webhook?timeout=3s'])
        for (const [name, attributes, status] of CASES) {
          const { code, answer } = await authorize(
            server,
            accessReview(version, MEMBER, { ...attributes }),
            path,
          )
          t.equal(code, 200)
          t.match(
            answer,
            { kind: 'SubjectAccessReview', apiVersion: `authorization.k8s.io/${version}`, status },
            name,
          )
          t.same(Object.keys(answer).sort(), ['apiVersion', 'kind', 'metadata', 'status'])
        }
    const select = (values: readonly string[]) =>
      pods({
        verb: 'list',
        namespace: 'x',
        labelSelector: { requirements: [{ key: 'team', operator: 'In', values }] },
      })
    const auditor = { roles: ['auditor'] }
    for (const version of ['v1', 'v1beta1'] as const) {
      const allowed = async (attributes: object) =>
        (await authorize(server, accessReview(version, auditor, { ...attributes }))).answer.status
      t.match(await allowed(select(['a'])), { allowed: true }, 'a selector that the rule wants')
      t.match(await allowed(select(['a', 'b'])), { allowed: false }, 'a wider selector')
      t.match(await allowed(pods({ verb: 'list', namespace: 'x' })), { allowed: false }, 'no selector')
    }
  },
)

t.test(
  'bodies that are no SubjectAccessReview get a 400 with a Status, never a crash, never an allow',
  async (t) => {
    const file = join(temporaryFolder(t), 'rules.csv')
    writeFileSync(file, 'p, *, *, *, *, *, *, *, allow\np2, *, *, *, allow\n')
    const server = await startServe(t, [...KEYSTONE, '--policy-file', file])
    const body = (spec: unknown, version = 'v1') =>
      JSON.stringify({ apiVersion: `authorization.k8s.io/${version}`, kind: 'SubjectAccessReview', spec })
    const get = { resourceAttributes: { verb: 'get' } }
    const ODD: Readonly<Record<string, string>> = {
      'no spec': '{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview"}',
      'spec null': body(null),
      'spec a list': body([]),
      'no attributes': body({ user: 'a' }),
      'attributes null': body({ user: 'a', resourceAttributes: null }),
      'attributes a string': body({ user: 'a', resourceAttributes: 'get' }),
      'path attributes a list': body({ user: 'a', nonResourceAttributes: [] }),
      'verb a number': body({ user: 'a', resourceAttributes: { verb: 1 } }),
      'namespace null': body({ user: 'a', resourceAttributes: { namespace: null } }),
      'user a list': body({ ...get, user: ['a'] }),
      'groups a string': body({ ...get, groups: 'a' }),
      'group of numbers': body({ ...get, group: [1] }, 'v1beta1'),
      'extra a list': body({ ...get, extra: ['a'] }),
      'extra with a string': body({ ...get, extra: { 'example.org/x': 'a' } }),
      'extra with null': body({ ...get, extra: { 'example.org/x': null } }),
      'a prototype': body(get).replace('{"verb"', '{"__proto__":{"x":1},"verb"'),
      'requirements an object': body({ resourceAttributes: { fieldSelector: { requirements: {} } } }),
      'a requirement null': body({ resourceAttributes: { labelSelector: { requirements: [null] } } }),
      'values a string': body({ resourceAttributes: { labelSelector: { requirements: [{ values: 'a' }] } } }),
      'version v2': body(get, 'v2'),
      '100,000 brackets': `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
      'two reviews': body(get) + body(get),
      'TokenReview of the wrong group': body(get).replace('SubjectAccessReview', 'TokenReview'),
    }
    for (const [name, text] of Object.entries(ODD)) {
      const { code, answer } = await authorize(server, text)
      t.equal(code, 400, name)
      t.match(answer, { kind: 'Status', code: 400 }, name)
      t.notMatch(JSON.stringify(answer), /"allowed":true/)
    }
    t.match(
      (await authorize(server, body(get))).answer,
      { status: { allowed: true } },
      'and a good one is answered',
    )
    const bigGroups = Array.from({ length: 20_000 }, (_, n) => `group-${n}`)
    t.match((await authorize(server, body({ ...get, groups: bigGroups }))).code, 200)
  },
)

t.test('a policy that breaks keeps the old one and shows it; a good one is taken up', async (t) => {
  const dir = temporaryFolder(t)
  const [file, cpo] = [join(dir, 'rules.yaml'), join(dir, 'policy.json')]
  writeFileSync(file, 'rules:\n  - {path: /a, verb: get, subject: "*"}\n')
  writeFileSync(cpo, CPO)
  const server = await startServe(t, [...KEYSTONE, '--policy-file', file, '--keystone-policy-file', cpo])
  const asks = (path: string) => accessReview('v1', MEMBER, { nonResourceAttributes: { path, verb: 'get' } })
  const allowed = async (path: string) =>
    ((await authorize(server, asks(path))).answer.status as { allowed: boolean }).allowed
  const ready = async () => (await ask(server.adminUrl, { path: '/readyz?verbose' })).text
  t.equal(await allowed('/a'), true)
  t.match(await ready(), /\[\+\]policy ok/)
  const until = async (done: () => Promise<boolean>) => {
    for (let tries = 0; !(await done()); tries++) {
      if (tries > 100) throw new Error('it never came')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  writeFileSync(file, 'rules: [')
  await until(async () => /\[!\]policy warning: rules.yaml: line 1/.test(await ready()))
  t.equal(await allowed('/a'), true, 'the old policy holds')
  const metrics = async () => (await ask(server.adminUrl, { path: '/metrics' })).text
  t.match(await metrics(), /^portcullis_policy_faulty_sources 1$/m)
  writeFileSync(
    file,
    'rules:\n  - {path: /b, verb: get, subject: "*"}\n  - {path: /c, verbs: get, subject: "*"}\n',
  )
  await until(async () => (await allowed('/b')) && !(await allowed('/a')))
  t.match(await ready(), /\[!\]policy warning: rules.yaml: left out: line 3/)
  t.match(await metrics(), /^portcullis_policy_quarantined_rules 1$/m)
  writeFileSync(
    file,
    'rules:\n  - {path: /b, verb: get, subject: "*"}\n  - {path: /c, verbs: get, effect: deny}\n',
  )
  await until(async () => /line 3.*verbs/.test(await ready()))
  t.equal(await allowed('/b'), true, 'a deny rule that cannot be read leaves the old policy in place')
})

t.test(
  'the program name decides whether the holes of the JSON format are open; a flag overrides it',
  async (t) => {
    const dir = temporaryFolder(t)
    const file = join(dir, 'policy.json')
    writeFileSync(file, CPO)
    const exec = accessReview('v1', MEMBER, pods({ verb: 'create', subresource: 'exec' }))
    const answers: boolean[] = []
    for (const flags of [[], ['--policy-strict=false']]) {
      const server = await startServe(t, [...KEYSTONE, '--keystone-policy-file', file, ...flags])
      answers.push(((await authorize(server, exec)).answer.status as { allowed: boolean }).allowed)
    }
    t.same(answers, [false, true])
  },
)

t.test('a policy that cannot be used at the start ends it with file, line and column', async (t) => {
  const dir = temporaryFolder(t)
  const file = join(dir, 'policy.json')
  writeFileSync(file, '[\n  {"users": ["a"]}\n]')
  const run = await runProgram(t, 'portcullis', [
    'serve',
    ...KEYSTONE,
    '--state-dir',
    dir,
    '--policy-file',
    file,
  ])
  t.equal(run.code, 1)
  t.match(run.stderr, /POLICY_INVALID: .*policy.json: line 2, column 13: expected an object/)
})

t.test(
  'what is asked is recorded without anything but Keystone’s identity, and a shadow policy is only counted',
  async (t) => {
    const dir = temporaryFolder(t)
    const [file, shadow, record] = ['a.csv', 'b.csv', 'reviews.jsonl'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
    ]
    writeFileSync(file, 'p2, *, /a, get, allow\n')
    writeFileSync(shadow, 'p2, *, /b, get, allow\n')
    const server = await startServe(t, [
      ...KEYSTONE,
      ...['--policy-file', file, '--shadow-policy', shadow, '--record-reviews', record],
    ])
    const body = (path: string) =>
      accessReview('v1', MEMBER, { nonResourceAttributes: { path, verb: 'get' } })
    const secret = body('/a').replace('"extra":{', '"extra":{"example.org/credential":["s3cret"],')
    t.match((await authorize(server, secret)).answer.status, { allowed: true })
    t.match((await authorize(server, body('/b'))).answer.status, { allowed: false })
    const text = (await ask(server.adminUrl, { path: '/metrics' })).text
    t.match(text, /shadow_decisions_total\{result="would_allow"\} 1/)
    t.match(text, /shadow_decisions_total\{result="would_refuse"\} 1/)
    await new Promise((resolve) => setTimeout(resolve, 300))
    const lines = readFileSync(record, 'utf8').trim().split('\n')
    t.match(
      lines.map((line) => JSON.parse(line)),
      [{ decision: 'allow', spec: { user: 'alice' } }, { decision: 'none' }],
    )
    t.notMatch(lines.join(), /s3cret/)
  },
)
