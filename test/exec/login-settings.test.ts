import t from 'tap'
import type { SettingName } from '../../src/config/login-options.ts'
import { AUTH_TYPES, familyOf, type LoginSettings, mergeSettings } from '../../src/exec/login-settings.ts'

/** Each value from a source of this name. */
const layer = (from: string, values: Partial<Record<SettingName, string>>): LoginSettings =>
  Object.fromEntries(Object.entries(values).map(([name, text]) => [name, { text, from }]))

t.test('each value is that of the strongest source that has it, with its origin', async (t) => {
  const [flags, env, cloud] = [
    layer('flags', { username: 'alice' }),
    layer('env', { username: 'bob', project_name: 'web', auth_url: 'https://b' }),
    layer('cloud', { username: 'carol', project_name: 'db', auth_url: 'https://c', user_domain_id: 'd' }),
  ]
  t.strictSame(mergeSettings([flags, env, cloud]), {
    user_domain_id: cloud?.user_domain_id,
    auth_url: env?.auth_url,
    project_name: env?.project_name,
    ...flags,
  } as never)
  t.strictSame(mergeSettings([cloud as LoginSettings, flags as LoginSettings]).username, cloud?.username)
  t.strictSame(mergeSettings([]), {})
})

t.test('of names for one thing only those of the strongest source count', async (t) => {
  const groups: readonly (readonly SettingName[])[] = [
    ['username', 'user_id'],
    ['user_domain_name', 'user_domain_id'],
    ['project_name', 'project_id', 'system_scope', 'trust_id'],
    ['project_domain_name', 'project_domain_id'],
    ['domain_name', 'domain_id'],
    ['default_domain', 'default_domain_id', 'default_domain_name'],
    ['application_credential_id', 'application_credential_name'],
    [
      'application_credential_secret',
      'application_credential_secret_file',
      'application_credential_secret_command',
    ],
    ['password', 'password_file', 'password_command'],
    ['passcode', 'passcode_command'],
    ['token', 'token_file'],
  ]
  for (const group of groups)
    for (const high of group) {
      const all = Object.fromEntries(group.map((name) => [name, 'low']))
      const [strong, weak] = [layer('high', { [high]: 'high' }), layer('low', all)]
      t.strictSame(mergeSettings([strong, weak]), strong, high)
      t.strictSame(mergeSettings([{}, weak, strong]), weak, 'one source may name all of them')
    }
  for (const [index, group] of groups.entries())
    for (const other of groups.slice(index + 1)) {
      const names = [group[0], other[0]] as const
      const family = names.map((name) => familyOf(layer('x', { [name as string]: 'x' })))
      if (family.every((name) => name !== undefined)) continue
      const merged = mergeSettings(names.map((name) => layer('x', { [name as string]: 'x' })))
      t.strictSame(Object.keys(merged).sort(), [...names].sort(), `${names.join(' and ')} are two things`)
    }
})

t.test('who logs in is said by the auth type, else by credential, user or token in this order', async (t) => {
  t.strictSame(AUTH_TYPES, {
    password: 'user',
    v3password: 'user',
    v3totp: 'user',
    v3multifactor: 'user',
    token: 'token',
    v3token: 'token',
    v3applicationcredential: 'credential',
  })
  const all = { username: 'u', token: 't', application_credential_id: 'c' }
  for (const [auth_type, family] of Object.entries(AUTH_TYPES))
    t.equal(familyOf(layer('x', { ...all, auth_type })), family, auth_type)
  for (const [values, family] of [
    [all, 'credential'],
    [{ application_credential_name: 'c', user_id: 'u' }, 'credential'],
    [{ username: 'u', token: 't' }, 'user'],
    [{ user_id: 'u' }, 'user'],
    [{ token: 't' }, 'token'],
    [{ token_file: 't' }, 'token'],
    [{ password: 'x', auth_url: 'https://a', project_name: 'p' }, undefined],
    [{ ...all, auth_type: 'unknown' }, 'credential'],
  ] as const)
    t.equal(familyOf(layer('x', values)), family, JSON.stringify(values))
})

t.test('who logs in above drops the ways to log in below, and the auth types of those', async (t) => {
  const low = { username: 'u', user_id: 'i', token: 't', token_file: 'f' } as const
  const credential = { application_credential_id: 'c', application_credential_name: 'n' } as const
  for (const [high, stays] of [
    [{ token_file: 'T' }, []],
    [{ username: 'U' }, []],
    [{ application_credential_id: 'C' }, ['username', 'user_id']],
    [{ auth_type: 'v3token' }, ['token', 'token_file']],
    [{ auth_type: 'password' }, ['username', 'user_id']],
    [
      { auth_type: 'v3applicationcredential' },
      ['username', 'user_id', 'application_credential_id', 'application_credential_name'],
    ],
    [{ auth_url: 'https://a' }, [...Object.keys(low), ...Object.keys(credential)]],
  ] as const) {
    const merged = mergeSettings([layer('high', high), layer('low', { ...low, ...credential })])
    t.strictSame(Object.keys(merged).sort(), [...stays, ...Object.keys(high)].sort(), JSON.stringify(high))
  }
  for (const [high, auth_type, stays] of [
    [{ username: 'U' }, 'v3totp', true],
    [{ username: 'U' }, 'v3token', false],
    [{ token: 'T' }, 'token', true],
    [{ token: 'T' }, 'password', false],
    [{ application_credential_id: 'C' }, 'v3applicationcredential', true],
    [{ application_credential_id: 'C' }, 'password', false],
    [{ username: 'U' }, 'unknown', false],
    [{ auth_url: 'https://a' }, 'v3totp', true],
  ] as const) {
    const merged = mergeSettings([layer('high', high), layer('low', { auth_type })])
    t.equal(merged.auth_type?.text, stays ? auth_type : undefined, `${JSON.stringify(high)} ${auth_type}`)
  }
})
