import type { Test } from 'tap'
import { type KeystoneAdmin, login, type TestUser } from './keystone-admin.ts'
import {
  credential,
  groupsOf,
  type KeystoneWorld,
  look,
  makeKeystoneWorld,
  password,
  placesOf,
  post,
  type Send,
  token,
} from './keystone-world.ts'
import { ask } from './wire.ts'

/**
 * A request, its status, and then: of a good answer what the token holds beside what every token holds, and its
 * roles; of a bad one the message, where `<project closed>` and the like stand for an id.
 */
type Row = readonly [send: Send, status: number, says: string, roles?: string]

const own = (name: string, headers = {}) => look(name, name, { headers })
const byService = (name: string, headers = {}) => look('service', name, { headers })
const HEEDS_RULES = { 'openstack-identity-access-rules': '1.0' }
const SYSTEM = { system: { all: true } }
const DEFAULT = { domain: { name: 'Default' } }

const end = (name: string, headers = {}) => look(name, name, { method: 'DELETE', headers })

const WHO = 'The request you have made requires authentication.'
const GONE = 'Failed to validate token'
const CLOSED = 'Unable to validate token because project <project closed> is disabled'
const DELETED = 'Could not find Application Credential: <credential deleted>.'
const NO_SCOPE =
  'Error authenticating with application credential: Application credentials cannot request a scope.'
const mayNot = (action: string) => `You are not authorized to perform the requested action: ${action}.`
const DELEGATED = mayNot('Using a delegated token to create another token is not allowed.')
const NO_LOOK = mayNot('identity:validate_token')
const NO_END = mayNot('identity:revoke_token')
const NO_LIST = mayNot('identity:list_groups_for_user')
const PROJECT = 'is_domain project roles'
const CREDENTIAL = 'application_credential is_domain project roles'

const TOKENS: Readonly<Record<string, Row>> = {
  'a password logs in to a project': [
    password('alice', { project: 'alice' }),
    201,
    `catalog ${PROJECT}`,
    'member reader',
  ],
  'a password logs in to a domain': [password('alice', DEFAULT), 201, 'catalog domain roles', 'reader'],
  'a password logs in to the system': [password('alice', SYSTEM), 201, 'catalog roles system', 'reader'],
  'a password logs in without a scope': [password('alice', 'unscoped'), 201, ''],
  'a wrong password is told nothing': [password('alice', 'unscoped', 'wrong'), 401, WHO],
  'an unknown user is told the same': [password('nobody'), 401, WHO],
  'so is a disabled user': [password('disabled'), 401, WHO],
  'so is a user without a role on the project': [password('alice', { project: 'bob' }), 401, WHO],
  'so is a user of a project that is disabled': [password('closed', { project: 'closed' }), 401, WHO],
  'a token logs in to another scope': [token('alice', 'unscoped'), 201, ''],
  'a token that nobody issued logs nobody in': [token('unknown'), 404, '<unknown>'],
  'a revoked token logs nobody in': [token('revoked'), 404, GONE],
  'a credential logs in to its project': [credential('plain'), 201, `${CREDENTIAL} catalog`, 'reader'],
  'a credential chooses no scope': [credential('plain', { project: 'alice' }), 401, NO_SCOPE],
  'a wrong secret is told nothing': [credential('plain', undefined, 'wrong'), 401, WHO],
  'a deleted credential logs nobody in': [credential('deleted'), 404, DELETED],
  'the token of a credential makes no other token': [token('plain'), 403, DELEGATED],

  'a project token vouches for itself': [own('alice'), 200, PROJECT, 'member reader'],
  'a domain token vouches for itself': [own('domain'), 200, 'domain roles', 'reader'],
  'a system token vouches for itself': [own('system'), 200, 'roles system', 'reader'],
  'an unscoped token vouches for itself': [own('unscoped'), 200, ''],
  'the token of a credential vouches for itself': [own('plain'), 200, CREDENTIAL, 'reader'],
  'the role service looks at the token of anybody': [byService('bob'), 200, PROJECT, 'reader'],
  'a reader of the system looks at the token of anybody': [look('system', 'bob'), 200, PROJECT, 'reader'],
  'others look at no token but their own': [look('bob', 'alice'), 403, NO_LOOK],
  'access rules hide a token from who does not heed them': [byService('restricted'), 404, GONE],
  'they hide it from itself too': [own('restricted'), 404, GONE],
  'who heeds access rules is shown the token': [
    byService('restricted', HEEDS_RULES),
    200,
    CREDENTIAL,
    'reader',
  ],
  'the restricted token may heed them itself': [own('restricted', HEEDS_RULES), 200, CREDENTIAL, 'reader'],
  'an unknown subject is not found': [byService('unknown'), 404, '<unknown>'],
  'an unknown subject is not found by others either': [look('bob', 'unknown'), 404, '<unknown>'],
  'no subject is not found': [byService('none'), 404, 'No token in the request'],
  'others may not even ask for no subject': [look('bob', 'none'), 403, NO_LOOK],
  'an unknown caller is told nothing': [look('unknown', 'alice'), 401, WHO],
  'a missing caller is told nothing': [look('none', 'alice'), 401, WHO],
  'a revoked subject is not found': [byService('revoked'), 404, GONE],
  'a revoked caller is told nothing': [own('revoked'), 401, WHO],
  'the subject of a disabled user is not found': [byService('disabled'), 404, GONE],
  'a disabled caller is told nothing': [own('disabled'), 401, WHO],
  'enabling a user again does not bring the tokens back': [byService('back'), 404, GONE],
  'the subject of a disabled project is told why': [byService('closed'), 404, CLOSED],
  'a caller of a disabled project gets 404, not 401': [own('closed'), 404, CLOSED],
  'the subject of a deleted credential is told why': [byService('deleted'), 404, DELETED],
  'a caller of a deleted credential gets 404, not 401': [own('deleted'), 404, DELETED],
  'others end no token but their own': [look('bob', 'alice', { method: 'DELETE' }), 403, NO_END],
  'the role service ends no token of others': [look('service', 'bob', { method: 'DELETE' }), 403, NO_END],
  'nobody ends a token with access rules': [end('restricted'), 404, GONE],
  'not even who heeds them': [end('restricted', HEEDS_RULES), 404, GONE],
  'a token that is revoked already ends nothing': [end('revoked'), 401, WHO],
}

/** As above; a good answer lists these groups. */
const GROUPS: Readonly<Record<string, Row>> = {
  'a user is shown the own groups': [groupsOf('alice', 'alice'), 200, 'parity'],
  'so is the own unscoped token': [groupsOf('unscoped', 'alice'), 200, 'parity'],
  'so is the token of the own restricted credential': [groupsOf('restricted', 'alice'), 200, 'parity'],
  'so is a reader of the system': [groupsOf('system', 'alice'), 200, 'parity'],
  'who is in no group has an empty list': [groupsOf('bob', 'bob'), 200, ''],
  'the role service is shown no groups': [groupsOf('service', 'alice'), 403, NO_LIST],
  'others are shown no groups': [groupsOf('bob', 'alice'), 403, NO_LIST],
  'an unknown user has no groups': [groupsOf('system', 'nobody'), 404, 'Could not find user: nobody.'],
}

/** As above; a good answer lists these places, projects by the user that they are named after. */
const PLACES: Readonly<Record<string, Row>> = {
  'a project token lists all projects of its user': [placesOf('alice', 'projects'), 200, 'alice'],
  'so does a token without a scope': [placesOf('unscoped', 'projects'), 200, 'alice'],
  'so does the token of a credential': [placesOf('plain', 'projects'), 200, 'alice'],
  'so does one with access rules': [placesOf('restricted', 'projects'), 200, 'alice'],
  'domains are listed by their roles': [placesOf('alice', 'domains'), 200, 'Default'],
  'who has no role on a domain is shown none': [placesOf('bob', 'domains'), 200, ''],
  'the system is listed for who has a role on it': [placesOf('alice', 'system'), 200, 'all'],
  'and not for others': [placesOf('bob', 'system'), 200, ''],
  'a revoked token is shown no projects': [placesOf('revoked', 'projects'), 401, WHO],
  'an unknown one neither': [placesOf('unknown', 'projects'), 401, WHO],
  'nor who has none': [placesOf('none', 'projects'), 401, WHO],
}

const ALWAYS = ['audit_ids', 'expires_at', 'issued_at', 'methods', 'user']
const named = (list: readonly { name: string }[] = []) =>
  list
    .map(({ name }) => name)
    .sort()
    .join(' ')

/** Runs the tables against a Keystone, simulated or real, so that the one is held to the other. */
export async function keystoneCases(
  t: Test,
  admin: KeystoneAdmin,
  provider: 'fernet' | 'jws',
): Promise<void> {
  const world = await makeKeystoneWorld(admin)
  const { unknown } = world.tokens
  const texts: Record<string, string | undefined> = {
    '<unknown>':
      provider === 'jws' ? `Could not find token: ${unknown}.` : 'Could not recognize Fernet token',
    '<project closed>': world.projects.closed,
    '<credential deleted>': world.credentials.deleted?.id,
  }
  const answer = async (t: Test, [send, status, says]: Row) => {
    const reply = await send(world)
    t.equal(reply.status, status)
    const body = JSON.parse(reply.text)
    if (status < 300) return body
    t.equal(
      body.error.message,
      says.replace(/<[a-z ]+>/, (name) => texts[name] ?? name),
    )
    return undefined
  }
  for (const [name, row] of Object.entries(TOKENS))
    t.test(name, async (t) => {
      const body = await answer(t, row)
      if (body === undefined) return
      const keys = Object.keys(body.token).sort()
      t.same(keys, [...ALWAYS, ...row[2].split(' ').filter(Boolean)].sort())
      t.equal(named(body.token.roles), row[3] ?? '')
    })
  for (const [name, row] of Object.entries(GROUPS))
    t.test(name, async (t) => {
      const body = await answer(t, row)
      if (body !== undefined) t.equal(named(body.groups), row[2])
    })
  for (const [name, row] of Object.entries(PLACES))
    t.test(name, async (t) => {
      const body = await answer(t, row)
      if (body !== undefined) t.equal(placesIn(body, world), row[2])
    })
  ends(t, world)
  pages(t, world)
  if (provider === 'fernet') spellings(t, world)
}

function placesIn(
  body: Record<string, { id: string; name?: string; all?: boolean }[]>,
  world: KeystoneWorld,
) {
  const names = new Map(Object.entries(world.projects).map(([name, id]) => [id, name]))
  return [...(body.projects ?? body.domains ?? body.system ?? [])]
    .map(({ id, name, all }) => (all ? 'all' : (names.get(id) ?? name)))
    .sort()
    .join(' ')
}

function ends(t: Test, world: KeystoneWorld): void {
  t.test('a token ends itself, and a disabled project is listed with the others', async (t) => {
    const { url, users, projects } = world
    const own = await login(url, users.bob as TestUser, { project: { id: projects.bob as string } })
    const asked = { ...world, tokens: { ...world.tokens, own } }
    t.equal((await end('own')(asked)).status, 204)
    t.equal((await look('own', 'own')(asked)).status, 401)
    const closed = await login(url, users.closed as TestUser)
    const reply = await placesOf('closed', 'projects')({ ...world, tokens: { closed } })
    const [project] = JSON.parse(reply.text).projects
    t.match(project, { id: projects.closed, enabled: false, domain_id: 'default' })
  })
}

function pages(t: Test, world: KeystoneWorld): void {
  t.test('HEAD tells a good token from a bad one, but not to the role service', async (t) => {
    const head = async (caller: string, subject: string) =>
      (await look(caller, subject, { method: 'HEAD' })(world)).status
    t.equal(await head('system', 'bob'), 200)
    t.equal(await head('bob', 'bob'), 200)
    t.equal(await head('system', 'revoked'), 404)
    t.equal(await head('service', 'bob'), 403)
  })

  t.test('an unknown page is HTML, which tells a wrong URL from a bad token', async (t) => {
    const reply = await ask(world.url, { path: '/nonsense' })
    t.equal(reply.status, 404)
    t.match(String(reply.headers['content-type']), /text\/html/)
  })

  t.test('what is no JSON, and what asks for nothing, is told what is missing', async (t) => {
    const [cut, empty] = [await post('{')(world), await post('{}')(world)]
    t.same([cut.status, empty.status], [400, 400])
    t.match(cut.text, 'Expecting to find valid JSON in request body.')
    t.match(empty.text, 'Expecting to find auth in request body.')
  })

  t.test('a 401 says where to log in', async (t) => {
    const reply = await look('unknown', 'unknown')(world)
    t.equal(reply.headers['www-authenticate'], `Keystone uri="${world.url}"`)
  })
}

function spellings(t: Test, world: KeystoneWorld): void {
  t.test('a Fernet token is found by any spelling that decodes to it', async (t) => {
    const text = world.tokens.alice as string
    for (const other of [`${text}=`, `${text}==`, text.replaceAll('-', '+').replaceAll('_', '/')]) {
      const asked = { ...world, tokens: { ...world.tokens, other } }
      t.equal((await byService('other')(asked)).status, 200)
    }
  })
}
