import t from 'tap'
import { readAccessRequest } from '../../src/authz/review-request.ts'
import { extraOf, IDENTITY, keys, request, SPEC, withExtra } from './support/review-specs.ts'

t.test('a caller of Keystone has a user, a list of groups and an extra', async (t) => {
  const caller = { user: '', groups: [], extra: {}, nonResourceAttributes: {} }
  const without = (field: keyof typeof caller) =>
    Object.fromEntries(Object.entries(caller).filter(([key]) => key !== field))
  t.equal(request(caller).subject.keys.has('keystone:'), true)
  for (const other of [
    without('user'),
    without('groups'),
    without('extra'),
    { ...caller, groups: null },
    { ...caller, extra: null },
  ])
    t.equal(request(other).subject.keys.has('keystone:'), false, JSON.stringify(other))
})

t.test('two values where there should be one are no project and no domain, but each is a key', async (t) => {
  const two = request(
    withExtra({
      [`${IDENTITY}/project/id`]: ['1', '2'],
      [`${IDENTITY}/project/name`]: ['a', 'b'],
      [`${IDENTITY}/project/domain/id`]: ['red'],
      [`${IDENTITY}/user/domain/id`]: ['blue', 'green'],
      [`${IDENTITY}/user/domain/name`]: ['Blue', 'Green'],
    }),
  ).subject
  t.same(two.project, { id: undefined, name: undefined })
  t.same(two.userDomain, { id: undefined })
  t.same([...two.keys].slice(3), [
    'project:1',
    'project:2',
    'project-name:a',
    'project-name:b',
    'domain:blue',
    'domain:green',
    'domain-name:Blue',
    'domain-name:Green',
    'keystone:',
  ])
})

t.test('a project is known by its domain only if there is one domain and one name', async (t) => {
  const qualified = (spec: unknown) => keys(spec).filter((key) => key.startsWith('project-of:'))
  t.same(qualified(SPEC), ['project-of:red\0web'])
  t.same(qualified(extraOf('project/domain/id', ['red', 'blue'])), [])
  t.same(qualified(extraOf('project/domain/id', [])), [])
  t.same(qualified(extraOf('project/name', ['web', 'db'])), [])
  t.same(qualified(extraOf('project/name', [])), [])
  t.same(qualified(extraOf('project/domain/id', ['blue'])), ['project-of:blue\0web'])
})

t.test("the caller's own namespace is asked for by project and the user's domain", async (t) => {
  const asked: unknown[] = []
  const own = (spec: unknown) => {
    const result = readAccessRequest('v1', spec, (project) => {
      asked.push(project)
      return project.id && `ns-${project.id}`
    })
    return typeof result !== 'string' && result.target.kind === 'resource' && result.target.namespace
  }
  t.same(own(SPEC), { name: 'n', own: 'ns-0123' })
  t.same(own(withExtra(undefined)), { name: 'n', own: undefined })
  t.same(own(extraOf('project/id', ['1', '2'])), { name: 'n', own: undefined })
  t.same(asked, [
    { id: '0123', name: 'web', userDomainId: 'blue' },
    { id: undefined, name: undefined, userDomainId: undefined },
    { id: undefined, name: 'web', userDomainId: 'blue' },
  ])
})

t.test('an error of what knows the namespaces is not taken for a fault of the request', async (t) => {
  t.throws(
    () =>
      readAccessRequest('v1', SPEC, () => {
        throw new RangeError('broken')
      }),
    RangeError,
  )
})
