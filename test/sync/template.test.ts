import fc from 'fast-check'
import t from 'tap'
import { errorText } from '../../src/errors.ts'
import { EMPTY_TEMPLATE, mergePatch, readTemplate, TEMPLATE_KINDS } from '../../src/sync/template.ts'

const file = (text: string, name = 'a.yaml') => ({ name, text })
const told = (...texts: readonly string[]) => {
  try {
    readTemplate(texts.map((text, index) => file(text, `${index}.yaml`)))
    return 'well'
  } catch (error) {
    return errorText(error)
  }
}
const POLICY =
  'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: closed}\nspec: {podSelector: {}}\n'
const quota = (more: string) => `apiVersion: v1\nkind: ResourceQuota\n${more}`

t.test('a template may hold four kinds, in the order in which they are made', async (t) => {
  t.strictSame(
    TEMPLATE_KINDS.map(({ resource: { apiVersion, kind, plural }, field }) => [
      apiVersion,
      kind,
      plural,
      field,
    ]),
    [
      ['v1', 'ResourceQuota', 'resourcequotas', 'spec'],
      ['v1', 'LimitRange', 'limitranges', 'spec'],
      ['networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', 'spec'],
      ['rbac.authorization.k8s.io/v1', 'Role', 'roles', 'rules'],
    ],
  )
})

t.test('documents of all files make one template', async (t) => {
  const [QUOTA, LIMITS, , ROLE] = TEMPLATE_KINDS
  const labels = (one: string, two: string) =>
    `apiVersion: v1\nkind: Namespace\nmetadata: {labels: {${one}}, annotations: {${two}}}\n`
  t.strictSame(
    readTemplate([
      file(
        `${quota('metadata: {name: q, labels: {tier: a}}\nspec: {hard: {pods: "3"}}')}\n---\n---\n${labels('a: "1", b: "1"', 'x: "1"')}`,
      ),
      file(''),
      file(
        `{"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "q"}, "spec": {"limits": []}}`,
        'b.json',
      ),
      file(
        `apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: r}\nrules: [{verbs: [get]}]\n`,
        'c.yaml',
      ),
      file(labels('b: "2", c: "2"', 'y: "2"'), 'd.yaml'),
    ]),
    {
      labels: { a: '1', b: '2', c: '2' },
      annotations: { x: '1', y: '2' },
      objects: [
        { kind: QUOTA, name: 'q', labels: { tier: 'a' }, content: { hard: { pods: '3' } } },
        { kind: LIMITS, name: 'q', labels: {}, content: { limits: [] } },
        { kind: ROLE, name: 'r', labels: {}, content: [{ verbs: ['get'] }] },
      ],
    },
  )
  t.strictSame(readTemplate([]), EMPTY_TEMPLATE)
  t.strictSame(EMPTY_TEMPLATE, { labels: {}, annotations: {}, objects: [] })
  t.strictSame(readTemplate([file('apiVersion: v1\nkind: Namespace\n')]), EMPTY_TEMPLATE)
})

t.test('what a template cannot hold is refused with the place', async (t) => {
  for (const [text, fault] of [
    ['kind: [', /^0\.yaml: .*line 1/],
    ['- a', /^0\.yaml: expected a Kubernetes object/],
    ['text', /expected a Kubernetes object/],
    [
      'apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n',
      /expected Namespace or ResourceQuota \(v1\), LimitRange \(v1\), NetworkPolicy \(networking\.k8s\.io\/v1\), Role \(rbac\.authorization\.k8s\.io\/v1\)/,
    ],
    ['apiVersion: v2\nkind: ResourceQuota\nmetadata: {name: x}\nspec: {}\n', /expected Namespace or/],
    ['apiVersion: v2\nkind: Namespace\n', /expected Namespace or/],
    ['apiVersion: v1\nkind: Role\nmetadata: {name: x}\nrules: []\n', /expected Namespace or/],
    ['apiVersion: v1\nkind: Namespace\nspec: {}\n', /Namespace: only labels and annotations/],
    ['apiVersion: v1\nkind: Namespace\nmetadata: text\n', /metadata: expected keys and values/],
    ['apiVersion: v1\nkind: Namespace\nmetadata: {labels: text}\n', /metadata\.labels: expected texts/],
    [
      'apiVersion: v1\nkind: Namespace\nmetadata: {labels: {a: "x", b: 1}}\n',
      /metadata\.labels: expected texts/,
    ],
    [
      'apiVersion: v1\nkind: Namespace\nmetadata: {annotations: {a: true}}\n',
      /metadata\.annotations: expected texts/,
    ],
    [quota('metadata: {name: x}\n'), /ResourceQuota: expected metadata and spec, nothing else/],
    [
      quota('metadata: {name: x}\nspec: {}\nstatus: {}\n'),
      /ResourceQuota: expected metadata and spec, nothing else/,
    ],
    [quota('metadata: {name: x}\nrules: []\n'), /ResourceQuota: expected metadata and spec, nothing else/],
    [quota('spec: {}\n'), /ResourceQuota: metadata\.name/],
    [quota('metadata: {name: ""}\nspec: {}\n'), /ResourceQuota: metadata\.name/],
    [quota('metadata: {name: 7}\nspec: {}\n'), /ResourceQuota: metadata\.name/],
    [
      quota('metadata: {name: x, namespace: y}\nspec: {}\n'),
      /ResourceQuota x: metadata can hold name and labels only/,
    ],
    [quota('metadata: {name: x, annotations: {a: b}}\nspec: {}\n'), /ResourceQuota x: metadata can hold/],
    [`${POLICY}---\n${POLICY}`, /NetworkPolicy closed is there already/],
  ] as const)
    t.match(told(text), fault, text)
  t.equal(told(`${POLICY}---\n${POLICY.replace('closed', 'open')}`), 'well')
})

t.test('a template sets no label or annotation that says whose an object is', async (t) => {
  for (const key of ['app.kubernetes.io/managed-by', 'portcullis.dev/project-id', 'portcullis.dev/more'])
    for (const part of ['labels', 'annotations'])
      t.match(
        told(`apiVersion: v1\nkind: Namespace\nmetadata: {${part}: {mine: x, ${key}: x}}\n`),
        new RegExp(`metadata\\.${part}: ${key} is not for templates`),
      )
  t.match(
    told(quota('metadata: {name: x, labels: {app.kubernetes.io/managed-by: x}}\nspec: {}\n')),
    /metadata\.labels: app\.kubernetes\.io\/managed-by is not for templates/,
  )
  for (const key of ['app.kubernetes.io/name', 'example.org/portcullis.dev/', 'portcullis.dev'])
    t.equal(told(`apiVersion: v1\nkind: Namespace\nmetadata: {labels: {"${key}": x}}\n`), 'well', key)
})

t.test('every file with a fault is named, and none of the files is used', async (t) => {
  t.equal(
    told('- a', POLICY, quota('spec: {}\n')),
    '0.yaml: expected a Kubernetes object; 2.yaml: ResourceQuota: metadata.name: expected a name',
  )
})

t.test(
  'a merge patch says what differs, with null for what goes, and nothing where nothing does',
  async (t) => {
    for (const [from, to, patch] of [
      [{ a: 1 }, { a: 1 }, undefined],
      [{}, {}, undefined],
      [{ a: 1, b: 2 }, { a: 1, b: 3 }, { b: 3 }],
      [{ a: 1, b: 2 }, { a: 1 }, { b: null }],
      [{ a: 1, b: 2 }, { a: 1, b: undefined }, { b: null }],
      [{ a: 1 }, { a: 1, b: undefined }, undefined],
      [{}, { a: { b: 1 } }, { a: { b: 1 } }],
      [{ a: { b: 1, c: 1 } }, { a: { b: 2, c: 1 } }, { a: { b: 2 } }],
      [{ a: { b: 1 } }, { a: {} }, { a: { b: null } }],
      [{ a: [1, 2] }, { a: [2] }, { a: [2] }],
      [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, undefined],
      [{ a: 'x' }, { a: { b: 1 } }, { a: { b: 1 } }],
      [{ a: { b: 1 } }, { a: 'x' }, { a: 'x' }],
      [[1], [1], undefined],
      [[1], [2], [2]],
      [[], {}, {}],
      [{ a: 0 }, { a: false }, { a: false }],
    ] as const)
      t.strictSame(mergePatch(from, to), patch, JSON.stringify([from, to]))
  },
)

t.test('a merge patch turns the one value into the other', async () => {
  const leaf = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.array(fc.nat(2), { maxLength: 2 }), fc.boolean())
  const key = fc.constantFrom('a', 'b', 'c')
  const { object } = fc.letrec<{ object: Record<string, unknown>; value: unknown }>((tie) => ({
    value: fc.oneof(leaf, tie('object')),
    object: fc.dictionary(key, tie('value'), { maxKeys: 3, noNullPrototype: true }),
  }))
  /** RFC 7386. */
  const apply = (target: unknown, patch: unknown): unknown => {
    if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
    const isObject = typeof target === 'object' && target !== null && !Array.isArray(target)
    const result: Record<string, unknown> = isObject ? { ...target } : {}
    for (const [key, value] of Object.entries(patch))
      if (value === null) delete result[key]
      else result[key] = apply(result[key], value)
    return result
  }
  const text = (value: unknown): string =>
    JSON.stringify(value, (_, part) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    )
  fc.assert(
    fc.property(object, object, (from, to) => {
      const patch = mergePatch(from, to)
      return text(patch === undefined ? from : apply(from, patch)) === text(to)
    }),
    { numRuns: 100 },
  )
})
