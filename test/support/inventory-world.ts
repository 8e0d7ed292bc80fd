import { createInventoryReader } from '../../src/keystone/inventory.ts'
import type { Session } from '../../src/keystone/session.ts'
import { type Scripted, scriptKeystone } from './scripted-keystone.ts'

export const { signal } = new AbortController()
export type Item = Record<string, unknown>
export type Name = 'domains' | 'projects' | 'role_assignments'
export const NAMES: readonly Name[] = ['domains', 'projects', 'role_assignments']

export const domain = (id: string, enabled: unknown = true): Item => ({
  id: `d-${id}`,
  name: id,
  enabled,
  tags: [],
})
export const project = (id: string, domainId: string, more: Item = {}): Item => ({
  ...{ id, name: `name-${id}`, domain_id: domainId, enabled: true, is_domain: false, tags: [] },
  ...more,
})
export const assignment = (projectId: string, user: string, role: string, domainOf = 'red'): Item => ({
  scope: { project: { id: projectId, name: `name-${projectId}` } },
  user: { id: `u-${user}`, name: user, domain: { id: `d-${domainOf}`, name: domainOf } },
  role: { id: `r-${role}`, name: role },
  links: {},
})
export const WHOLE: Record<Name, Item[]> = {
  domains: [domain('red'), domain('blue')],
  projects: [project('p-1', 'd-red'), project('p-2', 'd-blue')],
  role_assignments: [assignment('p-1', 'alice', 'member'), assignment('p-2', 'bob', 'reader', 'blue')],
}

/** Keystone with these lists; `odd` answers in its place where it gives something. */
export function inventoryWorld(
  lists: Partial<Record<Name, readonly unknown[]>> = {},
  odd: (name: string, token: string, query: string) => Scripted | undefined = () => undefined,
) {
  const { call, calls } = scriptKeystone(({ url, headers }) => {
    const { pathname, search } = new URL(url)
    const name = pathname.slice('/v3/'.length) as Name
    return (
      odd(name, headers?.['x-auth-token'] as string, search) ?? {
        body: { [name]: lists[name] ?? WHOLE[name] },
      }
    )
  })
  const renewals: unknown[][] = []
  const session: Session = {
    token: async (given) => (given === signal ? 'own-1' : 'not with this signal'),
    async renewed(...args) {
      renewals.push(args)
      return 'own-2'
    },
    serviceUrl: async () => Promise.reject(new Error('serviceUrl')),
  }
  const reader = createInventoryReader({ call, endpoint: async () => 'http://h/v3', session })
  return { calls, renewals, read: () => reader.read(signal), knows: (id: string) => reader.knows(id, signal) }
}
