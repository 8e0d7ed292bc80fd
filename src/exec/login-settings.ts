import type { SettingName } from '../config/login-options.ts'

/** A value that somebody gave, and where: `flag --password`, `environment OS_PASSWORD`, `cloud dev of /x/clouds.yaml`. */
export interface Given {
  readonly text: string
  readonly from: string
}

/** What is known of a log-in, by openstacksdk's names. Secrets are in clear here and go nowhere but to Keystone. */
export type LoginSettings = Readonly<Partial<Record<SettingName, Given>>>

/** Of each row one thing is meant: where one source names it, what lower ones call it otherwise does not count. */
const ALTERNATIVES: readonly (readonly SettingName[])[] = [
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

/** The ways to say who one is. The highest source that says it decides. */
const FAMILIES = {
  credential: ['application_credential_id', 'application_credential_name'],
  user: ['username', 'user_id'],
  token: ['token', 'token_file'],
} as const satisfies Record<string, readonly SettingName[]>
export type Family = keyof typeof FAMILIES

/** The family that each name of an auth type (those of keystoneauth1) belongs to. */
export const AUTH_TYPES: Readonly<Record<string, Family>> = {
  password: 'user',
  v3password: 'user',
  v3totp: 'user',
  v3multifactor: 'user',
  token: 'token',
  v3token: 'token',
  v3applicationcredential: 'credential',
}

/** How the settings say who one is; undefined when they do not. */
export function familyOf(settings: LoginSettings): Family | undefined {
  const type = settings.auth_type && AUTH_TYPES[settings.auth_type.text]
  return type ?? (Object.keys(FAMILIES) as Family[]).find((family) => names(settings, FAMILIES[family]))
}

/** Lays sources over each other, the strongest first: each value from the first that has it. */
export function mergeSettings(layers: readonly LoginSettings[]): LoginSettings {
  return layers.reduce(under, {})
}

function under(high: LoginSettings, low: LoginSettings): LoginSettings {
  const left: Partial<Record<SettingName, Given>> = { ...low }
  const drop = (setting: SettingName) => delete left[setting]
  for (const group of ALTERNATIVES) if (names(high, group)) group.forEach(drop)
  const family = familyOf(high)
  if (family !== undefined) {
    // a credential may be named along with its user
    for (const other of Object.keys(FAMILIES) as Family[])
      if (other !== family && !(family === 'credential' && other === 'user')) FAMILIES[other].forEach(drop)
    if (left.auth_type && AUTH_TYPES[left.auth_type.text] !== family) drop('auth_type')
  }
  return { ...left, ...high }
}

const names = (settings: LoginSettings, group: readonly SettingName[]) =>
  group.some((name) => settings[name] !== undefined)
