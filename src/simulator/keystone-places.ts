import type { KeystoneModel } from './keystone-model.ts'

/** Where a user may get a token for, by the last part of the path: disabled projects and domains are listed too. */
export function createKeystonePlaces(
  model: KeystoneModel,
): Readonly<Record<string, (user: string) => readonly object[]>> {
  const within = <T extends { readonly id: string }>(map: ReadonlyMap<string, T>, user: string) =>
    [...map.values()].filter(({ id }) => model.rolesOf(user, id).length > 0)
  return {
    projects: (user) =>
      within(model.projects, user).map(({ id, name, domain, enabled }) => ({
        ...{ id, name, domain_id: domain, description: '', enabled, parent_id: domain, is_domain: false },
        ...{ tags: [], options: {}, links: { self: `/v3/projects/${id}` } },
      })),
    domains: (user) =>
      within(model.domains, user).map(({ id, name, enabled }) => ({
        ...{ id, name, description: '', enabled, tags: [], options: {} },
        links: { self: `/v3/domains/${id}` },
      })),
    system: (user) => (model.rolesOf(user, 'system').length > 0 ? [{ all: true }] : []),
  }
}
