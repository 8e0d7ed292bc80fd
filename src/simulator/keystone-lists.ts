import { type ApiAnswer, failure } from './keystone-answer.ts'
import type { ApiRequest } from './keystone-api.ts'
import type { KeystoneModel, ModelGrant } from './keystone-model.ts'

/** Answers what lists projects, domains and role assignments; undefined for any other request. */
export type KeystoneLists = (request: ApiRequest) => ApiAnswer | undefined

export function createKeystoneLists(parts: {
  model: KeystoneModel
  refusalOf: (request: ApiRequest, action: string) => ApiAnswer | undefined
}): KeystoneLists {
  const { model, refusalOf } = parts
  const domainOf = (id: string) => ({ id, name: model.domains.get(id)?.name ?? '' })

  function projectBody({
    id,
    name,
    domain,
    enabled,
  }: {
    id: string
    name: string
    domain: string
    enabled: boolean
  }) {
    const links = { self: `/v3/projects/${id}` }
    return {
      ...{ id, name, domain_id: domain, description: '', enabled, parent_id: domain, is_domain: false },
      ...{ tags: [], options: {}, links },
    }
  }

  const domains = () =>
    [...model.domains.values()].map(({ id, name, enabled }) => ({
      ...{ id, name, description: '', enabled, tags: [], options: {}, links: { self: `/v3/domains/${id}` } },
    }))

  function projectsOf({ target, inherited }: ModelGrant): readonly string[] {
    if (!inherited) return model.projects.has(target) ? [target] : []
    return [...model.projects.values()].filter(({ domain }) => domain === target).map(({ id }) => id)
  }

  /** As `?effective&include_names` has them: groups, inheritance and implied roles are spelt out; of projects only. */
  function* effective(): Generator<object> {
    for (const grant of model.grants) {
      const members = model.groups.get(grant.actor)?.members ?? [grant.actor]
      for (const project of projectsOf(grant))
        for (const id of members)
          for (const role of model.withImplied([grant.role])) yield assignment(project, id, role, grant)
    }
  }

  function assignment(project: string, userId: string, role: string, grant: ModelGrant): object {
    const { name, domain } = model.projects.get(project) as { name: string; domain: string }
    const user = model.users.get(userId)
    return {
      links: { assignment: `/v3/projects/${project}/users/${userId}/roles/id-${role}` },
      scope: {
        project: { id: project, name, domain: domainOf(domain) },
        ...(grant.inherited && { 'OS-INHERIT:inherited_to': 'projects' }),
      },
      user: {
        id: userId,
        name: user?.name ?? '',
        domain: user ? domainOf(user.domain) : { id: '', name: '' },
      },
      role: { id: `id-${role}`, name: role },
    }
  }

  const list = (request: ApiRequest, name: string, items: () => readonly object[]): ApiAnswer =>
    refusalOf(request, `identity:list_${name}`) ?? {
      status: 200,
      body: { [name]: items(), links: { next: null, self: request.path, previous: null } },
    }

  function showProject(request: ApiRequest, id: string): ApiAnswer {
    const project = model.projects.get(id)
    const refusal = refusalOf(request, 'identity:get_project')
    if (refusal !== undefined) return refusal
    return project === undefined
      ? failure(404, `Could not find project: ${id}.`)
      : { status: 200, body: { project: projectBody(project) } }
  }

  return (request) => {
    if (request.method !== 'GET') return undefined
    if (request.path === '/v3/projects')
      return list(request, 'projects', () => [...model.projects.values()].map(projectBody))
    if (request.path === '/v3/domains') return list(request, 'domains', domains)
    if (request.path === '/v3/role_assignments' && request.query.has('effective'))
      return list(request, 'role_assignments', () => [...effective()])
    const id = /^\/v3\/projects\/([^/]+)$/.exec(request.path)?.[1]
    return id === undefined ? undefined : showProject(request, decodeURIComponent(id))
  }
}
