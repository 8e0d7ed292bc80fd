import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { NAMESPACES, ROLE_BINDINGS } from '../../src/kubernetes/object.ts'
import { bindingOf, namespaceOf } from '../support/cluster-objects.ts'
import { loginMemoryCases } from '../support/login-memory-cases.ts'
import { BOTH, loginSyncWorld } from '../support/login-sync-world.ts'
import { loginWaitCases } from '../support/login-wait-cases.ts'
import { settled } from '../support/settled.ts'
import { PROJECTS, USERS } from '../support/two-domains.ts'

const { acmeWeb, acmeOps, betaWeb } = PROJECTS
const { acmeAlice, acmeBob, betaAlice } = USERS
const FIRST = ['get namespaces', 'create namespaces', 'list rolebindings', 'create rolebindings']
const AGAIN = ['get namespaces', 'list rolebindings']

t.test('a first login makes the namespace and then the bindings, and waits for both', async (t) => {
  const { cluster, calls, logIn, metrics, lines, sync } = await loginSyncWorld(t)
  calls()
  t.equal(await logIn(acmeAlice, acmeWeb), undefined)
  t.strictSame(calls(), FIRST)
  t.strictSame(cluster.names('namespaces'), ['p-acme-web'])
  t.strictSame(cluster.names('rolebindings'), [`p-acme-web/${acmeAlice.id}_member`])
  t.match(cluster.get('rolebindings', `p-acme-web/${acmeAlice.id}_member`), {
    subjects: [{ kind: 'User', name: 'Acme:alice' }],
    roleRef: { kind: 'ClusterRole', name: 'member' },
  })
  t.strictSame(metrics, {
    jobs: ['done'],
    changes: ['create namespace', 'create role_binding'],
    waits: ['done'],
  })
  t.strictSame([lines, sync.fault()], [[], undefined])
})

t.test(
  'each user in each project, and each change of roles, name or completeness, is looked at',
  async (t) => {
    const { cluster, calls, logIn } = await loginSyncWorld(t)
    await logIn(acmeAlice, acmeWeb)
    for (const [user, project, more, expected] of [
      [acmeBob, acmeWeb, {}, ['list rolebindings', 'create rolebindings']],
      [betaAlice, acmeWeb, {}, ['list rolebindings', 'create rolebindings']],
      [acmeAlice, acmeOps, {}, FIRST],
      [acmeAlice, acmeWeb, { roles: ['member', 'reader'] }, ['list rolebindings', 'create rolebindings']],
      [acmeAlice, acmeWeb, { roles: ['reader'] }, ['list rolebindings', 'delete rolebindings']],
      [
        acmeAlice,
        acmeWeb,
        { roles: ['reader'], username: 'alice' },
        ['list rolebindings', 'patch rolebindings'],
      ],
      [acmeAlice, acmeWeb, { roles: ['reader'], username: 'alice', complete: false }, ['list rolebindings']],
      [acmeAlice, acmeWeb, { roles: ['reader'], username: 'alice' }, ['list rolebindings']],
    ] as const) {
      calls()
      await logIn(user, project, more)
      t.strictSame(calls(), expected, JSON.stringify([user.id, project.id, more]))
      t.equal(logIn(user, project, more), undefined)
      await settled()
      t.strictSame(calls(), [])
    }
    calls()
    for (const [user, project] of [
      [acmeBob, acmeWeb],
      [betaAlice, acmeWeb],
      [acmeAlice, acmeOps],
    ] as const)
      t.equal(logIn(user, project), undefined, 'and remembered apart from the others')
    await settled()
    t.strictSame(calls(), [])
    t.strictSame(cluster.names('rolebindings'), [
      `p-acme-ops/${acmeAlice.id}_member`,
      `p-acme-web/${acmeAlice.id}_reader`,
      `p-acme-web/${acmeBob.id}_member`,
      `p-acme-web/${betaAlice.id}_member`,
    ])
  },
)

t.test(
  'a namespace of another project gets no bindings, is reported, and is looked at each time',
  async (t) => {
    const { cluster, calls, logIn, lines, metrics } = await loginSyncWorld(t)
    cluster.put(NAMESPACES, namespaceOf(betaWeb, { name: 'p-acme-web' }))
    for (let time = 1; time <= 2; time += 1) {
      calls()
      await logIn(acmeAlice, acmeWeb)
      t.strictSame(calls(), ['get namespaces'])
      t.equal(lines.length, time)
    }
    t.strictSame(lines[0], {
      level: 'warn',
      namespace: 'p-acme-web',
      project: 'p-acme-web',
      msg: 'The namespace belongs to another project',
    })
    t.strictSame(metrics.jobs, ['done', 'done'])
  },
)

t.test('data types and lists of projects say what is made', async (t) => {
  for (const [config, expected] of [
    [{}, []],
    [{ 'data-types-to-sync': [] }, []],
    [{ ...BOTH, 'projects-blacklist': ['p-acme-web'] }, []],
    [{ ...BOTH, 'projects-allowlist': [{ domain: 'Beta' }] }, []],
    [{ ...BOTH, 'projects-allowlist': [{ name: 'web', domain: 'Acme' }] }, FIRST],
    [{ 'data-types-to-sync': ['projects'] }, FIRST.slice(0, 2)],
    [{ 'data-types-to-sync': ['role_assignments'] }, FIRST.slice(2)],
  ] as const) {
    const { calls, logIn } = await loginSyncWorld(t, { config })
    calls()
    const waited = logIn(acmeAlice, acmeWeb)
    if (expected.length === 0) t.equal(waited, undefined)
    await waited
    t.strictSame(calls(), expected, JSON.stringify(config))
    t.equal(logIn(acmeAlice, acmeWeb), undefined)
    await settled()
    t.strictSame(calls(), [], 'and is remembered')
  }
})

t.test('the namespace is named by the format, with the domain of the user', async (t) => {
  const { cluster, logIn, lines } = await loginSyncWorld(t, { format: '%d-%n-%i' })
  await logIn(acmeAlice, betaWeb)
  await logIn(betaAlice, betaWeb)
  t.strictSame(cluster.names('namespaces'), ['d-acme-web-p-beta-web', 'd-beta-web-p-beta-web'])
  t.strictSame(lines, [])
})

t.test('a project that can have no namespace, or only one named by its id, is reported', async (t) => {
  const { cluster, calls, logIn, lines } = await loginSyncWorld(t, { format: '%n-%i' })
  const [none, long] = [
    { ...acmeWeb, id: 'x'.repeat(64) },
    { ...acmeOps, name: 'n'.repeat(60) },
  ]
  calls()
  t.equal(logIn(acmeAlice, none), undefined)
  t.strictSame(
    [calls(), lines],
    [[], [{ level: 'warn', project: none.id, msg: 'The project can have no namespace' }]],
  )
  const quiet = await loginSyncWorld(t, { config: {}, format: '%n-%i' })
  t.equal(quiet.logIn(acmeAlice, none), undefined)
  t.strictSame(quiet.lines, [], 'where nothing is synchronised that is no matter')
  await logIn(acmeAlice, long)
  t.strictSame(cluster.names('namespaces'), ['p-acme-ops'])
  const msg = 'The namespace is named by the project’s id: the format is too long'
  t.strictSame(lines.slice(1), [{ level: 'warn', project: 'p-acme-ops', msg }])
  logIn(acmeAlice, long)
  t.equal(lines.length, 2, 'once, while it is remembered')
})

t.test('a binding in the way is reported, and the login is done all the same', async (t) => {
  const { cluster, logIn, lines, metrics } = await loginSyncWorld(t)
  const labels = { 'app.kubernetes.io/managed-by': 'Helm' }
  cluster.put(ROLE_BINDINGS, bindingOf('p-acme-web', acmeAlice, 'somebody', 'member', { labels }))
  await logIn(acmeAlice, acmeWeb)
  t.strictSame(lines, [
    {
      level: 'warn',
      namespace: 'p-acme-web',
      binding: `${acmeAlice.id}_member`,
      msg: 'A role binding is not ours and says something else',
    },
  ])
  t.strictSame(metrics.jobs, ['done'])
})

t.test('users who come at once share the making of their namespace', async (t) => {
  const { cluster, calls, logIn } = await loginSyncWorld(t)
  calls()
  await Promise.all([logIn(acmeAlice, acmeWeb), logIn(acmeBob, acmeWeb), logIn(acmeAlice, acmeOps)])
  const made = calls()
  t.equal(made.filter((call) => call === 'get namespaces').length, 2, 'one for each namespace')
  t.equal(cluster.names('rolebindings').length, 3)
})

t.test(
  'of logins that wait for their turn, those of one user replace each other and no others',
  async (t) => {
    const { cluster, logIn, hang, recover } = await loginSyncWorld(t)
    hang()
    for (const project of [acmeWeb, acmeOps])
      for (const user of [acmeAlice, acmeBob, betaAlice]) void logIn(user, project)
    void logIn(betaAlice, acmeOps, { roles: ['reader'] })
    recover()
    await settled()
    const members = [acmeAlice, acmeBob].map(({ id }) => `${id}_member`)
    t.strictSame(cluster.names('rolebindings'), [
      ...[...members, `${betaAlice.id}_reader`].map((name) => `p-acme-ops/${name}`),
      ...[...members, `${betaAlice.id}_member`].map((name) => `p-acme-web/${name}`),
    ])
  },
)

t.test(
  'a namespace that could not be made is tried again, and so is one whose bindings could not',
  async (t) => {
    for (const [call, expected] of [
      ['create namespaces', FIRST],
      ['list rolebindings', [...AGAIN, 'create rolebindings']],
    ] as const) {
      const { cluster, clock, calls, logIn, sync, metrics } = await loginSyncWorld(t)
      cluster.fault = (made) => (made === call ? new PortcullisError('HTTP_UNREACHABLE', 'down') : undefined)
      await logIn(acmeAlice, acmeWeb)
      t.equal(sync.fault(), 'down')
      cluster.fault = () => undefined
      calls()
      await clock.advance(250)
      await settled()
      t.strictSame(calls(), expected)
      t.strictSame([metrics.jobs, sync.fault()], [['failed', 'done'], undefined])
    }
  },
)

t.test('after a stop nothing is made and nothing is watched', async (t) => {
  const { cluster, clock, logIn, sync } = await loginSyncWorld(t)
  cluster.fault = () => new PortcullisError('HTTP_UNREACHABLE', 'down')
  await logIn(acmeAlice, acmeWeb)
  sync.stop()
  await settled()
  cluster.calls.length = 0
  void logIn(acmeBob, acmeWeb)
  await clock.advance(600_000)
  t.strictSame(cluster.calls, [])
})

loginMemoryCases(t)
loginWaitCases(t)
