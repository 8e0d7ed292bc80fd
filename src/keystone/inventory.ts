import { PortcullisError } from '../errors.ts'
import { isRecord, isText } from '../json.ts'
import type { KeystoneCaller } from './caller.ts'
import type { KeystoneEndpoint } from './endpoint.ts'
import type { Session } from './session.ts'
import type { Domain } from './token-body.ts'

export interface KeystoneProject {
  readonly id: string
  readonly name: string
  readonly domain: Domain
  /** False also where its domain is disabled. */
  readonly enabled: boolean
}

/** One role that a user has on a project, by whatever way: an own grant, a group, inheritance, another role. */
export interface RoleAssignment {
  readonly project: string
  readonly user: { readonly id: string; readonly name: string; readonly domain: Domain }
  readonly role: string
}

export interface KeystoneInventory {
  readonly projects: readonly KeystoneProject[]
  readonly assignments: readonly RoleAssignment[]
}

export interface InventoryReader {
  /** Everything or an error, never a part: what is missing from it counts as gone. */
  read(signal: AbortSignal): Promise<KeystoneInventory>
  /** Whether Keystone still knows a project. Throws unless it says either clearly. */
  knows(project: string, signal: AbortSignal): Promise<boolean>
}

type Item = Readonly<Record<string, unknown>>

const MAX_PAGES = 10_000

/**
 * Lists projects, domains and role assignments with the service's own token, which takes role admin, or reader on the
 * system. `effective` leaves groups, inheritance and implied roles to Keystone, so that the list has what a token would have.
 */
export function createInventoryReader(parts: {
  call: KeystoneCaller
  endpoint: KeystoneEndpoint
  session: Session
}): InventoryReader {
  const { call, endpoint, session } = parts

  async function get(path: string, signal: AbortSignal) {
    const url = `${await endpoint(signal)}${path}`
    const ask = (token: string) =>
      call({ operation: 'list', url, headers: { 'x-auth-token': token }, signal, retry: true })
    const token = await session.token(signal)
    const answer = await ask(token)
    return answer.status === 401 ? ask(await session.renewed(token, signal)) : answer
  }

  async function* items(name: string, query: string, signal: AbortSignal): AsyncGenerator<Item> {
    let page = query
    for (let pages = 0; pages < MAX_PAGES; pages += 1) {
      const { status, body } = await get(`/${name}${page}`, signal)
      if (status !== 200) throw refused(`list its ${name.replace('_', ' ')}`, status)
      const list = isRecord(body) && body.truncated !== true ? body[name] : undefined
      if (!Array.isArray(list) || !list.every(isRecord)) throw incomplete(name)
      yield* list
      const next = isRecord(body) && isRecord(body.links) ? body.links.next : undefined
      if (next === undefined || next === null) return
      // only the query counts: behind a proxy the link's host is often that of the inside
      if (!isText(next) || !URL.canParse(next, 'http://keystone')) throw incomplete(name)
      page = new URL(next, 'http://keystone').search
    }
    throw incomplete(name)
  }

  async function collect<T>(
    name: string,
    query: string,
    signal: AbortSignal,
    read: (item: Item) => T | undefined,
  ): Promise<T[]> {
    const found: T[] = []
    for await (const item of items(name, query, signal)) {
      const value = read(item)
      if (value !== undefined) found.push(value)
    }
    return found
  }

  return {
    async read(signal) {
      const [domains, projects, assignments] = await Promise.all([
        collect('domains', '', signal, readDomain),
        collect('projects', '', signal, readProject),
        collect('role_assignments', '?effective&include_names', signal, readAssignment),
      ])
      if (projects.length === 0 || assignments.length === 0)
        throw new PortcullisError(
          'KEYSTONE_BAD_ANSWER',
          'Keystone lists no projects or no role assignments at all: the credentials do not see them',
        )
      const byId = new Map(domains.map((domain) => [domain.id, domain]))
      return {
        projects: projects.map(({ domainId, ...project }) => {
          const domain = byId.get(domainId)
          if (domain === undefined) throw incomplete('domains')
          const { id, name } = domain
          return { ...project, domain: { id, name }, enabled: project.enabled && domain.enabled }
        }),
        assignments,
      }
    },
    async knows(project, signal) {
      const { status } = await get(`/projects/${encodeURIComponent(project)}`, signal)
      if (status !== 200 && status !== 404) throw refused('show a project', status)
      return status === 200
    },
  }
}

function readDomain({ id, name, enabled }: Item) {
  if (!isText(id) || !isText(name) || typeof enabled !== 'boolean') throw incomplete('domains')
  return { id, name, enabled }
}

function readProject({ id, name, domain_id: domainId, enabled, is_domain: isDomain }: Item) {
  if (isDomain === true) return undefined
  if (!isText(id) || !isText(name) || !isText(domainId) || typeof enabled !== 'boolean')
    throw incomplete('projects')
  return { id, name, domainId, enabled }
}

/** Undefined for a role on a domain or the system, and for a user whom the identity backend no longer knows (no name). */
function readAssignment({ scope, user, role }: Item): RoleAssignment | undefined {
  if (!isRecord(scope)) throw incomplete('role assignments')
  if (scope.project === undefined) return undefined
  const { project } = scope
  const domain = isRecord(user) && isRecord(user.domain) ? user.domain : {}
  if (!isRecord(project) || !isRecord(user) || !isRecord(role)) throw incomplete('role assignments')
  if (!isText(project.id) || !isText(user.id) || !isText(role.name)) throw incomplete('role assignments')
  if (user.name === '') return undefined
  if (!isText(user.name) || !isText(domain.id) || !isText(domain.name)) throw incomplete('role assignments')
  return {
    project: project.id,
    user: { id: user.id, name: user.name, domain: { id: domain.id, name: domain.name } },
    role: role.name,
  }
}

function refused(what: string, status: number): PortcullisError {
  return new PortcullisError(
    'KEYSTONE_REFUSED_US',
    `Keystone refuses to ${what} for us (${status}): role admin, or reader on the system, is needed`,
  )
}

function incomplete(name: string): PortcullisError {
  return new PortcullisError(
    'KEYSTONE_BAD_ANSWER',
    `Keystone’s list of ${name.replace('_', ' ')} is not complete`,
  )
}
