import { readAccessRequest } from '../../../src/authz/review-request.ts'
import type { AccessRequest } from '../../../src/authz/rule.ts'

export const IDENTITY = 'alpha.kubernetes.io/identity'
export const EXTRA = {
  [`${IDENTITY}/roles`]: ['member', 'reader'],
  [`${IDENTITY}/project/id`]: ['0123'],
  [`${IDENTITY}/project/name`]: ['web'],
  [`${IDENTITY}/project/domain/id`]: ['red'],
  [`${IDENTITY}/user/domain/id`]: ['blue'],
  [`${IDENTITY}/user/domain/name`]: ['Blue'],
  'example.com/other': ['ignored'],
}
export const SPEC = {
  user: 'ann',
  groups: ['ops', 'dev'],
  uid: '42',
  extra: EXTRA,
  resourceAttributes: {
    namespace: 'n',
    verb: 'list',
    group: 'apps',
    version: 'v1',
    resource: 'deployments',
    subresource: 'scale',
    name: 'x',
    fieldSelector: { requirements: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] },
    labelSelector: {
      rawSelector: 'never read',
      requirements: [
        { key: 'app', operator: 'NotIn', values: ['x', 'y'] },
        { key: 'old', operator: 'Exists' },
      ],
    },
  },
}
export const PATH = { user: 'bob', nonResourceAttributes: { path: '/healthz', verb: 'get' } }

export const read = (spec: unknown, version: 'v1' | 'v1beta1' = 'v1') =>
  readAccessRequest(version, spec, () => 'own')
export function request(spec: unknown, version: 'v1' | 'v1beta1' = 'v1'): AccessRequest {
  const result = read(spec, version)
  if (typeof result === 'string') throw new Error(result)
  return result
}
export const keys = (spec: unknown, version: 'v1' | 'v1beta1' = 'v1') => [
  ...request(spec, version).subject.keys,
]
export const withExtra = (extra: unknown) => ({ ...SPEC, extra })
export const extraOf = (name: string, values: unknown) =>
  withExtra({ ...EXTRA, [`${IDENTITY}/${name}`]: values })
