import t from 'tap'
import { NAMESPACES } from '../../src/kubernetes/object.ts'
import { ownerLabels } from '../../src/sync/ownership.ts'
import { bindingOf, namespaceOf } from '../support/cluster-objects.ts'
import { compared, lines, NOW } from '../support/compared.ts'
import { differenceCases } from '../support/difference-cases.ts'
import { hexId, INVENTORY, PROJECTS, USERS } from '../support/two-domains.ts'

const { acmeWeb, acmeOps, betaWeb } = PROJECTS
const { acmeAlice, acmeBob, betaAlice } = USERS
const NAMESPACES_OF_ALL = [acmeWeb, acmeOps, betaWeb].map((project) => namespaceOf(project))
const BINDINGS_OF_ALL = [
  bindingOf('p-acme-web', acmeAlice, 'Acme:alice', 'member'),
  bindingOf('p-acme-web', acmeBob, 'Acme:bob', 'member'),
  bindingOf('p-acme-web', acmeBob, 'Acme:bob', 'admin'),
  bindingOf('p-acme-ops', acmeBob, 'Acme:bob', 'reader'),
  bindingOf('p-beta-web', betaAlice, 'Beta:alice', 'reader'),
]
const ALL = { namespaces: NAMESPACES_OF_ALL, bindings: BINDINGS_OF_ALL }
const NONE = [[], [], [], []]
const withProjects = (...projects: readonly (typeof acmeWeb)[]) => ({ ...INVENTORY, projects })
const disabled = { ...acmeWeb, enabled: false }
const unlabelled = (project: typeof acmeWeb, labels: Record<string, string> = {}) => ({
  metadata: { name: project.id, uid: `uid-${project.id}`, resourceVersion: '7', labels },
})

t.test(
  'an empty cluster gets a namespace for each project and a binding for each grant, namespaces first',
  async (t) => {
    const plan = compared({})
    t.strictSame(lines(plan), [
      [],
      ['p-acme-ops', 'p-acme-web', 'p-beta-web'].map((name) => `create namespaces ${name}: missing`),
      [
        `create rolebindings p-acme-ops/${hexId(0xa2)}_reader: missing`,
        `create rolebindings p-acme-web/${hexId(0xa1)}_member: missing`,
        `create rolebindings p-acme-web/${hexId(0xa2)}_admin: missing`,
        `create rolebindings p-acme-web/${hexId(0xa2)}_member: missing`,
        `create rolebindings p-beta-web/${hexId(0xb1)}_reader: missing`,
      ],
      [],
    ])
    t.strictSame([plan.obstacles, plan.vanished, plan.owned, plan.removals], [[], [], 0, 0])
  },
)

t.test('a cluster that is in step is left alone', async (t) => {
  const plan = compared(ALL)
  t.strictSame(plan, { stages: NONE, obstacles: [], vanished: [], owned: 8, removals: 0 })
})

t.test(
  'a namespace is of the project whose id it carries, whatever its name and the project’s name',
  async (t) => {
    const named = namespaceOf(acmeWeb, { name: 'old-name' })
    const bindings = [
      bindingOf('old-name', acmeAlice, 'Acme:alice', 'member'),
      bindingOf('old-name', betaAlice, 'Beta:alice', 'reader'),
    ]
    const plan = compared({ namespaces: [named, namespaceOf(acmeOps), namespaceOf(betaWeb)], bindings })
    t.strictSame(lines(plan)[0], [`delete rolebindings old-name/${hexId(0xb1)}_reader: revoked`])
    t.strictSame(lines(plan)[1], [], 'no second namespace is made for it')
  },
)

t.test(
  'a namespace of ours that is named as one project’s but says it is another’s is the other’s',
  async (t) => {
    const swapped = namespaceOf(betaWeb, { name: 'p-acme-web' })
    const plan = compared({
      namespaces: [swapped, namespaceOf(acmeOps)],
      bindings: [bindingOf('p-acme-web', acmeAlice, 'Acme:alice', 'member')],
    })
    t.strictSame(lines(plan).slice(0, 2), [
      [`delete rolebindings p-acme-web/${hexId(0xa1)}_member: revoked`],
      [],
    ])
    t.ok(lines(plan)[2]?.includes(`create rolebindings p-acme-web/${hexId(0xb1)}_reader: missing`))
  },
)

t.test(
  'a namespace of ours that does not say its project is that of its name, or unclear and left alone',
  async (t) => {
    const bare = (name: string) => ({ metadata: { name, labels: ownerLabels } })
    const bindings = [bindingOf('odd', acmeAlice, 'Acme:alice', 'member')]
    const plan = compared({ namespaces: [bare('p-acme-web'), bare('odd')], bindings })
    t.strictSame(plan.obstacles, [{ resource: NAMESPACES, name: 'odd', what: 'unclear' }])
    t.strictSame(lines(plan)[0], [])
    t.ok(lines(plan)[1]?.includes('update namespaces p-acme-web: different'))
    t.strictSame(plan.vanished, [])
  },
)

t.test('the bindings of a disabled project go and its namespace is marked; others keep theirs', async (t) => {
  const plan = compared(ALL, {}, withProjects(disabled, acmeOps, betaWeb))
  t.strictSame(lines(plan), [
    [
      `delete rolebindings p-acme-web/${hexId(0xa1)}_member: project_disabled`,
      `delete rolebindings p-acme-web/${hexId(0xa2)}_admin: project_disabled`,
      `delete rolebindings p-acme-web/${hexId(0xa2)}_member: project_disabled`,
    ],
    ['update namespaces p-acme-web: project_disabled'],
    [],
    [],
  ])
  t.match(plan.stages[1], [{ patch: { metadata: { resourceVersion: 'v-p-acme-web' } } }])
  t.strictSame([plan.vanished, plan.owned, plan.removals], [[], 8, 4])
})

t.test(
  'the bindings of a deleted project go, its namespace is marked, and Keystone is to confirm it',
  async (t) => {
    const plan = compared(ALL, { pruneAfterMs: 0 }, withProjects(acmeWeb, acmeOps))
    t.strictSame(lines(plan), [
      [`delete rolebindings p-beta-web/${hexId(0xb1)}_reader: project_deleted`],
      ['update namespaces p-beta-web: project_deleted'],
      [],
      [],
    ])
    t.strictSame([plan.vanished, plan.owned, plan.removals], [['p-beta-web'], 8, 2])
  },
)

/** Beta's namespace, marked so long ago. */
const marked = (state: string, ms: number, more: object = {}) =>
  namespaceOf(betaWeb, {
    labels: { 'portcullis.dev/project-state': state },
    annotations: { 'portcullis.dev/project-state-since': new Date(NOW - ms).toISOString() },
    ...more,
  })
const DAY = 86_400_000

t.test(
  'the namespace of a deleted project is deleted once its grace is over, and never without one',
  async (t) => {
    const prune = {
      action: 'delete',
      resource: NAMESPACES,
      name: 'p-beta-web',
      uid: 'uid-p-beta-web',
      reason: 'grace_over',
    }
    for (const [graceMs, markedMs, due] of [
      [7 * DAY, 7 * DAY - 1, false],
      [7 * DAY, 7 * DAY, true],
      [7 * DAY, 6 * DAY, false],
      [7 * DAY, 8 * DAY, true],
      [60_000, 59_999, false],
      [60_000, 60_000, true],
      [1000, 500, false],
      [0, 0, true],
      [0, -1, false],
      [undefined, 9999 * DAY, false],
    ] as const) {
      const namespaces = [namespaceOf(acmeWeb), namespaceOf(acmeOps), marked('deleted', markedMs)]
      const inventory = { projects: [acmeWeb, acmeOps], assignments: [] }
      const plan = compared({ namespaces }, { pruneAfterMs: graceMs }, inventory)
      const what = `grace ${graceMs}, marked for ${markedMs}`
      t.strictSame(plan.stages, [[], [], [], due ? [prune] : []], what)
      t.strictSame(plan.vanished, due ? ['p-beta-web'] : [], what)
      t.strictSame([plan.owned, plan.removals], [3, 0], what)
    }
  },
)

t.test(
  'what is only disabled, or marked for another reason or at no readable time, is not deleted',
  async (t) => {
    const rules = { pruneAfterMs: DAY }
    const prunes = (namespace: ReturnType<typeof namespaceOf>, inventory = withProjects(acmeWeb, acmeOps)) =>
      lines(compared({ namespaces: [namespace] }, rules, inventory))[3]
    t.strictSame(prunes(marked('deleted', 2 * DAY)), ['delete namespaces p-beta-web: grace_over'])
    t.strictSame(
      prunes(marked('disabled', 2 * DAY)),
      [],
      'the grace counts from when it was seen to be deleted',
    )
    t.strictSame(prunes(marked('deleted', 2 * DAY, { uid: undefined })), [])
    t.strictSame(
      prunes(marked('deleted', 2 * DAY, { annotations: { 'portcullis.dev/project-state-since': 'x' } })),
      [],
    )
    const off = { ...betaWeb, enabled: false }
    t.strictSame(prunes(marked('deleted', 2 * DAY), withProjects(acmeWeb, off)), [])
    t.strictSame(prunes(marked('disabled', 2 * DAY), withProjects(acmeWeb, off)), [])
    t.strictSame(prunes(marked('deleted', 2 * DAY), INVENTORY), [], 'the project is back')
  },
)

t.test(
  'a namespace that is marked already is neither marked nor confirmed again before its grace is over',
  async (t) => {
    const namespaces = [marked('deleted', DAY), marked('disabled', DAY, { name: 'second' })]
    const plan = compared({ namespaces }, { pruneAfterMs: 2 * DAY, namespaces: false }, withProjects(acmeWeb))
    t.strictSame(lines(plan)[1], ['update namespaces second: project_deleted'])
    t.strictSame(plan.vanished, ['p-beta-web'], 'only for the one that was disabled until now')
    t.match(plan.stages[1], [
      {
        patch: {
          metadata: { annotations: { 'portcullis.dev/project-state-since': '2026-06-01T12:00:00.000Z' } },
        },
      },
    ])
  },
)

t.test('a project that is back gets its bindings and loses its mark', async (t) => {
  const plan = compared({ namespaces: [...NAMESPACES_OF_ALL.slice(0, 2), marked('deleted', DAY)] })
  t.strictSame(lines(plan)[1], ['update namespaces p-beta-web: project_back'])
  t.ok(lines(plan)[2]?.includes(`create rolebindings p-beta-web/${hexId(0xb1)}_reader: missing`))
  t.strictSame([plan.vanished, plan.removals], [[], 0])
})

t.test('bindings that go for good and marks count as removals; what is made again does not', async (t) => {
  const bindings = [
    bindingOf('p-acme-ops', acmeBob, 'Acme:bob', 'admin'),
    { ...bindingOf('p-acme-web', acmeBob, 'Acme:bob', 'member'), roleRef: { kind: 'Role', name: 'old' } },
    bindingOf('p-acme-web', acmeAlice, 'Acme:alice', 'member', { labels: {} }),
  ]
  const plan = compared({ ...ALL, bindings }, {}, withProjects(acmeWeb, acmeOps))
  t.strictSame(lines(plan)[0], [
    `delete rolebindings p-acme-ops/${hexId(0xa2)}_admin: revoked`,
    `delete rolebindings p-acme-web/${hexId(0xa2)}_member: different`,
  ])
  t.equal(plan.removals, 2, 'one binding, one mark')
  t.equal(plan.owned, 5, 'three namespaces and two bindings carry our label')
})

t.test(
  'a namespace that is being deleted is left alone, and its project gets no other meanwhile',
  async (t) => {
    const going = { deletionTimestamp: '2026-06-01T00:00:00Z' }
    const namespaces = [
      namespaceOf(acmeWeb, { name: 'old-name', ...going }),
      { metadata: { name: 'bare', ...going } },
      unlabelled(acmeOps),
      namespaceOf(betaWeb),
    ]
    const bindings = [bindingOf('old-name', betaAlice, 'Beta:alice', 'reader')]
    const plan = compared({ namespaces, bindings })
    t.strictSame(lines(plan).slice(0, 2), [[], []])
    t.notOk(lines(plan)[2]?.some((line) => line.includes('p-acme-web')))
  },
)

differenceCases(t)
