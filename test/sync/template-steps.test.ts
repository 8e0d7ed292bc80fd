import t from 'tap'
import type { KubernetesObject } from '../../src/kubernetes/object.ts'
import { TEMPLATE_KINDS, type TemplateKind, type TemplateObject } from '../../src/sync/template.ts'
import { templatedObject, templateSteps } from '../../src/sync/template-steps.ts'

const [QUOTA, , , ROLE] = TEMPLATE_KINDS as readonly [TemplateKind, unknown, unknown, TemplateKind]
const OURS = { 'app.kubernetes.io/managed-by': 'portcullis' }
const quota = (name: string, content: unknown, labels = {}): TemplateObject => ({
  kind: QUOTA,
  name,
  labels,
  content,
})
const COMMON = { resource: QUOTA.resource, namespace: 'web' }
const live = (name: string, spec: unknown, more: object = {}): KubernetesObject => ({
  metadata: { name, namespace: 'web', uid: `uid-${name}`, resourceVersion: '7', labels: OURS, ...more },
  spec,
})
const steps = (wanted: readonly TemplateObject[], found: readonly KubernetesObject[]) =>
  templateSteps('web', QUOTA, wanted, new Map(found.map((object) => [object.metadata.name, object])))
const patch = (name: string, fields: { metadata?: object; spec?: unknown }) => ({
  ...COMMON,
  action: 'update',
  name,
  patch: { ...fields, metadata: { resourceVersion: '7', ...fields.metadata } },
  reason: 'different',
})

t.test('an object of a template carries its labels and ours, which it cannot change', async (t) => {
  t.strictSame(templatedObject('web', quota('q', { hard: {} }, { tier: 'a', ...OURS })), {
    metadata: { name: 'q', namespace: 'web', labels: { tier: 'a', ...OURS } },
    spec: { hard: {} },
  })
  const bold = quota('q', {}, { 'app.kubernetes.io/managed-by': 'Helm' })
  t.strictSame(templatedObject('web', bold).metadata.labels, OURS)
  const role = { kind: ROLE, name: 'r', labels: {}, content: [{ verbs: ['get'] }] }
  t.strictSame(templatedObject('web', role), {
    metadata: { name: 'r', namespace: 'web', labels: OURS },
    rules: [{ verbs: ['get'] }],
  })
})

t.test(
  'missing objects are made, those that differ are patched in the version looked at, the others stay',
  async (t) => {
    const wanted = [
      quota('missing', { pods: 1 }),
      quota('same', { pods: 2 }),
      quota('other', { pods: 3 }),
      quota('bare', { pods: 4 }),
    ]
    const found = [
      live('same', { pods: 2 }),
      live('other', { pods: 9, extra: true }),
      live('bare', undefined),
      live('gone', { pods: 5 }),
    ]
    t.strictSame(steps(wanted, found), {
      steps: [
        {
          ...COMMON,
          action: 'create',
          name: 'missing',
          object: templatedObject('web', quota('missing', { pods: 1 })),
          reason: 'missing',
        },
        patch('other', { spec: { extra: null, pods: 3 } }),
        patch('bare', { spec: { pods: 4 } }),
        { ...COMMON, action: 'delete', name: 'gone', uid: 'uid-gone', reason: 'not_in_template' },
      ],
      obstacles: [],
    })
  },
)

t.test('labels of the template are put right, and those of others stay', async (t) => {
  const wanted = [quota('q', { pods: 1 }, { tier: 'a' })]
  const found = (labels: object) => [live('q', { pods: 1 }, { labels: { ...OURS, ...labels } })]
  t.strictSame(steps(wanted, found({ tier: 'a', theirs: 'x' })).steps, [])
  t.strictSame(steps(wanted, found({ tier: 'b', theirs: 'x' })).steps, [
    patch('q', { metadata: { labels: { tier: 'a' } } }),
  ])
})

t.test(
  'an object of somebody else is in the way when the template has its name, and is left alone',
  async (t) => {
    for (const labels of [undefined, { 'app.kubernetes.io/managed-by': 'Helm' }])
      t.strictSame(
        steps(
          [quota('q', { pods: 1 })],
          [live('q', { pods: 9 }, { labels }), live('theirs', {}, { labels })],
        ),
        { steps: [], obstacles: [{ ...COMMON, name: 'q', what: 'not_ours' }] },
      )
  },
)

t.test('only the very object that was looked at is deleted, and none that is going already', async (t) => {
  t.strictSame(steps([], [live('q', {}, { uid: undefined })]).steps, [])
  t.strictSame(steps([], [live('q', {}, { deletionTimestamp: '2026-06-01T00:00:00Z' })]).steps, [])
  t.strictSame(steps([], [live('q', {}, { uid: 'other' })]).steps, [
    { ...COMMON, action: 'delete', name: 'q', uid: 'other', reason: 'not_in_template' },
  ])
})

t.test('rules of a Role are compared as the list that they are', async (t) => {
  const item = { kind: ROLE, name: 'r', labels: {}, content: [{ verbs: ['get'] }] }
  const found = (rules: unknown) => new Map([['r', { metadata: live('r', {}).metadata, rules }]])
  t.strictSame(templateSteps('web', ROLE, [item], found([{ verbs: ['get'] }])).steps, [])
  t.match(templateSteps('web', ROLE, [item], found([{ verbs: ['get'] }, { verbs: ['*'] }])).steps, [
    { action: 'update', patch: { metadata: { resourceVersion: '7' }, rules: [{ verbs: ['get'] }] } },
  ])
})
