import { readConfigFile } from '../files/watched-file.ts'
import { configInvalid } from './read-options.ts'

/** What barbican-kms-plugin's cloud.conf says, as the OS_* variables of the same meaning. */
export interface CloudConf {
  readonly env: Readonly<Record<string, string>>
  /** [KeyManager] key-id: the uuid of the Barbican secret. */
  readonly keyId: string | undefined
}

/** [Global] key by OS_* variable; domain-* stands in for the user's and the project's domain, as in OS_DOMAIN_*. */
const VARIABLES: Readonly<Record<string, string>> = {
  'auth-url': 'OS_AUTH_URL',
  'user-id': 'OS_USER_ID',
  username: 'OS_USERNAME',
  password: 'OS_PASSWORD',
  'tenant-id': 'OS_PROJECT_ID',
  'tenant-name': 'OS_PROJECT_NAME',
  'trust-id': 'OS_TRUST_ID',
  'domain-id': 'OS_DOMAIN_ID',
  'domain-name': 'OS_DOMAIN_NAME',
  'tenant-domain-id': 'OS_PROJECT_DOMAIN_ID',
  'tenant-domain-name': 'OS_PROJECT_DOMAIN_NAME',
  'user-domain-id': 'OS_USER_DOMAIN_ID',
  'user-domain-name': 'OS_USER_DOMAIN_NAME',
  region: 'OS_REGION_NAME',
  'os-endpoint-type': 'OS_INTERFACE',
  'ca-file': 'OS_CACERT',
  'application-credential-id': 'OS_APPLICATION_CREDENTIAL_ID',
  'application-credential-name': 'OS_APPLICATION_CREDENTIAL_NAME',
  'application-credential-secret': 'OS_APPLICATION_CREDENTIAL_SECRET',
}

/** Keys that would weaken or change how we log in: silently ignoring one of them would be worse than refusing. */
const UNSUPPORTED = ['tls-insecure', 'token', 'cert-file', 'key-file', 'trustee-id', 'trustee-password']

/** Reads cloud.conf; throws FILE_UNREADABLE or CONFIG_INVALID. Unknown keys and sections are ignored. */
export function readCloudConf(path: string): CloudConf {
  const sections = readIni(readConfigFile(path), path)
  const global = sections.get('global') ?? new Map<string, string>()
  const refused = UNSUPPORTED.filter((key) => !['', 'false', undefined].includes(global.get(key)))
  if (refused.length > 0)
    throw configInvalid(
      refused.map((key) => ({ from: `file ${path}, [Global] ${key}`, message: 'is not supported' })),
    )
  const keyId = sections.get('keymanager')?.get('key-id')
  if (global.get('use-clouds') === 'true') {
    const file = global.get('clouds-file')
    const env = { OS_CLOUD: global.get('cloud') ?? '', ...(file && { OS_CLIENT_CONFIG_FILE: file }) }
    return { env, keyId }
  }
  const env = Object.entries(VARIABLES).map(([key, variable]) => [variable, global.get(key) ?? ''])
  return { env: Object.fromEntries(env.filter(([, value]) => value !== '')), keyId }
}

type Sections = ReadonlyMap<string, ReadonlyMap<string, string>>

/** The INI dialect of git's configuration files: case-blind names, quotes, `#` and `;` comments, bare keys. */
function readIni(text: string, path: string): Sections {
  const sections = new Map<string, Map<string, string>>()
  let section: Map<string, string> | undefined
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  for (const [index, raw] of lines.entries()) {
    const fault = (message: string) => configInvalid([{ from: `file ${path}, line ${index + 1}`, message }])
    const line = raw.trim()
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
    const header = /^\[\s*([\w.-]+)(?:\s+"[^"]*")?\s*\]\s*(?:[#;].*)?$/.exec(line)
    if (header !== null) {
      const name = (header[1] as string).toLowerCase()
      section = sections.get(name) ?? new Map()
      sections.set(name, section)
      continue
    }
    const entry = /^([A-Za-z][\w-]*)\s*(?:=(.*))?$/.exec(line)
    if (entry === null) throw fault('expected [section] or key = value')
    if (section === undefined) throw fault('expected a [section] before the first key')
    const value = entry[2] === undefined ? 'true' : iniValue(entry[2])
    if (value === undefined) throw fault('the quotes do not match')
    section.set((entry[1] as string).toLowerCase(), value)
  }
  return sections
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b' }

/** A value without its comment; white space inside quotes stays. Undefined when a quote has no end. */
function iniValue(text: string): string | undefined {
  let value = ''
  let kept = 0
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (char === '"') {
      quoted = !quoted
      kept = value.length
    } else if (!quoted && (char === '#' || char === ';')) break
    else if (char === '\\' && i + 1 < text.length) {
      const next = text.charAt(++i)
      value += ESCAPES[next] ?? next
      kept = value.length
    } else if (quoted || !/\s/.test(char)) {
      value += char
      kept = value.length
    } else if (value !== '') value += char
  }
  return quoted ? undefined : value.slice(0, kept)
}
