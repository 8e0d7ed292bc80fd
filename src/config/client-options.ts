import { type Fault, readFlags } from './flags.ts'
import { loginOptions, tokenOptions } from './login-options.ts'
import {
  camel,
  choiceOption,
  fileOption,
  type Option,
  type OptionTable,
  type OptionValues,
  textOption,
  urlOption,
} from './option.ts'
import { configInvalid } from './read-options.ts'

/** Flags of `portcullis whoami`, `projects` and `logout`. */
export const clientOptions = {
  ...loginOptions,
  'keystone-timeout': tokenOptions['keystone-timeout'],
  kubeconfig: fileOption('Kubeconfig; default: those of KUBECONFIG, else ~/.kube/config.'),
  context: textOption('Context of the kubeconfig whose user is meant; default: the current one.'),
}

export const HELP_FLAGS = 'Flags (each also as PORTCULLIS_<FLAG>):'

/** Flags of `portcullis whoami`. */
export const whoamiOptions = {
  ...clientOptions,
  identity: choiceOption('How the server names users and groups.', ['qualified', 'compatible'], 'qualified'),
}

/** Flags of `portcullis login`. */
export const loginCommandOptions = {
  ...clientOptions,
  project: textOption('Project to get a token for, by name or id.'),
  cluster: textOption('Cluster of the kubeconfig; default: that of the context.'),
  server: urlOption('Kubernetes API server, for a cluster that is not in the kubeconfig yet.'),
  'certificate-authority': fileOption(
    'Authorities of its certificate, PEM; they are copied into the kubeconfig.',
  ),
  name: textOption('What user and context are called there; default: PROJECT@CLUSTER.'),
}

/** Reads flags, and variables for those that are not given. Throws CONFIG_INVALID with every fault. */
export function readClientOptions<O extends OptionTable>(
  table: O,
  { argv, env }: { argv: readonly string[]; env: Readonly<Record<string, string | undefined>> },
) {
  const faults: Fault[] = []
  const { flags, operands } = readFlags(table, argv, faults)
  if (operands.length > 0) faults.push({ from: 'command line', message: 'expected flags only' })
  const values: Record<string, unknown> = {}
  for (const [name, option] of Object.entries<Option<unknown>>(table)) {
    const variable = [`PORTCULLIS_${name.replaceAll('-', '_').toUpperCase()}`, ...(option.env ?? [])].find(
      (key) => env[key],
    )
    const flag = flags.get(name)?.at(-1)
    const text = flag ?? (variable && env[variable])
    try {
      values[camel(name)] = text === undefined ? option.fallback : option.parse(text)
    } catch (error) {
      const from = flag === undefined ? `environment ${variable}` : `flag --${name}`
      faults.push({ from, message: (error as Error).message })
    }
  }
  if (faults.length > 0) throw configInvalid(faults)
  return { flags, values: values as OptionValues<O> }
}
