import fc from 'fast-check'
import t from 'tap'
import { namespaceFormat } from '../src/project-namespace.ts'

const ID = '7d062424d1fb4c468565cd50f04d087e'
const of = (format: string, name: string, userDomainId = 'default') =>
  namespaceFormat(format)({ id: ID, name, userDomainId })

t.test('a name that k8s-keystone-auth would make and the API server takes is made as it is', async (t) => {
  t.same(of('%i', 'x'), { name: ID, fellBack: false })
  t.same(of('%n-%i', 'team--a'), { name: `team--a-${ID}`, fellBack: false })
  t.same(of('k8s-%d-%i', 'x', 'acme'), { name: `k8s-acme-${ID}`, fellBack: false })
})

t.test('signs that no namespace can have become dashes, capitals small', async (t) => {
  t.equal(of('%n-%i', 'Team_A.b  ç')?.name, `team-a-b--${ID}`)
  t.equal(of('%i.%n', '')?.name, ID)
})

t.test('what is longer than 63 characters is the bare id, and says so', async (t) => {
  t.same(of('%n-%i', 'x'.repeat(30)), { name: `${'x'.repeat(30)}-${ID}`, fellBack: false })
  t.same(of('%n-%i', 'x'.repeat(31)), { name: ID, fellBack: true })
})

t.test('who lacks a part that the format uses has no namespace', async (t) => {
  const format = namespaceFormat('%d-%i')
  t.equal(format({ id: ID, name: 'x', userDomainId: undefined }), undefined)
  t.equal(format({ id: '', name: 'x', userDomainId: 'd' }), undefined)
  t.equal(namespaceFormat('%i')({ id: '___', name: 'x', userDomainId: 'd' }), undefined)
})

t.test('no project is a namespace of the cluster itself', async (t) => {
  for (const id of ['default', 'kube-system', 'Kube-System', 'kube-public', 'kube-node-lease', 'Kube_System'])
    t.equal(namespaceFormat('%i')({ id, name: 'x', userDomainId: 'd' }), undefined, id)
  const long = 'x'.repeat(60)
  t.equal(namespaceFormat('%n-%i')({ id: 'kube-system', name: long, userDomainId: 'd' }), undefined)
  t.same(of('%i-%n', 'default'), { name: `${ID}-default`, fellBack: false })
})

t.test('another wildcard, or a format without %i, is refused', async (t) => {
  for (const format of ['', 'x', '%n', '%i-%x', '%i%']) t.throws(() => namespaceFormat(format), /%i/, format)
})

t.test('two projects never share a namespace, and each is a DNS label', async () => {
  const id = fc.stringMatching(/^[0-9a-f]{32}$/)
  const format = fc.constantFrom('%i', '%n-%i', '%i-%n', '%n.%i.%n')
  fc.assert(
    fc.property(format, id, id, fc.string(), fc.string(), (text, one, two, name, other) => {
      fc.pre(one !== two)
      const namespaceOf = namespaceFormat(text)
      const [first, second] = [
        namespaceOf({ id: one, name, userDomainId: 'd' }),
        namespaceOf({ id: two, name: other, userDomainId: 'd' }),
      ]
      return first?.name !== second?.name && /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(first?.name ?? '')
    }),
  )
})

t.test('an id that is no label by itself is a namespace as far as it can be one', async (t) => {
  const bare = namespaceFormat('%i')
  const long = 'a'.repeat(63)
  t.strictSame(bare({ id: long, name: 'x', userDomainId: 'd' }), { name: long, fellBack: false })
  const named = namespaceFormat('%n-%i')
  t.strictSame(named({ id: long, name: 'x', userDomainId: 'd' }), { name: long, fellBack: true })
  for (const format of [bare, named])
    t.equal(format({ id: `${long}a`, name: 'x', userDomainId: 'd' }), undefined, 'longer than any name')
  t.strictSame(bare({ id: '-Ab_C-', name: 'x', userDomainId: 'd' }), { name: 'ab-c', fellBack: false })
})

t.test('only the parts that a format uses must be known, and an empty id is none', async (t) => {
  const nothing = { id: ID, name: undefined, userDomainId: undefined }
  t.strictSame(namespaceFormat('%i')(nothing), { name: ID, fellBack: false })
  for (const [format, project] of [
    ['%n-%i', nothing],
    ['%d-%i', nothing],
    ['%n-%i', { ...nothing, userDomainId: 'd' }],
    ['%d-%i', { ...nothing, name: 'x' }],
    ['%i', { id: undefined, name: 'x', userDomainId: 'd' }],
    ['x-%i', { id: '', name: 'x', userDomainId: 'd' }],
    ['x-%i', { id: undefined, name: 'x', userDomainId: 'd' }],
  ] as const)
    t.equal(namespaceFormat(format)(project), undefined, `${format} of ${JSON.stringify(project)}`)
  t.strictSame(namespaceFormat('%n-%d-%i')({ id: ID, name: '', userDomainId: '' }), {
    name: ID,
    fellBack: false,
  })
})

t.test('two projects of one name in two domains have two namespaces', async (t) => {
  const format = namespaceFormat('%n-%i')
  const names = [
    { id: ID, name: 'demo', userDomainId: 'default' },
    { id: `${ID.slice(1)}a`, name: 'demo', userDomainId: 'acme' },
  ].map((project) => format(project)?.name)
  t.strictSame(names, [`demo-${ID}`, `demo-${ID.slice(1)}a`])
})

t.test('every wildcard is put in wherever it is, also more than once', async (t) => {
  t.equal(of('%i-%n-%d-%i', 'x', 'y')?.fellBack, true)
  t.strictSame(namespaceFormat('%n-%d-%i-%n')({ id: '1', name: 'a', userDomainId: 'b' }), {
    name: 'a-b-1-a',
    fellBack: false,
  })
  t.strictSame(namespaceFormat('%n-%i')({ id: '1', name: '$&%i', userDomainId: 'b' }), {
    name: 'i-1',
    fellBack: false,
  })
})
