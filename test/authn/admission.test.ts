import t from 'tap'
import { type AdmissionRules, admissionRefusal, TOKEN_SCOPES } from '../../src/authn/admission.ts'
import type { KeystoneToken } from '../../src/keystone/token-body.ts'

const ALL: AdmissionRules = { scopes: TOKEN_SCOPES, domains: [], projects: [], roles: [] }
const token = (more: Partial<KeystoneToken> = {}): KeystoneToken => ({
  user: { id: 'u1', name: 'alice', domain: { id: 'd1', name: 'acme' } },
  scope: { kind: 'project', id: 'p1', name: 'demo', domain: { id: 'd2', name: 'Default' } },
  roles: ['member'],
  methods: ['password'],
  issuedAt: 0,
  expiresAt: 1,
  ...more,
})
const judge = (rules: Partial<AdmissionRules>, more: Partial<KeystoneToken> = {}) =>
  admissionRefusal({ ...ALL, ...rules }, token(more))

t.test('empty lists let every token in', async (t) => {
  t.equal(judge({}), undefined)
})

t.test('a scope that is not listed is refused', async (t) => {
  for (const scope of [
    { kind: 'domain', id: 'd', name: 'd' },
    { kind: 'system' },
    { kind: 'unscoped' },
  ] as const)
    t.equal(judge({ scopes: ['project'] }, { scope }), 'wrong_scope', scope.kind)
})

t.test('a domain is listed by id or name, and it is the user’s that counts', async (t) => {
  t.equal(judge({ domains: ['d1'] }), undefined)
  t.equal(judge({ domains: ['acme'] }), undefined)
  t.equal(judge({ domains: ['d2', 'Default'] }), 'not_allowed')
})

t.test('a project is listed by id or by domain and name, never by its name alone', async (t) => {
  t.equal(judge({ projects: ['p1'] }), undefined)
  t.equal(judge({ projects: ['d2/demo'] }), undefined)
  t.equal(judge({ projects: ['Default/demo'] }), undefined)
  t.equal(judge({ projects: ['demo'] }), 'not_allowed')
  t.equal(judge({ projects: ['acme/demo'] }), 'not_allowed')
  t.equal(judge({ projects: ['p1'] }, { scope: { kind: 'system' } }), 'not_allowed')
})

t.test('one of the listed roles is enough and needed', async (t) => {
  t.equal(judge({ roles: ['k8s', 'member'] }), undefined)
  t.equal(judge({ roles: ['k8s'] }), 'not_allowed')
  t.equal(judge({ roles: ['k8s'] }, { roles: [] }), 'not_allowed')
})

t.test('a restricted credential logs in only with the access rule for it', async (t) => {
  const rule = { service: 'kubernetes', method: 'POST', path: '/authenticate' }
  t.equal(judge({}, { accessRules: [rule] }), undefined)
  t.equal(judge({}, { accessRules: [] }), 'access_rules')
  t.equal(judge({}, { accessRules: [{ ...rule, service: 'compute' }] }), 'access_rules')
  t.equal(judge({}, { accessRules: [{ ...rule, method: 'GET' }] }), 'access_rules')
  t.equal(judge({}, { accessRules: [{ ...rule, path: '/v1' }] }), 'access_rules')
})

t.test(
  'a project is the token’s scope: neither a domain of that id nor the user’s domain counts',
  async (t) => {
    const scope = { kind: 'domain', id: 'p1', name: 'demo' } as const
    t.equal(judge({ projects: ['p1', 'demo', 'acme/demo'] }, { scope }), 'not_allowed')
    t.equal(judge({ projects: ['d1/demo'] }), 'not_allowed')
    t.equal(judge({ projects: [''] }, { scope: { kind: 'unscoped' } }), 'not_allowed')
  },
)

t.test('a domain’s name is no id of another', async (t) => {
  const user = { id: 'u2', name: 'alice', domain: { id: 'd3', name: 'globex' } }
  t.equal(judge({ domains: ['d1', 'acme'] }, { user }), 'not_allowed')
  t.equal(judge({ domains: ['d1', 'globex'] }, { user }), undefined)
  t.equal(judge({ domains: ['Acme', 'ACME', 'D1'] }), 'not_allowed', 'compared exactly')
})

t.test('all lists must let the token in, and one of several entries is enough for each', async (t) => {
  const rules = { domains: ['x', 'acme'], projects: ['x', 'p1'], roles: ['x', 'member'] }
  t.equal(judge(rules), undefined)
  for (const list of ['domains', 'projects', 'roles'] as const)
    t.equal(judge({ ...rules, [list]: ['x'] }), 'not_allowed', list)
})

t.test('the scope is judged first, then access rules, then the lists', async (t) => {
  const none = { domains: ['x'], projects: ['x'], roles: ['x'] }
  const accessRules = [{ service: 'compute', method: 'GET', path: '/' }]
  t.equal(judge({ ...none, scopes: ['system'] }, { accessRules }), 'wrong_scope')
  t.equal(judge({ ...none, scopes: ['system', 'project'] }, { accessRules }), 'access_rules')
  t.equal(judge({ ...none, scopes: ['system', 'project'] }), 'not_allowed')
})

t.test('each scope is let in by its own name alone', async (t) => {
  const scopes = {
    project: token().scope,
    domain: { kind: 'domain', id: 'd', name: 'd' },
    system: { kind: 'system' },
    unscoped: { kind: 'unscoped' },
  } as const
  t.same(TOKEN_SCOPES, Object.keys(scopes))
  for (const [name, scope] of Object.entries(scopes))
    for (const kind of TOKEN_SCOPES)
      t.equal(
        judge({ scopes: [kind] }, { scope }),
        kind === name ? undefined : 'wrong_scope',
        `${name} ${kind}`,
      )
  t.equal(judge({ scopes: [] }), 'wrong_scope')
})

t.test('one access rule among several lets in, but not the parts of two', async (t) => {
  const rule = { service: 'kubernetes', method: 'POST', path: '/authenticate' }
  const other = { service: 'compute', method: 'GET', path: '/v2.1/servers' }
  t.equal(judge({}, { accessRules: [other, rule] }), undefined)
  t.equal(
    judge(
      {},
      {
        accessRules: [
          { ...rule, path: '/x' },
          { ...other, path: '/authenticate' },
        ],
      },
    ),
    'access_rules',
  )
  t.equal(judge({}, { accessRules: [{ ...rule, path: '/authenticate/x' }] }), 'access_rules')
})
