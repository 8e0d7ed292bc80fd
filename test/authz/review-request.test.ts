import t from 'tap'
import { extraOf, keys, PATH, read, request, SPEC, withExtra } from './support/review-specs.ts'

t.test('every field of a review goes where it belongs', async (t) => {
  t.strictSame(request(SPEC), {
    subject: {
      user: 'ann',
      roles: ['member', 'reader'],
      project: { id: '0123', name: 'web' },
      userDomain: { id: 'blue' },
      keys: new Set([
        'user:ann',
        'group:ops',
        'group:dev',
        'role:member',
        'role:reader',
        'project:0123',
        'project-name:web',
        'project-of:red\0web',
        'domain:blue',
        'domain-name:Blue',
        'keystone:',
      ]),
    },
    target: {
      kind: 'resource',
      namespace: { name: 'n', own: 'own' },
      group: 'apps',
      resource: { name: 'deployments', sub: 'scale' },
      name: 'x',
      verb: 'list',
      selector: [
        { on: 'field', key: 'metadata.name', operator: 'In', values: ['a'] },
        { on: 'label', key: 'app', operator: 'NotIn', values: ['x', 'y'] },
        { on: 'label', key: 'old', operator: 'Exists', values: [] },
      ],
    },
  })
  t.strictSame(request(PATH), {
    subject: {
      user: 'bob',
      roles: [],
      project: { id: undefined, name: undefined },
      userDomain: { id: undefined },
      keys: new Set(['user:bob']),
    },
    target: { kind: 'path', path: '/healthz', verb: 'get' },
  })
})

t.test('groups are spelled groups in v1 and group in v1beta1, and only so', async (t) => {
  const { groups, ...rest } = SPEC
  const group = ['other']
  t.same(
    keys({ ...rest, groups, group }).filter((key) => key.startsWith('group:')),
    ['group:ops', 'group:dev'],
  )
  t.same(
    keys({ ...rest, groups, group }, 'v1beta1').filter((key) => key.startsWith('group:')),
    ['group:other'],
  )
  t.same(
    keys({ ...rest, groups }, 'v1beta1').filter((key) => key.startsWith('group:')),
    [],
  )
  t.equal(request({ ...rest, group }, 'v1beta1').subject.keys.has('keystone:'), true)
  t.equal(request({ ...rest, group }).subject.keys.has('keystone:'), false)
})

t.test('absent fields are empty, unknown ones are ignored', async (t) => {
  t.strictSame(request({ resourceAttributes: {}, future: 1 }), {
    subject: {
      user: '',
      roles: [],
      project: { id: undefined, name: undefined },
      userDomain: { id: undefined },
      keys: new Set(['user:']),
    },
    target: {
      kind: 'resource',
      namespace: { name: '', own: 'own' },
      group: '',
      resource: { name: '', sub: '' },
      name: '',
      verb: '',
      selector: [],
    },
  })
  t.same(request({ nonResourceAttributes: {} }).target, { kind: 'path', path: '', verb: '' })
  t.same(request({ ...PATH, groups: null, extra: null }).subject, request(PATH).subject)
  t.same(
    request({ ...SPEC, resourceAttributes: { future: {}, fieldSelector: null, labelSelector: {} } }).target,
    request({ resourceAttributes: {} }).target,
  )
  t.match(request({ ...SPEC, nonResourceAttributes: { path: '/a' } }).target, { kind: 'resource' })
  t.same(
    request(Object.assign(Object.create({ user: 'root', groups: ['system:masters'] }), PATH, { user: 'bob' }))
      .subject.keys,
    new Set(['user:bob']),
  )
  t.same(
    request(Object.assign(Object.create({ user: 'root' }), { nonResourceAttributes: {} })).subject.user,
    '',
  )
})

/** What is wrong with a spec, at which place. */
const attributes = (fields: object) => ({
  ...SPEC,
  resourceAttributes: { ...SPEC.resourceAttributes, ...fields },
})
const selecting = (requirements: unknown) => attributes({ labelSelector: { requirements } })
const FAULTS: [unknown, string, RegExp][] = [
  ...[undefined, null, [], 'text', 7].map((spec): [unknown, string, RegExp] => [spec, 'spec', /object/]),
  [{ user: 'ann' }, 'spec', /resourceAttributes or nonResourceAttributes/],
  [{ ...PATH, nonResourceAttributes: null }, 'spec.nonResourceAttributes', /object/],
  [{ ...SPEC, user: null }, 'spec.user', /string/],
  [{ ...SPEC, user: ['ann'] }, 'spec.user', /string/],
  [{ ...SPEC, uid: 42 }, 'spec.uid', /string/],
  [{ ...SPEC, groups: 'ops' }, 'spec.groups', /list of strings/],
  [{ ...SPEC, groups: ['ops', 7] }, 'spec.groups', /list of strings/],
  [withExtra([]), 'spec.extra', /object/],
  [withExtra('text'), 'spec.extra', /object/],
  [withExtra({ 'example.com/other': 'text' }), 'spec.extra', /list of strings/],
  [withExtra({ 'example.com/other': null }), 'spec.extra', /list of strings/],
  [withExtra({ 'example.com/other': [7] }), 'spec.extra', /list of strings/],
  [extraOf('roles', 'member'), 'spec.extra', /list of strings/],
  [{ ...SPEC, resourceAttributes: null }, 'spec.resourceAttributes', /object/],
  [{ ...SPEC, resourceAttributes: [] }, 'spec.resourceAttributes', /object/],
  ...['namespace', 'verb', 'group', 'version', 'resource', 'subresource', 'name'].map(
    (field): [unknown, string, RegExp] => [
      attributes({ [field]: null }),
      `spec.resourceAttributes.${field}`,
      /string/,
    ],
  ),
  [{ nonResourceAttributes: { path: 7 } }, 'spec.nonResourceAttributes.path', /string/],
  [{ nonResourceAttributes: { verb: {} } }, 'spec.nonResourceAttributes.verb', /string/],
  [attributes({ fieldSelector: 'a=b' }), 'spec.resourceAttributes.fieldSelector', /object/],
  [
    attributes({ fieldSelector: { requirements: {} } }),
    'spec.resourceAttributes.fieldSelector.requirements',
    /list/,
  ],
  [selecting('a=b'), 'spec.resourceAttributes.labelSelector.requirements', /list/],
  [selecting([{}, null]), 'spec.resourceAttributes.labelSelector.requirements[1]', /object/],
  [selecting([{ key: 7 }]), 'spec.resourceAttributes.labelSelector.requirements[0].key', /string/],
  [selecting([{ operator: [] }]), 'spec.resourceAttributes.labelSelector.requirements[0].operator', /string/],
  [
    selecting([{ values: 'a' }]),
    'spec.resourceAttributes.labelSelector.requirements[0].values',
    /list of strings/,
  ],
]

t.test('a wrong type is a fault that names its place', async (t) => {
  for (const [spec, where, words] of FAULTS) {
    const fault = read(spec)
    t.type(fault, 'string', where)
    if (typeof fault !== 'string') continue
    t.equal(fault.slice(0, where.length + 1), `${where}:`)
    t.match(fault.slice(where.length + 1), words, where)
  }
  t.match(read({ ...SPEC, group: 'ops' }, 'v1beta1'), /^spec\.group: /)
})

t.test('empty selectors ask for nothing', async (t) => {
  const selector = (fields: object) => {
    const { target } = request(attributes({ fieldSelector: undefined, labelSelector: undefined, ...fields }))
    return target.kind === 'resource' && target.selector
  }
  for (const empty of [
    undefined,
    null,
    {},
    { requirements: undefined },
    { requirements: null },
    { requirements: [] },
  ])
    t.same(selector({ fieldSelector: empty, labelSelector: empty }), [])
  t.same(selector({ labelSelector: { requirements: [{}] } }), [
    { on: 'label', key: '', operator: '', values: [] },
  ])
  t.same(selector({ fieldSelector: { requirements: [{ values: null }] } }), [
    { on: 'field', key: '', operator: '', values: [] },
  ])
})
