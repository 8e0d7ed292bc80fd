import { randomBytes } from 'node:crypto'
import type { SimulatedKeystone } from '../../src/simulator/keystone.ts'
import { secret } from './secrets.ts'
import { base32, totp } from './totp.ts'
import { ask, type Reply } from './wire.ts'

export interface TestUser {
  readonly id: string
  readonly name: string
  readonly password: string
  readonly domain: string
}

export type TestScope =
  | { project: { id: string } }
  | { domain: { id: string } }
  | { system: { all: true } }
  | undefined

/** What tests do to a Keystone, simulated or real: everything they make has a name of its own. */
export interface KeystoneAdmin {
  /** With /v3. */
  readonly url: string
  createDomain(): Promise<{ id: string; name: string }>
  createProject(domain?: string): Promise<{ id: string; name: string }>
  createUser(options?: { domain?: string; name?: string }): Promise<TestUser>
  createGroup(name: string, member: TestUser): Promise<void>
  leaveGroups(user: TestUser): Promise<void>
  grant(
    user: TestUser,
    target: 'system' | { project: string } | { domain: string },
    role: string,
  ): Promise<void>
  /** A role of a group on a project. */
  grantGroup(group: string, domain: string, project: string, role: string): Promise<void>
  /** A role on all projects of a domain. */
  grantInherited(user: TestUser, domain: string, role: string): Promise<void>
  revokeRole(user: TestUser, project: string, role: string): Promise<void>
  deleteUser(user: TestUser): Promise<void>
  deleteProject(project: string): Promise<void>
  createCredential(
    user: TestUser,
    project: string,
    role: string,
    accessRules?: readonly { service: string; method: string; path: string }[],
  ): Promise<{ id: string; secret: string }>
  deleteCredential(user: TestUser, id: string): Promise<void>
  revoke(token: string): Promise<void>
  setUserEnabled(user: TestUser, enabled: boolean): Promise<void>
  /** Gives the user a one-time passcode secret; `needed`: a password alone is then not enough. Real Keystones only. */
  addTotp(user: TestUser, options?: { needed?: boolean }): Promise<{ passcode: () => string }>
  setProjectEnabled(project: string, enabled: boolean): Promise<void>
}

const unique = (kind: string) => `${kind}-${randomBytes(4).toString('hex')}`

/** A log-in with password, as a user does it. */
export async function login(url: string, user: TestUser, scope?: TestScope): Promise<string> {
  return token(
    await postAuth(url, {
      identity: { methods: ['password'], password: { user: { id: user.id, password: user.password } } },
      ...(scope && { scope }),
    }),
  )
}

/** A log-in with an application credential. */
export async function loginWith(url: string, credential: { id: string; secret: string }): Promise<string> {
  return token(
    await postAuth(url, {
      identity: { methods: ['application_credential'], application_credential: credential },
    }),
  )
}

function postAuth(url: string, auth: object): Promise<Reply> {
  const headers = { 'content-type': 'application/json' }
  return ask(url, { method: 'POST', path: '/auth/tokens', headers, body: JSON.stringify({ auth }) })
}

function token(reply: Reply): string {
  if (reply.status !== 201) throw new Error(`the log-in failed: ${reply.status}`)
  return secret(String(reply.headers['x-subject-token']))
}

export function simulatedAdmin({ url, model, api }: SimulatedKeystone): KeystoneAdmin {
  return {
    url: `${url}/v3`,
    createDomain: async () => model.addDomain(unique('domain')),
    createProject: async (domain) => model.addProject(unique('project'), domain),
    createUser: async ({ domain, name } = {}) =>
      model.addUser(name ?? unique('user'), secret(unique('password')), domain),
    createGroup: async (name, member) => void model.addGroup(name, [member.id], member.domain),
    async leaveGroups(user) {
      for (const group of model.groups.keys()) api.removeFromGroup(user.id, group)
    },
    async grant(user, target, role) {
      const id = target === 'system' ? 'system' : 'project' in target ? target.project : target.domain
      model.grant(user.id, id, role)
    },
    async grantGroup(name, domain, project, role) {
      for (const group of model.groups.values())
        if (group.name === name && group.domain === domain) model.grant(group.id, project, role)
    },
    grantInherited: async (user, domain, role) => model.grantInherited(user.id, domain, role),
    revokeRole: async (user, project, role) => model.revoke(user.id, project, role),
    deleteUser: async (user) => api.deleteUser(user.id),
    async deleteProject(project) {
      model.projects.delete(project)
      for (const grant of model.grants) if (grant.target === project) model.grants.delete(grant)
    },
    async createCredential(user, project, role, accessRules) {
      return model.addCredential({
        name: unique('credential'),
        secret: secret(unique('secret')),
        user: user.id,
        project,
        roles: [role],
        ...(accessRules && { accessRules }),
      })
    },
    deleteCredential: async (_user, id) => void model.credentials.delete(id),
    revoke: async (text) => api.revoke(text),
    setUserEnabled: async (user, enabled) => api.setUserEnabled(user.id, enabled),
    addTotp: () => Promise.reject(new Error('the simulator knows no passcodes')),
    async setProjectEnabled(project, enabled) {
      const known = model.projects.get(project)
      if (known !== undefined) known.enabled = enabled
    },
  }
}

/** The same over the Identity API, as its admin. */
export async function realAdmin(url: string, password: string): Promise<KeystoneAdmin> {
  const admin = token(
    await postAuth(url, {
      identity: {
        methods: ['password'],
        password: { user: { name: 'admin', domain: { id: 'default' }, password } },
      },
      scope: { project: { name: 'admin', domain: { id: 'default' } } },
    }),
  )
  const roles = new Map<string, string>()

  async function call(method: string, path: string, body?: object, as = admin, subject?: string) {
    const reply = await ask(url, {
      method,
      path,
      headers: {
        'x-auth-token': as,
        ...(subject && { 'x-subject-token': subject }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    if (reply.status >= 300) throw new Error(`${method} ${path.replace(/\?.*/, '')} answered ${reply.status}`)
    return reply.text === '' ? {} : JSON.parse(reply.text)
  }

  async function roleId(name: string): Promise<string> {
    const known = roles.get(name) ?? (await call('GET', `/roles?name=${name}`)).roles[0]?.id
    const id = known ?? (await call('POST', '/roles', { role: { name } })).role.id
    roles.set(name, id)
    return id
  }

  return {
    url,
    createDomain: async () => (await call('POST', '/domains', { domain: { name: unique('domain') } })).domain,
    createProject: async (domain = 'default') =>
      (await call('POST', '/projects', { project: { name: unique('project'), domain_id: domain } })).project,
    async createUser({ domain = 'default', name = unique('user') } = {}) {
      const password = secret(unique('password'))
      const { user } = await call('POST', '/users', { user: { name, password, domain_id: domain } })
      return { id: user.id, name, password, domain }
    },
    async createGroup(name, member) {
      const known = (await call('GET', `/groups?name=${encodeURIComponent(name)}&domain_id=${member.domain}`))
        .groups[0]
      const group =
        known ?? (await call('POST', '/groups', { group: { name, domain_id: member.domain } })).group
      await call('PUT', `/groups/${group.id}/users/${member.id}`)
    },
    async leaveGroups(user) {
      for (const group of (await call('GET', `/users/${user.id}/groups`)).groups)
        await call('DELETE', `/groups/${group.id}/users/${user.id}`)
    },
    async grant(user, target, role) {
      const place =
        target === 'system'
          ? 'system'
          : 'project' in target
            ? `projects/${target.project}`
            : `domains/${target.domain}`
      await call('PUT', `/${place}/users/${user.id}/roles/${await roleId(role)}`)
    },
    async grantGroup(name, domain, project, role) {
      const found = await call('GET', `/groups?name=${encodeURIComponent(name)}&domain_id=${domain}`)
      const group = found.groups[0].id
      await call('PUT', `/projects/${project}/groups/${group}/roles/${await roleId(role)}`)
    },
    async grantInherited(user, domain, role) {
      const grant = `/domains/${domain}/users/${user.id}/roles/${await roleId(role)}`
      await call('PUT', `/OS-INHERIT${grant}/inherited_to_projects`)
    },
    async revokeRole(user, project, role) {
      await call('DELETE', `/projects/${project}/users/${user.id}/roles/${await roleId(role)}`)
    },
    deleteUser: (user) => call('DELETE', `/users/${user.id}`),
    deleteProject: (project) => call('DELETE', `/projects/${project}`),
    async createCredential(user, project, role, accessRules) {
      const own = await login(url, user, { project: { id: project } })
      const { application_credential: made } = await call(
        'POST',
        `/users/${user.id}/application_credentials`,
        {
          application_credential: {
            name: unique('credential'),
            roles: [{ name: role }],
            ...(accessRules && { access_rules: accessRules }),
          },
        },
        own,
      )
      return { id: made.id, secret: secret(made.secret) }
    },
    deleteCredential: (user, id) => call('DELETE', `/users/${user.id}/application_credentials/${id}`),
    revoke: (text) => call('DELETE', '/auth/tokens', undefined, admin, text),
    async addTotp(user, { needed = false } = {}) {
      const key = randomBytes(20)
      await call('POST', '/credentials', {
        credential: { type: 'totp', user_id: user.id, blob: base32(key) },
      })
      const options = { multi_factor_auth_enabled: true, multi_factor_auth_rules: [['password', 'totp']] }
      if (needed) await call('PATCH', `/users/${user.id}`, { user: { options } })
      return { passcode: () => secret(totp(key)) }
    },
    setUserEnabled: (user, enabled) => call('PATCH', `/users/${user.id}`, { user: { enabled } }),
    setProjectEnabled: (project, enabled) => call('PATCH', `/projects/${project}`, { project: { enabled } }),
  }
}

/** A new user who reads everything on the system, as OS_* variables. */
export async function systemReaderEnv(admin: KeystoneAdmin) {
  const reader = await admin.createUser()
  await admin.grant(reader, 'system', 'reader')
  return {
    OS_AUTH_URL: admin.url,
    OS_USER_ID: reader.id,
    OS_PASSWORD: reader.password,
    OS_SYSTEM_SCOPE: 'all',
  }
}
