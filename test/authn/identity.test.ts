import fc from 'fast-check'
import t from 'tap'
import { compatibleIdentity, isReserved, qualifiedIdentity } from '../../src/authn/identity.ts'
import type { Group, KeystoneToken, TokenScope } from '../../src/keystone/token-body.ts'

const PROJECT: TokenScope = {
  kind: 'project',
  id: '7d062424d1fb4c468565cd50f04d087e',
  name: 'team-a',
  domain: { id: 'default', name: 'Default' },
}
const token = (more: Partial<KeystoneToken> = {}): KeystoneToken => ({
  user: { id: '594d', name: 'alice', domain: { id: 'default', name: 'Default' } },
  scope: PROJECT,
  roles: ['member', 'reader'],
  methods: ['password'],
  issuedAt: 0,
  expiresAt: 1,
  ...more,
})
const OPS: Group = { name: 'ops', domainId: 'default' }

t.test('the compatible mapping gives what k8s-keystone-auth gives', async (t) => {
  t.same(compatibleIdentity(token(), [OPS, { name: 'dev', domainId: 'other' }]), {
    username: 'alice',
    uid: '594d',
    groups: ['dev', 'ops', '7d062424d1fb4c468565cd50f04d087e'],
    extra: {
      'alpha.kubernetes.io/identity/roles': ['member', 'reader'],
      'alpha.kubernetes.io/identity/project/id': ['7d062424d1fb4c468565cd50f04d087e'],
      'alpha.kubernetes.io/identity/project/name': ['team-a'],
      'alpha.kubernetes.io/identity/user/domain/id': ['default'],
      'alpha.kubernetes.io/identity/user/domain/name': ['Default'],
    },
  })
})

t.test('the qualified mapping names user, groups, project and roles with their domains', async (t) => {
  const user = qualifiedIdentity(token(), [OPS])
  t.equal(user.username, 'keystone:user:default/alice')
  t.same(user.groups, [
    'keystone:group:default/ops',
    'keystone:project:default/team-a',
    'keystone:project-id:7d062424d1fb4c468565cd50f04d087e',
    'keystone:role:default/team-a/member',
    'keystone:role:default/team-a/reader',
  ])
})

t.test('the qualified mapping tells domain, system and unscoped tokens apart', async (t) => {
  const groups = (scope: TokenScope) => qualifiedIdentity(token({ scope, roles: ['admin'] }), []).groups
  t.same(groups({ kind: 'domain', id: 'd1', name: 'acme' }), [
    'keystone:domain:d1',
    'keystone:domain-role:d1/admin',
  ])
  t.same(groups({ kind: 'system' }), ['keystone:system:all', 'keystone:system-role:admin'])
  t.same(groups({ kind: 'unscoped' }), [])
})

const name = fc.string({
  minLength: 1,
  maxLength: 8,
  unit: fc.constantFrom('a', 'b', '/', '%', ':', '2', 'F', 'é', ' '),
})
const named = fc.record({ id: name, name })

t.test('two users share a qualified name only if domain and name are the same', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(named, name, named, name, (d1, n1, d2, n2) => {
        const of = (domain: typeof d1, user: string) =>
          qualifiedIdentity(token({ user: { id: 'x', name: user, domain } }), []).username
        return (of(d1, n1) === of(d2, n2)) === (d1.id === d2.id && n1 === n2)
      }),
      { numRuns: 5000 },
    ),
  )
})

t.test('groups of different kinds, domains, projects or roles never share a qualified name', async (t) => {
  const scope = fc.record({ kind: fc.constant('project' as const), id: name, name, domain: named })
  const groupsOf = (s: TokenScope, role: string, group: string) =>
    qualifiedIdentity(token({ scope: s, roles: [role] }), [{ name: group, domainId: 'default' }]).groups
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(scope, name, name, scope, name, name, (s1, r1, g1, s2, r2, g2) => {
        const [group1, project1, id1, role1] = groupsOf(s1, r1, g1)
        const [group2, project2, id2, role2] = groupsOf(s2, r2, g2)
        const sameProject = s1.domain.id === s2.domain.id && s1.name === s2.name
        return (
          new Set([group1, project1, id1, role1]).size === 4 &&
          (group1 === group2) === (g1 === g2) &&
          (project1 === project2) === sameProject &&
          (id1 === id2) === (s1.id === s2.id) &&
          (role1 === role2) === (sameProject && r1 === r2)
        )
      }),
      { numRuns: 5000 },
    ),
  )
})

t.test('no qualified name is reserved, whatever Keystone holds', async (t) => {
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (user, domain) => {
        const { username, groups } = qualifiedIdentity(
          token({ user: { id: 'x', name: user, domain: { id: domain, name: domain } } }),
          [{ name: 'system:masters', domainId: 'system:' }],
        )
        return !isReserved(username) && !groups.some(isReserved) && username !== ''
      }),
    ),
  )
})

t.test('nothing that changes from token to token is in the identity', async (t) => {
  const one = qualifiedIdentity(token({ issuedAt: 1, expiresAt: 2, methods: ['password'] }), [OPS])
  const two = qualifiedIdentity(token({ issuedAt: 3, expiresAt: 4, methods: ['token'] }), [OPS])
  t.same(one, two)
})

const EXTRA = 'alpha.kubernetes.io/identity'
const SCOPED: Readonly<Record<string, TokenScope>> = {
  project: { kind: 'project', id: 'p-web', name: 'web', domain: { id: 'd-beta', name: 'Beta' } },
  domain: { kind: 'domain', id: 'd-acme', name: 'Acme' },
  system: { kind: 'system' },
  unscoped: { kind: 'unscoped' },
}
const ALICE = { id: 'u-1', name: 'alice', domain: { id: 'd-acme', name: 'Acme' } }
const COMMON = {
  [`${EXTRA}/roles`]: ['member', 'reader'],
  [`${EXTRA}/user/domain/id`]: ['d-acme'],
  [`${EXTRA}/user/domain/name`]: ['Acme'],
}
const OF_PROJECT = { [`${EXTRA}/project/id`]: ['p-web'], [`${EXTRA}/project/name`]: ['web'] }

t.test(
  'the compatible mapping gives a project’s id as the last group and in extra, of project tokens only',
  async (t) => {
    for (const [kind, scope] of Object.entries(SCOPED)) {
      const user = compatibleIdentity(token({ user: ALICE, scope }), [
        { name: 'ops', domainId: 'd-acme' },
        { name: 'dev', domainId: 'd-acme' },
        { name: 'qa', domainId: 'd-beta' },
      ])
      const project = kind === 'project'
      t.strictSame(user.groups, ['dev', 'ops', 'qa', ...(project ? ['p-web'] : [])], kind)
      t.strictSame(user.extra, { ...COMMON, ...(project && OF_PROJECT) }, kind)
      t.same([user.username, user.uid], ['alice', 'u-1'])
    }
  },
)

t.test(
  'the qualified mapping tells the scope, and domain and project by id and name, in extra',
  async (t) => {
    const more: Readonly<Record<string, object>> = {
      project: {
        ...OF_PROJECT,
        [`${EXTRA}/project/domain/id`]: ['d-beta'],
        [`${EXTRA}/project/domain/name`]: ['Beta'],
      },
      domain: { [`${EXTRA}/domain/id`]: ['d-acme'], [`${EXTRA}/domain/name`]: ['Acme'] },
    }
    for (const [kind, scope] of Object.entries(SCOPED))
      t.strictSame(
        qualifiedIdentity(token({ user: ALICE, scope }), []).extra,
        { ...COMMON, ...more[kind], [`${EXTRA}/scope`]: [kind] },
        kind,
      )
  },
)

t.test(
  'the qualified mapping takes the user’s domain for the user and the project’s for project and roles',
  async (t) => {
    const scope = SCOPED.project as TokenScope
    const { username, uid, groups } = qualifiedIdentity(token({ user: ALICE, scope, roles: ['member'] }), [
      { name: 'ops', domainId: 'd-beta' },
      { name: 'qa', domainId: 'd-acme' },
      { name: 'dev', domainId: 'd-beta' },
    ])
    t.same([username, uid], ['keystone:user:d-acme/alice', 'u-1'])
    t.strictSame(groups, [
      'keystone:group:d-acme/qa',
      'keystone:group:d-beta/dev',
      'keystone:group:d-beta/ops',
      'keystone:project:d-beta/web',
      'keystone:project-id:p-web',
      'keystone:role:d-beta/web/member',
    ])
  },
)

t.test('percent, slash and colon are encoded wherever they are, and nothing else is', async (t) => {
  const name = 'a/b:c%d%2F é·'
  t.equal(
    qualifiedIdentity(token({ user: { ...ALICE, name, domain: { id: 'd/1', name } } }), []).username,
    'keystone:user:d%2F1/a%2Fb%3Ac%25d%252F é·',
  )
})

t.test('a name is reserved when it begins with system:, in just these letters', async (t) => {
  const builtIn = ['masters', 'authenticated', 'unauthenticated', 'anonymous', 'nodes', 'serviceaccounts']
  for (const name of ['', ...builtIn, 'node:worker', 'serviceaccount:a:b', 'kube-scheduler', 'no-such'])
    t.equal(isReserved(`system:${name}`), true, name)
  for (const name of [
    '',
    'system',
    'systems:x',
    'System:masters',
    ' system:masters',
    'my-system:',
    'a:system:b',
  ])
    t.equal(isReserved(name), false, name)
})
