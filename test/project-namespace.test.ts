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
  for (const id of ['default', 'kube-system', 'Kube-System', 'kube-public'])
    t.equal(namespaceFormat('%i')({ id, name: 'x', userDomainId: 'd' }), undefined, id)
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
