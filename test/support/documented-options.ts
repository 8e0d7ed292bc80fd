import {
  choice,
  choices,
  duration,
  file,
  hostPort,
  integer,
  list,
  type OptionPromises,
  onOff,
  openstack,
  text,
  url,
} from './option-promises.ts'

/**
 * The one table of defaults, units, limits and variables that docs/configuration.md promises. Durations are
 * [default, [least, most]] in milliseconds.
 */
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal']

const KEYSTONE_URL = url({ env: ['OS_AUTH_URL'] })
const KEYSTONE_CA = file({ env: ['KEYSTONE_CA_FILE', 'OS_CACERT'] })
const KUBECONFIG = file({ env: ['KEYSTONE_KUBECONFIG_FILE'] })
const NAMESPACE_FORMAT = {
  shape: { value: 'TEXT', fallback: '%i' },
  accepted: [
    ['%n-%i', '%n-%i'],
    ['%d.%i', '%d.%i'],
  ],
  refused: ['', '%n', '%x%i'],
} as const

export const RECONCILE: OptionPromises = {
  'sync-template-dir': text('DIR'),
  'sync-template-configmap-name': text(),
  adopt: onOff(),
  'prune-namespaces': onOff(),
  'prune-grace': duration(604_800_000, [0, 31_536_000_000]),
  'max-removals': integer(25, [0, 100]),
}

const serve = (dropIn: boolean, stateDir: string): OptionPromises => ({
  listen: hostPort(dropIn ? '0.0.0.0' : '127.0.0.1', 8443),
  'admin-listen': hostPort('127.0.0.1', 8081),
  'tls-cert-file': file({ env: ['TLS_CERT_FILE'] }),
  'tls-private-key-file': file({ env: ['TLS_PRIVATE_KEY_FILE'] }),
  'client-ca-file': file(),
  'state-dir': text('DIR', { fallback: stateDir }),
  'shutdown-delay': duration(3000, [0, 300_000]),
  'keystone-url': KEYSTONE_URL,
  'keystone-ca-file': KEYSTONE_CA,
  'keystone-timeout': duration(10_000, [100, 25_000]),
  'keystone-concurrency': integer(16, [1, 1000]),
  'keystone-jws-keys-dir': text('DIR'),
  'user-agent': list('TEXT', { repeatable: true }),
  audiences: list(),
  identity: choice(['compatible', 'qualified'], dropIn ? 'compatible' : 'qualified'),
  'token-scopes': choices(
    ['project', 'domain', 'system', 'unscoped'],
    dropIn ? ['project'] : ['project', 'domain', 'system'],
  ),
  'allowed-domains': list(),
  'allowed-projects': list(),
  'allowed-roles': list(),
  'allowed-system-groups': list(),
  'sync-config-file': file({ env: ['KEYSTONE_SYNC_CONFIG_FILE'] }),
  'sync-configmap-name': text('NAME', { env: ['KEYSTONE_SYNC_CONFIGMAP_NAME'] }),
  'sync-wait': duration(1000, [0, 10_000]),
  'sync-interval': duration(dropIn ? 0 : 300_000, [0, 86_400_000]),
  'lease-duration': duration(15_000, [2000, 600_000]),
  ...RECONCILE,
  'token-cache-ttl': duration(300_000, [0, 3_600_000]),
  'token-cache-negative-ttl': duration(10_000, [0, 3_600_000]),
  'token-cache-size': integer(20_000, [1, 1_000_000]),
  'groups-cache-ttl': duration(600_000, [0, 3_600_000]),
  'max-token-age': duration(604_800_000, [0, 31_536_000_000]),
  'keystone-policy-file': file({ env: ['KEYSTONE_POLICY_FILE'] }),
  'policy-file': list('FILE', { repeatable: true }),
  'policy-dir': text('DIR'),
  'policy-configmap-name': text('NAME', { env: ['KEYSTONE_POLICY_CONFIGMAP_NAME'] }),
  'policy-configmap-selector': text('SELECTOR'),
  'policy-strict': onOff(!dropIn),
  'namespace-format': NAMESPACE_FORMAT,
  'shadow-policy': file(),
  'record-reviews': file(),
  kubeconfig: KUBECONFIG,
  'log-level': choice(LEVELS, 'info'),
  v: integer(undefined, [0, 100], { short: 'v' }),
  vmodule: text(),
  'log-flush-frequency': text(),
})

/** Of `portcullis serve`, for a user whose state is kept in `stateDir`. */
export const serveOf = (stateDir: string) => serve(false, stateDir)
/** Of k8s-keystone-auth. */
export const dropInOf = (stateDir: string) => serve(true, stateDir)

export const SYNC: OptionPromises = {
  'keystone-url': KEYSTONE_URL,
  'keystone-ca-file': KEYSTONE_CA,
  kubeconfig: KUBECONFIG,
  identity: choice(['compatible', 'qualified'], 'qualified'),
  'namespace-format': NAMESPACE_FORMAT,
  'sync-config-file': file({ env: ['KEYSTONE_SYNC_CONFIG_FILE'] }),
  'sync-configmap-name': text('NAME', { env: ['KEYSTONE_SYNC_CONFIGMAP_NAME'] }),
  ...RECONCILE,
  output: choice(['text', 'json'], 'text'),
}

export const BARBICAN: OptionPromises = {
  'cloud-config': file(),
  'keystone-url': KEYSTONE_URL,
  'keystone-ca-file': KEYSTONE_CA,
  'barbican-url': url(),
  'barbican-timeout': duration(2000, [100, 30_000]),
  'key-name': text(),
}

const socket = (fallback?: string) => ({
  shape: { value: 'PATH', fallback },
  accepted: [
    ['/run/k.sock', '/run/k.sock'],
    ['unix:///run/k.sock', '/run/k.sock'],
  ] as const,
  refused: ['', 'k.sock'],
})

export const KMS: OptionPromises = {
  ...BARBICAN,
  socket: socket(),
  socketpath: socket(),
  'replace-running': onOff(),
  'key-ids': list(),
  'refresh-interval': duration(60_000, [1000, 120_000]),
  'offline-grace': duration(14_400_000, [0, 604_800_000]),
  'admin-listen': hostPort('127.0.0.1', 8082),
  'log-level': choice(LEVELS, 'info'),
  v: integer(undefined, [0, 100], { short: 'v' }),
  vmodule: text(),
  'log-flush-frequency': text(),
}

export const ROTATE: OptionPromises = {
  ...BARBICAN,
  'activate-in': duration(300_000, [2000, 2_592_000_000]),
}

export const SOCKET: OptionPromises = { socket: socket('/run/portcullis/kms.sock') }

export const LOGIN: OptionPromises = {
  'keystone-url': KEYSTONE_URL,
  'auth-type': openstack(['AUTH_TYPE']),
  'user-name': openstack(['USERNAME']),
  'user-id': openstack(['USER_ID']),
  'user-domain-name': openstack(['USER_DOMAIN_NAME']),
  'user-domain-id': openstack(['USER_DOMAIN_ID']),
  'project-name': openstack(['PROJECT_NAME', 'TENANT_NAME']),
  'project-id': openstack(['PROJECT_ID', 'TENANT_ID']),
  'project-domain-name': openstack(['PROJECT_DOMAIN_NAME']),
  'project-domain-id': openstack(['PROJECT_DOMAIN_ID']),
  'domain-name': openstack(['DOMAIN_NAME']),
  'domain-id': openstack(['DOMAIN_ID']),
  'default-domain': openstack(['DEFAULT_DOMAIN']),
  'default-domain-id': openstack(['DEFAULT_DOMAIN_ID']),
  'default-domain-name': openstack(['DEFAULT_DOMAIN_NAME']),
  'system-scope': openstack(['SYSTEM_SCOPE']),
  'trust-id': openstack(['TRUST_ID']),
  password: openstack(['PASSWORD']),
  'password-file': file(),
  'password-command': text(),
  passcode: openstack(['PASSCODE']),
  'passcode-command': text(),
  token: openstack(['TOKEN']),
  'token-file': file(),
  'application-credential-id': openstack(['APPLICATION_CREDENTIAL_ID']),
  'application-credential-name': openstack(['APPLICATION_CREDENTIAL_NAME']),
  'application-credential-secret': openstack(['APPLICATION_CREDENTIAL_SECRET']),
  'application-credential-secret-file': file(),
  'application-credential-secret-command': text(),
  cacert: openstack(['CACERT'], 'FILE'),
  cert: openstack(['CERT'], 'FILE'),
  key: openstack(['KEY'], 'FILE'),
  cloud: openstack(['CLOUD']),
}

const LOGIN_TIMEOUT = { 'keystone-timeout': duration(10_000, [100, 300_000]) }

export const TOKEN: OptionPromises = {
  ...LOGIN,
  ...LOGIN_TIMEOUT,
  'no-cache': onOff(),
  'force-refresh': onOff(),
  v: text('TEXT', { short: 'v' }),
  vmodule: text(),
  'log-flush-frequency': text(),
}

export const CLIENT: OptionPromises = { ...LOGIN, ...LOGIN_TIMEOUT, kubeconfig: file(), context: text() }

export const WHOAMI: OptionPromises = {
  ...CLIENT,
  identity: choice(['qualified', 'compatible'], 'qualified'),
}

export const LOGIN_COMMAND: OptionPromises = {
  ...CLIENT,
  project: text(),
  cluster: text(),
  server: url(),
  'certificate-authority': file(),
  name: text(),
}

export const WEBHOOK_KUBECONFIG = (stateDir: string): OptionPromises => ({
  server: url({ fallback: 'https://127.0.0.1:8443/webhook' }),
  'ca-file': file(),
  'state-dir': text('DIR', { fallback: stateDir }),
  'client-certificate': file(),
  'client-key': file(),
  name: text('TEXT', { fallback: 'portcullis' }),
})
