import { durationOption, fileOption, type Option, switchOption, textOption, urlOption } from './option.ts'

const secret = (what: string, env: readonly string[]) =>
  textOption(`${what}; others on this machine can read a command line: better a variable or a file.`, { env })
const os = (...names: readonly string[]) => ({ env: names.map((name) => `OS_${name}`) })

/**
 * Who logs in to Keystone, how and for what, by flag. What a flag is called in clouds.yaml and in the exec
 * configuration of a cluster follows from `SETTING_OF`, its variable is that of python-openstackclient.
 */
export const loginOptions = {
  'keystone-url': urlOption('Keystone, with or without /v3.', os('AUTH_URL')),
  'auth-type': textOption(
    'password, token, v3applicationcredential, v3totp or v3multifactor; default: what the rest fits.',
    os('AUTH_TYPE'),
  ),
  'user-name': textOption('User name.', os('USERNAME')),
  'user-id': textOption('User id, in place of name and domain.', os('USER_ID')),
  'user-domain-name': textOption('Domain of the user.', os('USER_DOMAIN_NAME')),
  'user-domain-id': textOption('The same by its id.', os('USER_DOMAIN_ID')),
  'project-name': textOption('Project to get a token for.', os('PROJECT_NAME', 'TENANT_NAME')),
  'project-id': textOption('The same by its id.', os('PROJECT_ID', 'TENANT_ID')),
  'project-domain-name': textOption('Domain of the project.', os('PROJECT_DOMAIN_NAME')),
  'project-domain-id': textOption('The same by its id.', os('PROJECT_DOMAIN_ID')),
  'domain-name': textOption(
    'Domain of user and project where they have none of their own; without a project the token is for it.',
    os('DOMAIN_NAME'),
  ),
  'domain-id': textOption('The same by its id.', os('DOMAIN_ID')),
  'default-domain': textOption('Id of the domain that a name without one is in.', os('DEFAULT_DOMAIN')),
  'default-domain-id': textOption('The same.', os('DEFAULT_DOMAIN_ID')),
  'default-domain-name': textOption('The same by its name.', os('DEFAULT_DOMAIN_NAME')),
  'system-scope': textOption('all: a token for the whole system.', os('SYSTEM_SCOPE')),
  'trust-id': textOption('A trust to get a token for.', os('TRUST_ID')),
  password: secret('Password', ['OS_PASSWORD']),
  'password-file': fileOption('File whose first line is the password.'),
  'password-command': textOption('Shell command that prints the password.'),
  passcode: secret('One-time passcode', ['OS_PASSCODE']),
  'passcode-command': textOption('Shell command that prints the passcode.'),
  token: secret('Token to change for one of another scope; without a scope it is passed on', ['OS_TOKEN']),
  'token-file': fileOption('File whose first line is that token.'),
  'application-credential-id': textOption('Application credential.', os('APPLICATION_CREDENTIAL_ID')),
  'application-credential-name': textOption(
    'The same by its name and its user.',
    os('APPLICATION_CREDENTIAL_NAME'),
  ),
  'application-credential-secret': secret('Its secret', ['OS_APPLICATION_CREDENTIAL_SECRET']),
  'application-credential-secret-file': fileOption('File whose first line is that secret.'),
  'application-credential-secret-command': textOption('Shell command that prints that secret.'),
  cacert: fileOption('Authorities to trust for Keystone instead of the system’s, PEM.', os('CACERT')),
  cert: fileOption('Client certificate towards Keystone, PEM.', os('CERT')),
  key: fileOption('Its private key, PEM.', os('KEY')),
  cloud: textOption('The cloud of clouds.yaml to take what is missing from.', os('CLOUD')),
} as const satisfies Record<string, Option<string | undefined>>

export type LoginFlag = keyof typeof loginOptions

/** Flags that are called otherwise in clouds.yaml than by underscores for dashes. */
const RENAMED = { 'keystone-url': 'auth_url', 'user-name': 'username' } as const

type Snake<S extends string> = S extends `${infer Head}-${infer Tail}` ? `${Head}_${Snake<Tail>}` : S

/** What openstacksdk calls a value in clouds.yaml: `auth_url`, `username`, `project_domain_name`, ... */
export type SettingName = {
  [F in LoginFlag]: F extends keyof typeof RENAMED ? (typeof RENAMED)[F] : Snake<F>
}[LoginFlag]

export const settingOf = (flag: LoginFlag): SettingName =>
  (RENAMED[flag as keyof typeof RENAMED] ?? flag.replaceAll('-', '_')) as SettingName

/** Flags of `portcullis token` and client-keystone-auth. */
export const tokenOptions = {
  ...loginOptions,
  'keystone-timeout': durationOption('For a log-in, all that it costs at Keystone.', {
    min: '100ms',
    max: '5m',
    fallback: '10s',
  }),
  'no-cache': switchOption('Log in, and keep nothing on disk.'),
  'force-refresh': switchOption('Log in anew, whatever is kept on disk, and keep that.'),
  v: textOption('Accepted for client-keystone-auth’s sake; does nothing.', { short: 'v' }),
  vmodule: textOption('Accepted for client-keystone-auth’s sake; does nothing.'),
  'log-flush-frequency': textOption('Accepted for client-keystone-auth’s sake; does nothing.'),
}
