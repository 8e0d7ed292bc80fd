import { join } from 'node:path'
import { TOKEN_SCOPES } from '../authn/admission.ts'
import { LOG_LEVELS } from '../log.ts'
import { namespaceFormat } from '../project-namespace.ts'
import { homeFolder } from './home-folder.ts'
import {
  choiceOption,
  choicesOption,
  durationOption,
  fileOption,
  hostPortOption,
  integerOption,
  listOption,
  type Option,
  type OptionValues,
  switchOption,
  textOption,
  urlOption,
} from './option.ts'
import { reconcileOptions } from './reconcile-options.ts'

/** klog's levels, as k8s-keystone-auth takes them: 4 is debugging, 6 and more is tracing. */
const verbosity: Option<number | undefined> = {
  ...integerOption(
    'klog verbosity: 4 and 5 are log level debug, 6 and more trace.',
    { min: 0, max: 100, fallback: 0 },
    { short: 'v' },
  ),
  fallback: undefined,
}

const stateDir = () =>
  process.getuid?.() === 0 ? '/var/lib/portcullis' : join(homeFolder(), '.local/state/portcullis')

/** Flags of `portcullis serve`; under the name k8s-keystone-auth the defaults are those of that program. */
export function serveOptions(program: 'portcullis' | 'k8s-keystone-auth') {
  const drop = program === 'k8s-keystone-auth'
  return {
    listen: hostPortOption('Address of the webhooks.', drop ? '0.0.0.0:8443' : '127.0.0.1:8443'),
    'admin-listen': hostPortOption(
      'Address of health and metrics (plain HTTP: keep it local).',
      '127.0.0.1:8081',
    ),
    'tls-cert-file': fileOption('Serving certificate and chain, PEM.', { env: ['TLS_CERT_FILE'] }),
    'tls-private-key-file': fileOption('Its private key, PEM.', { env: ['TLS_PRIVATE_KEY_FILE'] }),
    'client-ca-file': fileOption('Require client certificates of these authorities, PEM.'),
    'state-dir': {
      ...textOption('Where the server keeps the certificate that it makes when none is given.', {
        value: 'DIR',
      }),
      fallback: stateDir(),
    } as Option<string>,
    'shutdown-delay': durationOption('How long to go on serving after SIGTERM.', {
      max: '5m',
      fallback: '3s',
    }),

    'keystone-url': urlOption('Keystone, with or without /v3.', { env: ['OS_AUTH_URL'] }),
    'keystone-ca-file': fileOption('Authorities to trust for Keystone instead of the system’s, PEM.', {
      env: ['KEYSTONE_CA_FILE', 'OS_CACERT'],
    }),
    'keystone-timeout': durationOption('How long a review waits for Keystone.', {
      min: '100ms',
      max: '25s',
      fallback: '10s',
    }),
    'keystone-concurrency': integerOption('Calls to Keystone at once; up to 4096 more wait.', {
      min: 1,
      max: 1000,
      fallback: 16,
    }),
    'keystone-jws-keys-dir': textOption(
      'Public keys of Keystone’s JWS tokens (*.pem): bad signatures cost no call.',
      {
        value: 'DIR',
      },
    ),
    'user-agent': listOption('Put before our own User-Agent towards Keystone.', {
      repeatable: true,
      value: 'TEXT',
    }),

    audiences: listOption('Audiences that tokens are good for; none: for the API server alone.'),
    identity: choiceOption(
      'How users and groups are named.',
      ['compatible', 'qualified'],
      drop ? 'compatible' : 'qualified',
    ),
    'token-scopes': choicesOption(
      'Scopes of tokens that may log in.',
      TOKEN_SCOPES,
      drop ? ['project'] : ['project', 'domain', 'system'],
    ),
    'allowed-domains': listOption('Domains of users (id or name) that may log in; none: all.'),
    'allowed-projects': listOption('Projects (id or domain/name) whose tokens may log in; none: all.'),
    'allowed-roles': listOption('Roles of which a token needs one to log in; none: no role needed.'),
    'allowed-system-groups': listOption('Groups named system:... that a role mapping may give.'),
    'sync-config-file': fileOption(
      'YAML with role mappings and what to synchronise, reloaded when it changes.',
      {
        env: ['KEYSTONE_SYNC_CONFIG_FILE'],
      },
    ),

    'token-cache-ttl': durationOption('How long a good token is believed; 0: not at all.', {
      max: '1h',
      fallback: '5m',
    }),
    'token-cache-negative-ttl': durationOption('How long a refused token stays refused; 0: not at all.', {
      max: '1h',
      fallback: '10s',
    }),
    'token-cache-size': integerOption('Good tokens (and as many bad ones) that are kept.', {
      min: 1,
      max: 1_000_000,
      fallback: 20_000,
    }),
    'groups-cache-ttl': durationOption(
      'How long a user’s groups are believed for tokens issued before we asked.',
      {
        max: '1h',
        fallback: '10m',
      },
    ),
    'max-token-age': durationOption('Fernet tokens older than this are refused unasked.', {
      max: '8760h',
      fallback: '168h',
    }),

    'log-level': choiceOption('Least level that is logged.', LOG_LEVELS, 'info'),
    v: verbosity,
    vmodule: textOption('Accepted for k8s-keystone-auth’s sake; does nothing.'),
    'log-flush-frequency': textOption('Accepted for k8s-keystone-auth’s sake; does nothing.'),

    'keystone-policy-file': fileOption('Policy in the JSON of k8s-keystone-auth, reloaded when it changes.', {
      env: ['KEYSTONE_POLICY_FILE'],
    }),
    'policy-file': listOption('Policy: rules as .csv or .yaml, or .json of k8s-keystone-auth.', {
      repeatable: true,
      value: 'FILE',
    }),
    'policy-dir': textOption('Directory whose .csv, .yaml and .json files are policies.', { value: 'DIR' }),
    'policy-strict': {
      ...switchOption('Close the known holes of the JSON format: sub-resources, API groups, empty names.'),
      fallback: !drop,
    },
    'namespace-format': {
      ...textOption('The namespace of a project, for rules that say $own: %i is its id.'),
      fallback: '%i',
      parse: (text) => {
        namespaceFormat(text)
        return text
      },
    } as Option<string>,
    'shadow-policy': fileOption('Policy that is decided beside the real one; differences are only counted.'),
    'record-reviews': fileOption('Write what is asked and answered here, as JSON lines, up to 64 MiB.'),
    'sync-interval': durationOption(
      'How often all projects are reconciled (needs service credentials); 0: never.',
      { max: '24h', fallback: drop ? '0' : '5m' },
    ),
    'lease-duration': durationOption(
      'How long a replica that reconciles may be silent before another does.',
      {
        min: '2s',
        max: '10m',
        fallback: '15s',
      },
    ),
    ...reconcileOptions,
    'policy-configmap-name': textOption(
      'ConfigMap of kube-system whose key policies is a policy in the JSON of k8s-keystone-auth.',
      { value: 'NAME', env: ['KEYSTONE_POLICY_CONFIGMAP_NAME'] },
    ),
    'policy-configmap-selector': textOption(
      'Labels of ConfigMaps of kube-system whose keys named .csv, .yaml and .json are policies.',
      { value: 'SELECTOR' },
    ),
    'sync-configmap-name': textOption(
      'ConfigMap of kube-system whose key syncConfig is what a sync file is.',
      {
        value: 'NAME',
        env: ['KEYSTONE_SYNC_CONFIGMAP_NAME'],
      },
    ),
    'sync-wait': durationOption(
      'How long the first log-in to a project waits for its namespace; 0: not at all.',
      { max: '10s', fallback: '1s' },
    ),
    kubeconfig: fileOption('How to reach the Kubernetes API; default: as a pod of the cluster.', {
      env: ['KEYSTONE_KUBECONFIG_FILE'],
    }),
  }
}

export type ServeConfig = OptionValues<ReturnType<typeof serveOptions>>
