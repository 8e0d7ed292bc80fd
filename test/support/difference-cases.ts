import type { Test } from 'tap'
import { NAMESPACES, ROLE_BINDINGS } from '../../src/kubernetes/object.ts'
import type { ReconcileRules } from '../../src/sync/difference.ts'
import type { Template } from '../../src/sync/template.ts'
import { templatedObject } from '../../src/sync/template-steps.ts'
import { bindingOf, namespaceOf } from './cluster-objects.ts'
import { compared, lines, POLICY, QUOTA } from './compared.ts'
import { hexId, INVENTORY, PROJECTS, USERS } from './two-domains.ts'

const { acmeWeb, acmeOps, betaWeb } = PROJECTS
const { acmeAlice, acmeBob, betaAlice } = USERS
const HELM = { 'app.kubernetes.io/managed-by': 'Helm' }
const foreign = (name: string, labels: Record<string, string> = {}) => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: '7', labels },
})
const others = [namespaceOf(acmeOps), namespaceOf(betaWeb)]
const linesOf = (plan: ReturnType<typeof compared>, part: string) =>
  lines(plan)
    .flat()
    .filter((line) => line.includes(part))

const TEMPLATE: Template = {
  labels: { security: 'strict' },
  annotations: { contact: 'ops' },
  objects: [
    { kind: QUOTA, name: 'small', labels: {}, content: { hard: { pods: '3' } } },
    { kind: POLICY, name: 'closed', labels: {}, content: { podSelector: {} } },
  ],
}
const policies = ['acme-ops', 'acme-web', 'beta-web'].map(
  (name) => `create networkpolicies p-${name}/closed: missing`,
)
const quota = (namespace: string, name: string, pods: string) => {
  const item = { kind: QUOTA, name, labels: {}, content: { hard: { pods } } }
  const object = templatedObject(namespace, item)
  return {
    ...object,
    metadata: { ...object.metadata, uid: `uid-${namespace}/${name}`, resourceVersion: '7' },
  }
}

/** Whose namespaces and bindings are touched: scope, other owners, adoption, templates. */
export function differenceCases(t: Test): void {
  t.test('a namespace of somebody else with a project’s name is an obstacle, and gets nothing', async (t) => {
    for (const labels of [{}, HELM]) {
      const plan = compared({ namespaces: [foreign('p-acme-web', labels), ...others] })
      t.strictSame(plan.obstacles, [{ resource: NAMESPACES, name: 'p-acme-web', what: 'not_ours' }])
      t.strictSame(linesOf(plan, 'p-acme-web'), [])
      t.equal(plan.owned, 2)
    }
  })

  t.test('it is no obstacle where no namespace would be made', async (t) => {
    const off = { ...INVENTORY, projects: [{ ...acmeWeb, enabled: false }, acmeOps, betaWeb] }
    const found = { namespaces: [foreign('p-acme-web'), foreign('kube-system'), ...others] }
    const rules: Partial<ReconcileRules>[] = [
      { namespaces: false },
      { inScope: ({ id }) => id !== 'p-acme-web' },
    ]
    for (const rule of rules) t.strictSame(compared(found, rule).obstacles, [])
    t.strictSame(compared(found, {}, off).obstacles, [])
  })

  t.test(
    'what a login put into a namespace of somebody else goes when it is revoked, and stays until then',
    async (t) => {
      const justified = bindingOf('p-acme-web', acmeAlice, 'Acme:alice', 'member')
      const revoked = bindingOf('p-acme-web', acmeAlice, 'Acme:alice', 'admin')
      const stranger = bindingOf('kube-system', betaAlice, 'Beta:alice', 'reader')
      const theirs = bindingOf('p-acme-web', acmeBob, 'Acme:bob', 'reader', { labels: {} })
      const found = {
        namespaces: [foreign('p-acme-web'), foreign('kube-system'), ...others],
        bindings: [justified, revoked, stranger, theirs],
      }
      const gone = [
        `delete rolebindings kube-system/${hexId(0xb1)}_reader: revoked`,
        `delete rolebindings p-acme-web/${hexId(0xa1)}_admin: revoked`,
      ]
      t.strictSame(lines(compared(found))[0], gone)
      t.strictSame(linesOf(compared(found), 'p-acme-web').length, 1, 'and nothing is added there')
      const claimed = {
        ...found,
        namespaces: [foreign('p-acme-web', HELM), foreign('kube-system'), ...others],
      }
      t.strictSame(
        lines(compared(claimed, { adopt: true }))[0],
        gone,
        'nor is anything of k8s-keystone-auth adopted',
      )
      const off = { ...INVENTORY, projects: [{ ...acmeWeb, enabled: false }, acmeOps, betaWeb] }
      t.equal(lines(compared(found, {}, off))[0]?.length, 3, 'a disabled project justifies nothing')
    },
  )

  t.test(
    'with adopt, an unclaimed namespace with a project’s name becomes ours, and its bindings with it',
    async (t) => {
      const found = {
        namespaces: [foreign('p-acme-web'), ...others],
        bindings: [
          bindingOf('p-acme-web', acmeAlice, 'Acme:alice', 'member', { labels: {} }),
          bindingOf('p-acme-web', acmeAlice, 'Acme:alice', 'admin', { labels: {} }),
        ],
      }
      const plan = compared(found, { adopt: true })
      t.strictSame(linesOf(plan, 'p-acme-web'), [
        `delete rolebindings p-acme-web/${hexId(0xa1)}_admin: revoked`,
        'update namespaces p-acme-web: adopted',
        `create rolebindings p-acme-web/${hexId(0xa2)}_admin: missing`,
        `create rolebindings p-acme-web/${hexId(0xa2)}_member: missing`,
        `update rolebindings p-acme-web/${hexId(0xa1)}_member: adopted`,
      ])
      t.strictSame(plan.obstacles, [])
      for (const rule of [
        { namespaces: false },
        { inScope: ({ id }: { id: string }) => id !== 'p-acme-web' },
      ])
        t.strictSame(linesOf(compared(found, { adopt: true, ...rule }), 'p-acme-web'), [])
    },
  )

  t.test('adopting reaches into namespaces of ours that are marked', async (t) => {
    const found = {
      namespaces: [namespaceOf(acmeWeb)],
      bindings: [bindingOf('p-acme-web', acmeAlice, 'Acme:alice', 'member', { labels: {} })],
    }
    const gone = { ...INVENTORY, projects: [acmeOps, betaWeb] }
    t.strictSame(lines(compared(found, { adopt: true }, gone))[0], [
      `delete rolebindings p-acme-web/${hexId(0xa1)}_member: project_deleted`,
    ])
    t.strictSame(lines(compared(found, { adopt: false }, gone))[0], [])
  })

  t.test('without bindings in the rules none is made, changed or deleted', async (t) => {
    const found = {
      namespaces: [namespaceOf(acmeWeb), foreign('kube-system')],
      bindings: [
        bindingOf('p-acme-web', betaAlice, 'Beta:alice', 'reader'),
        bindingOf('kube-system', betaAlice, 'Beta:alice', 'reader'),
      ],
    }
    for (const inventory of [INVENTORY, { ...INVENTORY, projects: [acmeOps, betaWeb] }])
      t.strictSame(linesOf(compared(found, { bindings: false }, inventory), 'rolebindings'), [])
  })

  t.test('without namespaces in the rules none is made, and ours are kept in step', async (t) => {
    const plan = compared(
      {
        namespaces: [
          namespaceOf(acmeWeb, { annotations: { 'portcullis.dev/project-name': 'old' } }),
          namespaceOf(acmeOps),
        ],
      },
      { namespaces: false },
      { ...INVENTORY, projects: [acmeWeb, betaWeb] },
    )
    t.strictSame(lines(plan)[1], [
      'update namespaces p-acme-ops: project_deleted',
      'update namespaces p-acme-web: different',
    ])
  })

  t.test('a project out of scope gets nothing, and loses what was revoked', async (t) => {
    const found = {
      namespaces: [namespaceOf(acmeWeb), ...others],
      bindings: [
        bindingOf('p-acme-web', acmeAlice, 'Acme:alice', 'member'),
        bindingOf('p-acme-web', betaAlice, 'Beta:alice', 'reader'),
      ],
    }
    const plan = compared(found, { inScope: ({ domain }) => domain.name === 'Beta' })
    t.strictSame(lines(plan), [
      [`delete rolebindings p-acme-web/${hexId(0xb1)}_reader: revoked`],
      [],
      [`create rolebindings p-beta-web/${hexId(0xb1)}_reader: missing`],
      [],
    ])
  })

  t.test(
    'a namespace is made only for an enabled project in scope that has a name for it which is free',
    async (t) => {
      const made = (
        rules: Partial<ReconcileRules>,
        projects = [acmeWeb, acmeOps, betaWeb],
        namespaces = [] as never[],
      ) =>
        lines(compared({ namespaces }, rules, { ...INVENTORY, projects }))
          .flat()
          .filter((line) => line.includes(' namespaces '))
      const all = ['acme-ops', 'acme-web', 'beta-web'].map((name) => `create namespaces p-${name}: missing`)
      t.strictSame(made({}), all)
      t.strictSame(made({}, [acmeWeb, { ...acmeOps, enabled: false }, betaWeb]), all.slice(1))
      t.strictSame(made({ inScope: ({ domain }) => domain.id === 'd-acme' }), all.slice(0, 2))
      t.strictSame(made({ namespaceOf: ({ id, name }) => (name === 'ops' ? undefined : id) }), all.slice(1))
      t.strictSame(
        made({}, undefined, [namespaceOf(betaWeb, { name: 'p-acme-web' })] as never[]),
        all.slice(0, 1),
      )
      t.strictSame(made({ namespaces: false }), [])
    },
  )

  t.test(
    'each namespace gets the objects of the template, and loses those that it no longer has',
    async (t) => {
      const plan = compared(
        {
          namespaces: [namespaceOf(acmeWeb), namespaceOf(acmeOps)],
          quotas: [
            quota('p-acme-web', 'small', '9'),
            quota('p-acme-web', 'old', '1'),
            quota('p-acme-ops', 'small', '3'),
            { ...quota('p-beta-web', 'small', '3'), metadata: { name: 'small', namespace: 'p-beta-web' } },
          ],
        },
        { template: TEMPLATE, bindings: false },
      )
      t.strictSame(lines(plan), [
        ['delete resourcequotas p-acme-web/old: not_in_template'],
        [
          'create namespaces p-beta-web: missing',
          'update namespaces p-acme-ops: different',
          'update namespaces p-acme-web: different',
        ],
        [...policies, 'update resourcequotas p-acme-web/small: different'],
        [],
      ])
      t.strictSame(plan.obstacles, [
        { resource: QUOTA.resource, namespace: 'p-beta-web', name: 'small', what: 'not_ours' },
      ])
      t.equal(plan.removals, 0, 'a template is the operator’s own word')
      t.match(
        plan.stages[1]?.find(({ action }) => action === 'create'),
        {
          object: { metadata: { labels: { security: 'strict' }, annotations: { contact: 'ops' } } },
        },
      )
    },
  )

  t.test('the template reaches no namespace out of scope, marked or of somebody else', async (t) => {
    const found = {
      namespaces: [namespaceOf(acmeWeb), namespaceOf(acmeOps), foreign('p-beta-web')],
      quotas: ['p-acme-web', 'p-acme-ops', 'p-beta-web'].map((name) => quota(name, 'old', '1')),
    }
    const plan = compared(
      found,
      { template: TEMPLATE, bindings: false, inScope: ({ id }) => id !== 'p-acme-web' },
      { ...INVENTORY, projects: [acmeWeb, betaWeb] },
    )
    t.strictSame(lines(plan).flat(), ['update namespaces p-acme-ops: project_deleted'])
  })

  t.test('a binding that is in the way is an obstacle of its namespace', async (t) => {
    const bindings = [bindingOf('p-beta-web', betaAlice, 'Beta:alice', 'reader', { labels: HELM })]
    const plan = compared({ namespaces: [namespaceOf(acmeWeb), ...others], bindings }, {})
    const name = `${hexId(0xb1)}_reader`
    t.strictSame(plan.obstacles, [
      { resource: ROLE_BINDINGS, namespace: 'p-beta-web', name, what: 'not_ours' },
    ])
  })
}
