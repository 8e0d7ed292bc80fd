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
