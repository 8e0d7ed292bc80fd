import { type CloudsText, readCloudsText } from '../config/clouds-text.ts'
import { type LoginFlag, loginOptions, type SettingName, settingOf } from '../config/login-options.ts'
import { PortcullisError } from '../errors.ts'
import { isRecord } from '../json.ts'
import { type Given, type LoginSettings, mergeSettings } from './login-settings.ts'
import { readSecretFile } from './secret-source.ts'

/** Where the settings of a log-in come from, the strongest first; what is missing then can be asked for. */
export interface LoginSources {
  /** The last text of each flag that was given, by its name without dashes. */
  readonly flags: ReadonlyMap<string, readonly string[]>
  readonly env: Readonly<Record<string, string | undefined>>
  /** `spec.cluster.config` of KUBERNETES_EXEC_INFO: what the kubeconfig says beside the cluster. */
  readonly clusterConfig?: unknown
}

const FLAGS = Object.keys(loginOptions) as LoginFlag[]
/** Files and commands are of this machine: nothing that describes a cluster or a cloud names them. */
const LOCAL = /_(file|command)$/

/** What a log-in is to be made of. */
export interface LoginInputs {
  /**
   * A text that says all that a token depends on, secrets included. A secret that a command gives or that is asked
   * for is in it only by the command or not at all: to find a kept token nobody is asked. Neither is a passcode,
   * which is good once.
   */
  readonly identity: string
  /** Reads what a cloud says as well, which takes its time. Throws CONFIG_INVALID or FILE_UNREADABLE. */
  settings(): Promise<LoginSettings>
}

/**
 * Reads flags, environment, clouds.yaml with secure.yaml, and the cluster's configuration, each beating what
 * follows it. Throws CONFIG_INVALID or FILE_UNREADABLE.
 */
export function readLoginInputs(sources: LoginSources): LoginInputs {
  const { env } = sources
  const own = checked(withSecretsOfFiles(mergeSettings([fromFlags(sources.flags), fromEnvironment(env)])))
  const cluster = checked(fromCluster(sources.clusterConfig))
  const cloud = (own.cloud ?? cluster.cloud)?.text
  const text = cloud === undefined ? undefined : readCloudsText(env)
  return {
    identity: JSON.stringify([plain(own), cloud, text, plain(cluster)]),
    async settings() {
      const middle = text === undefined ? {} : await fromCloud(cloud as string, text)
      return mergeSettings([own, middle, cluster])
    },
  }
}

/** Sorted: who gave a value makes no difference. */
function plain({ passcode: _, ...settings }: LoginSettings): readonly (readonly string[])[] {
  return Object.entries(settings)
    .map(([name, given]) => [name, given.text])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1))
}

export function fromFlags(flags: LoginSources['flags']): LoginSettings {
  return collect(FLAGS, (flag) => {
    const text = flags.get(flag)?.at(-1)
    return text === undefined ? undefined : { text, from: `flag --${flag}` }
  })
}

/** What the variables say. */
export function fromEnvironment(env: LoginSources['env']): LoginSettings {
  return collect(FLAGS, (flag) => {
    const own = `PORTCULLIS_${flag.replaceAll('-', '_').toUpperCase()}`
    const variable = [own, ...(loginOptions[flag].env ?? [])].find((name) => env[name])
    return variable === undefined
      ? undefined
      : { text: env[variable] as string, from: `environment ${variable}` }
  })
}

/** The YAML library is loaded by those alone whose token is not kept yet. */
async function fromCloud(name: string, text: CloudsText): Promise<LoginSettings> {
  const { readCloud } = await import('../config/clouds-file.ts')
  return checked(fromRecord(readCloud(name, text), `cloud ${name} of ${text.path}`))
}

function fromCluster(config: unknown): LoginSettings {
  if (!isRecord(config)) return {}
  const { auth, ...rest } = config
  return fromRecord({ ...rest, ...(isRecord(auth) ? auth : {}) }, 'cluster configuration of the kubeconfig')
}

function fromRecord(record: Readonly<Record<string, unknown>>, from: string): LoginSettings {
  const { tenant_name, tenant_id } = record
  const values: Readonly<Record<string, unknown>> = {
    project_name: tenant_name,
    project_id: tenant_id,
    ...record,
  }
  return collect(FLAGS, (flag) => {
    const value = values[settingOf(flag)]
    return typeof value !== 'string' || value === '' || LOCAL.test(settingOf(flag))
      ? undefined
      : { text: value, from }
  })
}

function collect(flags: readonly LoginFlag[], find: (flag: LoginFlag) => Given | undefined): LoginSettings {
  const found: Partial<Record<SettingName, Given>> = {}
  for (const flag of flags) {
    const given = find(flag)
    if (given !== undefined) found[settingOf(flag)] = given
  }
  return found
}

function withSecretsOfFiles(settings: LoginSettings): LoginSettings {
  const read: Partial<Record<SettingName, Given>> = { ...settings }
  for (const secret of ['password', 'application_credential_secret', 'token'] as const) {
    const file = settings[`${secret}_file`]
    if (file === undefined) continue
    delete read[`${secret}_file`]
    read[secret] = { text: readSecretFile(file.text), from: `file ${file.text}` }
  }
  return read
}

/** The texts go through the parsers of their flags, whatever their source; a fault never quotes its value. */
function checked(settings: LoginSettings): LoginSettings {
  for (const flag of FLAGS) {
    const given = settings[settingOf(flag)]
    if (given === undefined) continue
    try {
      loginOptions[flag].parse(given.text)
    } catch (error) {
      throw new PortcullisError('CONFIG_INVALID', `${given.from}: ${(error as Error).message}`)
    }
  }
  return settings
}
