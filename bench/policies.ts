/** Policies of any size and requests that meet their first rule, their last one, or none. */
export interface Workload {
  readonly name: string
  readonly csv: (rules: number) => string
  readonly json: (rules: number) => string
  /** A spec of a v1 review that the n-th rule allows; n = -1: none does. */
  readonly spec: (n: number) => object
}

const EXTRA = 'alpha.kubernetes.io/identity'

function spec(project: string, namespace: string, verb: string): object {
  return {
    user: 'alice',
    groups: ['dev', project, 'system:authenticated'],
    extra: {
      [`${EXTRA}/roles`]: ['member', 'reader'],
      [`${EXTRA}/project/id`]: [project],
      [`${EXTRA}/project/name`]: [`name of ${project}`],
      [`${EXTRA}/user/domain/id`]: ['default'],
    },
    resourceAttributes: { namespace, verb, group: '', version: 'v1', resource: 'pods' },
  }
}

const lines = (rules: number, line: (n: number) => string) =>
  Array.from({ length: rules }, (_, n) => line(n)).join('\n')
const entries = (rules: number, entry: (n: number) => object) =>
  JSON.stringify(Array.from({ length: rules }, (_, n) => entry(n)))
const permit = (project: string, namespace: string) => ({
  users: { roles: ['member'], projects: [project] },
  resource_permissions: { [`${namespace}/pods`]: ['get', 'list', 'watch'] },
})

export const SPREAD: Workload = {
  name: 'rules spread over projects',
  csv: (rules) =>
    lines(rules, (n) => `p, role:member & project:project-${n}, $own, -, pods, *, get|list|watch, *, allow`),
  json: (rules) => entries(rules, (n) => permit(`project-${n}`, `project-${n}`)),
  spec: (n) => spec(`project-${Math.max(n, 0)}`, `project-${Math.max(n, 0)}`, n < 0 ? 'delete' : 'get'),
}

export const ONE_PROJECT: Workload = {
  name: 'all for one project, a namespace each',
  csv: (rules) =>
    lines(
      rules,
      (n) => `p, role:member & project:project-0, namespace-${n}, -, pods, *, get|list|watch, *, allow`,
    ),
  json: (rules) => entries(rules, (n) => permit('project-0', `namespace-${n}`)),
  spec: (n) => spec('project-0', `namespace-${Math.max(n, 0)}`, n < 0 ? 'delete' : 'get'),
}
