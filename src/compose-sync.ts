import { compatibleIdentity, qualifiedIdentity } from './authn/identity.ts'
import { loginName } from './authn/login-name.ts'
import type { Clock } from './clock.ts'
import { openKubernetes, SYSTEM_NAMESPACE } from './compose-kubernetes.ts'
import { SYNC_CONFIG_KEY, type SyncSettings, syncSettings } from './compose-sync-config.ts'
import type { OpenStackSettings } from './config/openstack-credentials.ts'
import type { ReconcileConfig } from './config/reconcile-options.ts'
import type { SyncConfig } from './config/sync-options.ts'
import { errorText, PortcullisError } from './errors.ts'
import { readConfigFile } from './files/watched-file.ts'
import { readYaml } from './files/yaml.ts'
import { createHttpClient } from './http/client.ts'
import { createGate } from './http/gate.ts'
import { isRecord, isText } from './json.ts'
import { createKeystoneCaller } from './keystone/caller.ts'
import { createKeystoneEndpoint } from './keystone/endpoint.ts'
import { createInventoryReader, type InventoryReader } from './keystone/inventory.ts'
import { createKeystoneMetrics, type KeystoneMetrics } from './keystone/metrics.ts'
import { createSession } from './keystone/session.ts'
import type { KubernetesClient } from './kubernetes/client.ts'
import { podAccess } from './kubernetes/cluster-access.ts'
import { kubeconfigAccess } from './kubernetes/kubeconfig.ts'
import { CONFIG_MAPS } from './kubernetes/object.ts'
import type { Log } from './log.ts'
import { createMetricsRegistry } from './metrics/registry.ts'
import type { ReconcileRules } from './sync/difference.ts'
import { createReconciler, type Reconciler } from './sync/reconciler.ts'
import { canonicalTemplates, configMapTemplate, directoryTemplate } from './sync/template-source.ts'

/** Half a kilobyte a role assignment: room for a quarter of a million of them. */
const MAX_LIST_BYTES = 128 * 1024 * 1024

/** Keystone's lists, with a session and connections of their own: tokens do not wait for them. */
export function openInventory({
  keystoneUrl,
  caFile,
  openstack,
  clock,
  version,
  metrics,
}: {
  keystoneUrl: string
  caFile: string | undefined
  /** Read anew at each log-in, so that a rotated secret is taken up. */
  openstack: () => OpenStackSettings
  clock: Clock
  version: string
  metrics: KeystoneMetrics
}): { inventory: InventoryReader; close: () => Promise<void> } {
  const trusted = caFile ?? openstack().caFile
  const http = createHttpClient({
    ca: trusted === undefined ? undefined : readConfigFile(trusted),
    userAgent: `portcullis/${version}`,
    connections: 4,
    maxBytes: MAX_LIST_BYTES,
  })
  const call = createKeystoneCaller({ http, gate: createGate({ running: 4, waiting: 16 }), clock, metrics })
  const endpoint = createKeystoneEndpoint({ url: keystoneUrl, call })
  const session = createSession({ call, endpoint, credentials: () => openstack().credentials, clock })
  return { inventory: createInventoryReader({ call, endpoint, session }), close: () => http.close() }
}

/** The reconciler, as the commands and the server run it. */
export function composeReconciler(
  config: ReconcilerConfig,
  parts: {
    client: KubernetesClient
    inventory: InventoryReader
    settings: () => SyncSettings
    clock: Clock
  },
): Reconciler {
  const { client, inventory, clock } = parts
  const { syncTemplateDir: directory, syncTemplateConfigmapName: name } = config
  const source =
    directory !== undefined
      ? directoryTemplate(directory)
      : name === undefined
        ? undefined
        : configMapTemplate(client, { name, namespace: SYSTEM_NAMESPACE })
  return createReconciler({
    client,
    inventory,
    clock,
    rules: () => reconcileRules(config, parts.settings()),
    template: source && canonicalTemplates(source, { client, namespace: SYSTEM_NAMESPACE }),
    maxRemovals: config.maxRemovals,
  })
}

type ReconcilerConfig = ReconcileConfig & Pick<SyncConfig, 'identity'>

function reconcileRules(
  config: ReconcilerConfig,
  { rules, mappings, namespaceOf }: SyncSettings,
): Omit<ReconcileRules, 'template'> {
  const identity = config.identity === 'qualified' ? qualifiedIdentity : compatibleIdentity
  const mapped = mappings.some(({ username }) => username !== undefined)
  const usernames = new Map<string, string | undefined>()
  return {
    namespaces: rules.dataTypes.includes('projects'),
    bindings: rules.dataTypes.includes('role_assignments'),
    inScope: rules.takes,
    namespaceOf: ({ id, name, domain }) => namespaceOf({ id, name, userDomainId: domain.id })?.name,
    roles: rules.roles,
    usernameOf(user, project, roles) {
      if (mapped || !usernames.has(user.id))
        usernames.set(user.id, loginName({ identity, mappings }, user, project, roles))
      return usernames.get(user.id)
    },
    adopt: config.adopt,
    pruneAfterMs: config.pruneNamespaces ? config.pruneGrace : undefined,
  }
}

/** The reconciler for one run of a command: reads the sync configuration once. Throws SYNC_CONFIG_INVALID or ROLE_MAPPING_INVALID. */
export async function openSync(
  config: SyncConfig,
  world: {
    clock: Clock
    log: Log
    version: string
    env: Readonly<Record<string, string | undefined>>
    keystoneUrl: string
    openstack: () => OpenStackSettings
  },
): Promise<{ reconciler: Reconciler; close: () => Promise<void> }> {
  const registry = createMetricsRegistry()
  const access = config.kubeconfig === undefined ? podAccess(world.env) : kubeconfigAccess(config.kubeconfig)
  const kubernetes = openKubernetes(access, world, registry)
  const keystone = openInventory({
    ...world,
    caFile: config.keystoneCaFile,
    metrics: createKeystoneMetrics(registry),
  })
  const close = async () => {
    await kubernetes.close()
    await keystone.close()
  }
  try {
    const settings = syncSettings(readSyncText(await syncText(config, kubernetes.client)), config)
    if (settings.rules.dataTypes.length === 0)
      throw new PortcullisError('SYNC_CONFIG_INVALID', 'data-types-to-sync is empty: there is nothing to do')
    const reconciler = composeReconciler(config, {
      client: kubernetes.client,
      inventory: keystone.inventory,
      settings: () => settings,
      clock: world.clock,
    })
    return { reconciler, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A file beats a ConfigMap. */
async function syncText({ syncConfigFile, syncConfigmapName: name }: SyncConfig, client: KubernetesClient) {
  if (syncConfigFile !== undefined) return readConfigFile(syncConfigFile)
  const found = await client.get(CONFIG_MAPS, { name: name ?? '', namespace: SYSTEM_NAMESPACE })
  const text = typeof found !== 'string' && isRecord(found.data) ? found.data[SYNC_CONFIG_KEY] : undefined
  if (isText(text)) return text
  throw new PortcullisError(
    'SYNC_CONFIG_INVALID',
    `the ConfigMap is not there, or has no key ${SYNC_CONFIG_KEY}`,
  )
}

function readSyncText(text: string): unknown {
  try {
    return readYaml(text)
  } catch (error) {
    throw new PortcullisError('SYNC_CONFIG_INVALID', errorText(error))
  }
}
