import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Policy } from '../../src/authz/policy.ts'
import { ROOT } from '../support/source-files.ts'
import { policyOf, requestOf } from './support/authz-tools.ts'
import { extraOf } from './support/review-wire.ts'

const example = (name: string, format: 'cpo' | 'csv' | 'yaml', strict = false) =>
  policyOf(readFileSync(join(ROOT, 'policies', name), 'utf8'), format, strict)

const CALLERS = [
  { roles: ['k8s_admin'], domainId: 'default' },
  { roles: ['k8s_developer'], domainId: 'default' },
  { roles: ['k8s_viewer', 'reader'], domainId: 'default' },
  { roles: ['member'], domainId: 'default' },
  { roles: ['k8s_admin'], projectName: 'other', domainId: 'default' },
  { roles: ['k8s_admin'], projectId: 'p2', domainId: 'elsewhere' },
] as const

/** `verb namespace resource[.group][/sub] [name]`, namespace `-` for none; or `verb /path`. */
function spec(caller: (typeof CALLERS)[number], request: string) {
  const [verb, where = '', what = '', name = ''] = request.split(' ')
  const who = { user: 'alice', groups: ['system:authenticated'], extra: extraOf(caller) }
  if (where.startsWith('/')) return { ...who, nonResourceAttributes: { verb, path: where } }
  const [full = '', subresource = ''] = what.split('/')
  const [resource, ...group] = full.split('.')
  const namespace = where === '-' ? '' : where
  return {
    ...who,
    resourceAttributes: { verb, namespace, resource, group: group.join('.'), subresource, name },
  }
}

const SIGN = { allow: 'a', deny: 'd', none: '-' } as const
const row = (policy: Policy, request: string) =>
  CALLERS.map((caller) => SIGN[policy.decide(requestOf(spec(caller, request))).kind]).join('')

/** A column for each caller: admin, developer, viewer, member, admin of another project, admin of a namesake in another domain. */
const TABLES: Readonly<Record<string, { policy: Policy; rows: Readonly<Record<string, string>> }>> = {
  'version 2 as k8s-keystone-auth decides it': {
    policy: example('k8s-roles-v2.json', 'cpo'),
    rows: {
      'get default pods': 'aaa--a',
      'create default pods': 'aa---a',
      'create default pods/exec': 'aa---a',
      'get default pods/log': 'aaa--a',
      'get default pods.metrics.k8s.io': 'aaa--a',
      'get default secrets': 'aa---a',
      'get kube-system pods': 'a----a',
      'list - pods': 'a----a',
      'list - nodes': 'aaa--a',
      'delete - nodes': 'a----a',
      'create - tokenreviews.authentication.k8s.io': 'aa---a',
      'get default ingresses.networking.k8s.io': 'a-a--a',
      'get /healthz': 'aaa--a',
      'post /healthz': 'aa---a',
      'get /healthz/etcd': '------',
    },
  },
  'version 2 with its holes closed': {
    policy: example('k8s-roles-v2.json', 'cpo', true),
    rows: {
      'get default pods': 'aaa--a',
      'create default pods/exec': 'a----a',
      'get default pods/log': 'a----a',
      'get default pods.metrics.k8s.io': 'a-a--a',
      'get default widgets.example.org': 'a-a--a',
      'get default secrets': 'aa---a',
      'get default secrets/x': 'a----a',
      'create default deployments.apps': 'aa---a',
      'create default deployments.example.org': 'a----a',
      'get /healthz': 'aaa--a',
    },
  },
  'version 1': {
    policy: example('k8s-roles-v1.json', 'cpo'),
    rows: {
      'get default pods': 'aaa--a',
      'delete default pods': 'aa---a',
      'get default pods/log': 'aa---a',
      'create default pods/exec': 'a----a',
      'get default services': 'a-a--a',
      'update default deployments.apps/scale': 'aa---a',
      'update default deployments.apps': 'aa---a',
      'update default deployments.extensions': 'a----a',
      'get other pods': 'a----a',
      'list - nodes': 'aaa--a',
      'list default nodes': 'a----a',
      'get /healthz/ping': 'aaaa-a',
      'get /metrics': '------',
    },
  },
  'rules of our own': {
    policy: example('k8s-roles.csv', 'csv'),
    rows: {
      'get default pods': 'aaa---',
      'create default pods': 'aa----',
      'create default pods/exec': 'aa----',
      'get default pods/log': 'aaa---',
      'get default secrets': 'aa----',
      'get default secrets db': 'aa----',
      'get kube-system secrets': 'add---',
      'list - pods': 'a-----',
      'get default widgets.example.org': 'a-a---',
      'get default widgets.example.org/status': 'a-----',
      'create default jobs.batch': 'aa----',
      'list - nodes': 'aaa---',
      'delete - nodes': 'a-----',
      'get /healthz/etcd': 'aaaa--',
      'get /version': 'aaaa--',
      'post /version': '------',
    },
  },
  'the own namespace': {
    policy: example('own-namespace.yaml', 'yaml'),
    rows: {
      'get p1 pods': '--aa--',
      'create p1 pods': '---a--',
      'create p1 pods/exec': '------',
      'update p1 deployments.apps/scale': '---a--',
      'get p2 pods': '------',
      'get - pods': '------',
      'list default pods': '------',
      'get /readyz': 'aaaaaa',
    },
  },
}

let decisions = 0
for (const [name, { policy, rows }] of Object.entries(TABLES))
  t.test(`example policies decide as the table says: ${name}`, async (t) => {
    for (const [request, expected] of Object.entries(rows)) {
      t.equal(row(policy, request), expected, request)
      decisions += expected.length
    }
    const most = Math.max(
      ...Object.keys(rows).flatMap((request) =>
        CALLERS.map((caller) => policy.candidates(requestOf(spec(caller, request))).length),
      ),
    )
    t.ok(most <= 40, `${most} candidates in the worst case`)
  })

t.test('the table has at least 150 decisions', async (t) => {
  t.ok(decisions >= 150, `${decisions}`)
})

t.test(
  'a project of another domain, or an id that looks like a domain and a name, never fits a project',
  async (t) => {
    const policy = policyOf('p2, project:default/demo, /a, get, allow\np2, project:d*, /b, get, allow', 'csv')
    const asks = (path: string, extra: Record<string, unknown>) =>
      policy.decide(
        requestOf({
          user: 'a',
          extra: Object.fromEntries(
            Object.entries(extra).map(([key, value]) => [`alpha.kubernetes.io/identity/${key}`, [value]]),
          ),
          nonResourceAttributes: { path, verb: 'get' },
        }),
      ).kind
    t.equal(asks('/a', { 'project/domain/id': 'default', 'project/name': 'demo' }), 'allow')
    t.equal(asks('/a', { 'project/domain/id': 'other', 'project/name': 'demo' }), 'none')
    t.equal(asks('/a', { 'project/name': 'demo' }), 'none', 'a domain that is not told fits nothing')
    t.equal(
      asks('/a', { 'user/domain/id': 'default', 'project/name': 'demo' }),
      'none',
      'nor does the user’s own',
    )
    t.equal(asks('/a', { 'project/id': 'default/demo' }), 'none')
    t.equal(asks('/b', { 'project/id': 'd1' }), 'allow')
    t.equal(asks('/b', { 'project/id': 'x', 'project/domain/id': 'default', 'project/name': 'demo' }), 'none')
  },
)
