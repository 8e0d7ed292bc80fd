import { type KeystoneAdmin, login, loginWith, type TestUser } from './keystone-admin.ts'
import { fernetLike } from './tokens.ts'
import { ask, type Reply } from './wire.ts'

const RULE = { service: 'compute', method: 'GET', path: '/v2.1/servers' }

/** Users, projects, credentials and tokens in all the states that matter, by name. */
export interface KeystoneWorld {
  readonly url: string
  readonly tokens: Readonly<Record<string, string>>
  readonly users: Readonly<Record<string, TestUser>>
  /** Ids of projects, each named after its user. */
  readonly projects: Readonly<Record<string, string>>
  readonly credentials: Readonly<Record<string, { id: string; secret: string }>>
}

export async function makeKeystoneWorld(admin: KeystoneAdmin): Promise<KeystoneWorld> {
  const { url } = admin
  const [users, projects, tokens]: [
    Record<string, TestUser>,
    Record<string, string>,
    Record<string, string>,
  ] = [{}, {}, { none: '', unknown: fernetLike(Date.now()) }]
  const roles = { service: 'service', alice: 'member', bob: 'reader' }
  const ends = { revoked: 'member', disabled: 'member', back: 'member', closed: 'member' }
  for (const [name, role] of Object.entries({ ...roles, ...ends })) {
    const [user, project] = [await admin.createUser(), await admin.createProject()]
    await admin.grant(user, { project: project.id }, role)
    users[name] = user
    projects[name] = project.id
    tokens[name] = await login(url, user, { project: { id: project.id } })
  }
  const { alice, disabled, back } = users as Record<'alice' | 'disabled' | 'back', TestUser>
  await admin.grant(alice, { domain: 'default' }, 'reader')
  await admin.grant(alice, 'system', 'reader')
  tokens.domain = await login(url, alice, { domain: { id: 'default' } })
  tokens.system = await login(url, alice, { system: { all: true } })
  tokens.unscoped = await login(url, alice)
  const credentials: Record<string, { id: string; secret: string }> = {}
  for (const [name, rules] of Object.entries({ plain: undefined, restricted: [RULE], deleted: undefined })) {
    const made = await admin.createCredential(alice, projects.alice as string, 'reader', rules)
    credentials[name] = { id: made.id, secret: made.secret }
    tokens[name] = await loginWith(url, made)
  }
  await admin.createGroup('parity', alice)
  await admin.revoke(tokens.revoked as string)
  await admin.deleteCredential(alice, credentials.deleted?.id as string)
  await admin.setUserEnabled(disabled, false)
  await admin.setUserEnabled(back, false)
  await admin.setUserEnabled(back, true)
  await admin.setProjectEnabled(projects.closed as string, false)
  return { url, tokens, users, projects, credentials }
}

/** A request that somebody makes of that world. */
export type Send = (world: KeystoneWorld) => Promise<Reply>

/** One token, or none, asks about another (or DELETEs it). */
export function look(
  caller: string,
  subject: string,
  more: { method?: string; headers?: Record<string, string> } = {},
): Send {
  return ({ url, tokens }) => {
    const [own, other] = [tokens[caller], tokens[subject]]
    const headers = { ...(own && { 'x-auth-token': own }), ...(other && { 'x-subject-token': other }) }
    const path = '/auth/tokens?nocatalog'
    return ask(url, { method: more.method ?? 'GET', path, headers: { ...headers, ...more.headers } })
  }
}

export function groupsOf(caller: string, user: string): Send {
  return ({ url, tokens, users }) => {
    const headers = { 'x-auth-token': tokens[caller] as string }
    return ask(url, { path: `/users/${users[user]?.id ?? user}/groups`, headers })
  }
}

/** Where one can go: `projects`, `domains` or `system`. */
export function placesOf(caller: string, kind: string): Send {
  return ({ url, tokens }) => {
    const own = tokens[caller]
    return ask(url, { path: `/auth/${kind}`, headers: { ...(own && { 'x-auth-token': own }) } })
  }
}

type Scope = 'unscoped' | { project: string } | { domain: object } | { system: object }

export function post(body: string): Send {
  return ({ url }) =>
    ask(`${url}/auth/tokens`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}

/** A log-in; a project is meant by the name of its user. */
function enter(method: string, given: (world: KeystoneWorld) => unknown, scope?: Scope): Send {
  return (world) => {
    const asked =
      typeof scope === 'object' && 'project' in scope
        ? { project: { id: world.projects[scope.project] } }
        : scope
    const identity = { methods: [method], [method]: given(world) }
    return post(JSON.stringify({ auth: { identity, ...(asked !== undefined && { scope: asked }) } }))(world)
  }
}

export function password(name: string, scope?: Scope, wrong?: string): Send {
  return enter(
    'password',
    ({ users }) => ({
      user: { id: users[name]?.id ?? name, password: wrong ?? users[name]?.password ?? 'x' },
    }),
    scope,
  )
}

export function token(name: string, scope?: Scope): Send {
  return enter('token', ({ tokens }) => ({ id: tokens[name] }), scope)
}

export function credential(name: string, scope?: Scope, wrong?: string): Send {
  return enter(
    'application_credential',
    ({ credentials }) => ({ ...credentials[name], ...(wrong !== undefined && { secret: wrong }) }),
    scope,
  )
}
