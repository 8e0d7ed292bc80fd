import t from 'tap'
import { NAMESPACES } from '../../src/kubernetes/object.ts'
import {
  keptNamespace,
  markedNamespace,
  markedSince,
  newNamespace,
  stateOf,
} from '../../src/sync/namespace-steps.ts'
import { EMPTY_TEMPLATE } from '../../src/sync/template.ts'
import { PROJECTS } from '../support/two-domains.ts'

const { acmeWeb } = PROJECTS
const NOW = Date.parse('2026-06-01T12:00:00Z')
const LABELS = { 'app.kubernetes.io/managed-by': 'portcullis' }
const ANNOTATIONS = {
  'portcullis.dev/project-id': 'p-acme-web',
  'portcullis.dev/project-name': 'web',
  'portcullis.dev/project-domain': 'd-acme',
}
const TEMPLATE = { labels: { security: 'strict' }, annotations: { contact: 'ops' }, objects: [] }
const namespace = (labels: Record<string, string>, annotations: Record<string, string> = ANNOTATIONS) => ({
  metadata: { name: 'web', resourceVersion: '7', labels, annotations },
})
const update = (reason: string, metadata: object) => ({
  action: 'update',
  resource: NAMESPACES,
  name: 'web',
  patch: { metadata: { resourceVersion: '7', ...metadata } },
  reason,
})

t.test(
  'a new namespace carries our label, its project and what the template says of namespaces',
  async (t) => {
    t.strictSame(newNamespace('web', acmeWeb, TEMPLATE), {
      action: 'create',
      resource: NAMESPACES,
      name: 'web',
      object: {
        metadata: {
          name: 'web',
          labels: { security: 'strict', ...LABELS },
          annotations: { contact: 'ops', ...ANNOTATIONS },
        },
      },
      reason: 'missing',
    })
  },
)

t.test('a template never names another owner or another project', async (t) => {
  const bold = {
    labels: { 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { 'portcullis.dev/project-id': 'other' },
    objects: [],
  }
  const { object } = newNamespace('web', acmeWeb, bold) as unknown as { object: object }
  t.match(object, { metadata: { labels: LABELS, annotations: ANNOTATIONS } })
  t.equal(keptNamespace(namespace(LABELS), acmeWeb, bold, false), undefined)
})

t.test(
  'a kept namespace is changed only where it differs, and only in the version that was looked at',
  async (t) => {
    const kept = (labels: Record<string, string>, annotations?: Record<string, string>) =>
      keptNamespace(namespace(labels, annotations), acmeWeb, TEMPLATE, false)
    const whole = { ...ANNOTATIONS, contact: 'ops' }
    t.equal(kept({ ...LABELS, security: 'strict' }, whole), undefined)
    t.equal(kept({ ...LABELS, security: 'strict', theirs: 'x' }, { ...whole, theirs: 'y' }), undefined)
    t.strictSame(
      kept({ ...LABELS, security: 'lax', theirs: 'x' }, whole),
      update('different', { labels: { security: 'strict' } }),
    )
    t.strictSame(
      kept({ ...LABELS, security: 'strict' }),
      update('different', { annotations: { contact: 'ops' } }),
    )
    t.strictSame(
      kept({ ...LABELS, security: 'strict' }, { ...whole, 'portcullis.dev/project-name': 'old' }),
      update('different', { annotations: { 'portcullis.dev/project-name': 'web' } }),
    )
    t.strictSame(
      kept({ ...LABELS, security: 'strict' }, { ...whole, 'portcullis.dev/project-domain': 'd-beta' }),
      update('different', { annotations: { 'portcullis.dev/project-domain': 'd-acme' } }),
    )
  },
)

t.test('a namespace without any label or annotation gets all of them when it is adopted', async (t) => {
  const bare = { metadata: { name: 'web', resourceVersion: '7' } }
  t.strictSame(
    keptNamespace(bare, acmeWeb, TEMPLATE, true),
    update('adopted', {
      labels: { security: 'strict', ...LABELS },
      annotations: { contact: 'ops', ...ANNOTATIONS },
    }),
  )
})

t.test('a project that is back loses its mark, and an adopted one says so', async (t) => {
  const marked = namespace(
    { ...LABELS, 'portcullis.dev/project-state': 'disabled' },
    { ...ANNOTATIONS, 'portcullis.dev/project-state-since': '2026-05-01T00:00:00.000Z' },
  )
  const unmarked = {
    labels: { 'portcullis.dev/project-state': null },
    annotations: { 'portcullis.dev/project-state-since': null },
  }
  t.strictSame(keptNamespace(marked, acmeWeb, EMPTY_TEMPLATE, false), update('project_back', unmarked))
  t.strictSame(keptNamespace(marked, acmeWeb, EMPTY_TEMPLATE, true), update('adopted', unmarked))
})

t.test(
  'a namespace is marked with the state of its project and the time at which it was seen first',
  async (t) => {
    const mark = (state: string, since: string) => ({
      labels: { 'portcullis.dev/project-state': state },
      annotations: { 'portcullis.dev/project-state-since': since },
    })
    for (const state of ['disabled', 'deleted'] as const)
      t.strictSame(
        markedNamespace(namespace({ ...LABELS, theirs: 'x' }), state, NOW),
        update(`project_${state}`, mark(state, '2026-06-01T12:00:00.000Z')),
      )
    const marked = (state: string, since: string) => {
      const { labels, annotations } = mark(state, since)
      return namespace({ ...LABELS, ...labels }, { ...ANNOTATIONS, ...annotations })
    }
    const before = '2026-05-01T00:00:00.000Z'
    for (const state of ['disabled', 'deleted'] as const)
      t.equal(markedNamespace(marked(state, before), state, NOW), undefined, `still ${state}`)
    t.strictSame(
      markedNamespace(marked('disabled', before), 'deleted', NOW),
      update('project_deleted', mark('deleted', '2026-06-01T12:00:00.000Z')),
      'the grace of a deleted project does not count from when it was disabled',
    )
    t.strictSame(
      markedNamespace(marked('deleted', before), 'disabled', NOW),
      update('project_disabled', mark('disabled', '2026-06-01T12:00:00.000Z')),
    )
    t.strictSame(
      markedNamespace(marked('deleted', 'yesterday'), 'deleted', NOW),
      update('project_deleted', {
        annotations: { 'portcullis.dev/project-state-since': '2026-06-01T12:00:00.000Z' },
      }),
      'a time that cannot be read is set again',
    )
  },
)

t.test('the state and the time of a mark are read as they were written', async (t) => {
  const read = (labels: Record<string, string>, annotations: Record<string, string>) => {
    const { metadata } = namespace(labels, annotations)
    return [stateOf(metadata), markedSince(metadata)]
  }
  t.strictSame(
    read(
      { 'portcullis.dev/project-state': 'deleted' },
      { 'portcullis.dev/project-state-since': '2026-06-01T12:00:00.000Z' },
    ),
    ['deleted', NOW],
  )
  t.strictSame(read({}, {}), [undefined, Number.NaN])
  t.strictSame([stateOf({ name: 'web' }), markedSince({ name: 'web' })], [undefined, Number.NaN])
})
