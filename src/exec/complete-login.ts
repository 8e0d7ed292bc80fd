import { type LoginFlag, loginOptions, type SettingName, settingOf } from '../config/login-options.ts'
import { PortcullisError } from '../errors.ts'
import type { TlsFiles } from '../http/plain-client.ts'
import type { LoginMethod } from '../keystone/credentials.ts'
import { toLoginMethod } from '../keystone/login-method.ts'
import { AUTH_TYPES, type Family, familyOf, type LoginSettings } from './login-settings.ts'
import { runSecretCommand } from './secret-source.ts'

/** Asks somebody at a terminal for one value; what is answered to an optional question may be empty. */
export type Ask = (question: {
  readonly name: SettingName
  readonly secret: boolean
  readonly optional: boolean
}) => Promise<string>

/** Looks for a terminal, once it is clear that somebody must be asked. */
export type OpenTerminal = () => Promise<Ask | undefined>

/** All that a log-in needs, secrets included. */
export interface CompleteLogin {
  readonly url: string
  readonly tls: TlsFiles
  readonly method: LoginMethod
  /** Whether somebody was asked for a part of it. */
  readonly asked: boolean
}

const KINDS: Readonly<Record<Family, LoginMethod['kind']>> = {
  user: 'user',
  credential: 'application_credential',
  token: 'token',
}
export const SECRETS: readonly SettingName[] = [
  'password',
  'passcode',
  'application_credential_secret',
  'token',
]
/** Asked for along with the user name: a user nobody has named has not said where to go either. */
const BESIDE_THE_USER: readonly SettingName[] = ['user_domain_name', 'project_name']

/**
 * Runs the commands that give secrets and asks for what is missing then. Without a terminal that is
 * LOGIN_INCOMPLETE, which names what is missing and where it can be set.
 */
export async function completeLogin(
  settings: LoginSettings,
  openTerminal: OpenTerminal,
): Promise<CompleteLogin> {
  const family = checkedFamily(settings) ?? 'user'
  const values = await plainValues(settings, family)
  const wanted = missingOf(values, family)
  const ask = wanted.length > 0 ? await openTerminal() : undefined
  const questions = wanted.flatMap((name) => (name === 'username' ? [name, ...BESIDE_THE_USER] : [name]))
  for (const name of questions) {
    if (values[name] !== undefined) continue
    const optional = BESIDE_THE_USER.includes(name)
    values[name] = (await ask?.({ name, secret: SECRETS.includes(name), optional })) || undefined
  }
  const method = toLoginMethod(KINDS[family], values)
  const still = missingOf(values, family)
  if ('missing' in method || still.length > 0) throw incomplete(still)
  return { url: values.auth_url as string, tls: tlsOf(settings), method, asked: questions.length > 0 }
}

/** How to trust Keystone, and how to prove oneself to what stands before it. */
export const tlsOf = ({ cacert, cert, key }: LoginSettings): TlsFiles => ({
  ca: cacert?.text,
  cert: cert?.text,
  key: key?.text,
})

/** The names of the values that a log-in with these settings lacks: what would be asked for. */
export function missingSettings(settings: LoginSettings): readonly SettingName[] {
  const values: Record<string, string | undefined> = {}
  for (const [name, given] of Object.entries(settings)) {
    values[name] = given.text
    if (name.endsWith('_command')) values[name.slice(0, -'_command'.length)] = 'from the command'
  }
  return missingOf(values, checkedFamily(settings) ?? 'user')
}

function missingOf(
  values: Readonly<Record<string, string | undefined>>,
  family: Family,
): readonly SettingName[] {
  const method = toLoginMethod(KINDS[family], values)
  const url: readonly SettingName[] = values.auth_url ? [] : ['auth_url']
  return 'missing' in method ? [...url, ...(method.missing as readonly SettingName[])] : url
}

async function plainValues(settings: LoginSettings, family: Family) {
  const values: Record<string, string | undefined> = {}
  for (const [name, given] of Object.entries(settings)) values[name] = given.text
  const needed = {
    user: ['password', 'passcode'],
    credential: ['application_credential_secret'],
    token: [],
  } as const
  for (const name of needed[family]) {
    const command = settings[`${name}_command`]
    if (command !== undefined) values[name] = await runSecretCommand(command.text, command.from)
  }
  return values
}

function checkedFamily(settings: LoginSettings): Family | undefined {
  const type = settings.auth_type
  if (type !== undefined && !Object.hasOwn(AUTH_TYPES, type.text))
    throw new PortcullisError(
      'CONFIG_INVALID',
      `${type.from}: expected one of ${Object.keys(AUTH_TYPES).join(', ')}, got another auth type`,
    )
  return familyOf(settings)
}

function incomplete(names: readonly SettingName[]): PortcullisError {
  const flags = Object.keys(loginOptions) as LoginFlag[]
  const ways = names.map((name) => {
    const flag = flags.find((candidate) => settingOf(candidate) === name) as LoginFlag
    const file = flags.find((candidate) => settingOf(candidate) === `${name}_file`) ?? flag
    return `${name} is missing: set ${loginOptions[flag].env?.[0]} or --${file}`
  })
  return new PortcullisError(
    'LOGIN_INCOMPLETE',
    `${ways.join('; ')}, or name a cloud of clouds.yaml with OS_CLOUD`,
  )
}
