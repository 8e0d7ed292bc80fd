import { compatibleIdentity, type IdentityMapping, qualifiedIdentity } from './authn/identity.ts'
import { loginName } from './authn/login-name.ts'
import { type RoleMapping, readRoleMappings } from './authn/role-mapping.ts'
import type { Clock } from './clock.ts'
import { openKubernetes } from './compose-kubernetes.ts'
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
import { namespaceFormat } from './project-namespace.ts'
import type { ReconcileRules } from './sync/difference.ts'
import { createReconciler, type Reconciler } from './sync/reconciler.ts'
import { readSyncRules, type SyncRules } from './sync/sync-rules.ts'
import { canonicalTemplates, configMapTemplate, directoryTemplate } from './sync/template-source.ts'

/** Where the ConfigMaps of k8s-keystone-auth are, and ours. */
export const SYSTEM_NAMESPACE = 'kube-system'

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

/** What of the sync configuration decides, at a moment. */
export interface SyncSettings {
  readonly rules: SyncRules
  readonly mappings: readonly RoleMapping[]
}

/** The reconciler, as the commands and the server run it. */
export function composeReconciler(
  config: ReconcileConfig,
  parts: {
    client: KubernetesClient
    inventory: InventoryReader
    settings: () => SyncSettings
    identity: IdentityMapping
    /** The one that holds where the sync configuration gives none. */
    namespaceFormat: string
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
    rules: () => reconcileRules(config, parts),
    template: source && canonicalTemplates(source, { client, namespace: SYSTEM_NAMESPACE }),
    maxRemovals: config.maxRemovals,
  })
}

function reconcileRules(
  config: ReconcileConfig,
  parts: { settings: () => SyncSettings; identity: IdentityMapping; namespaceFormat: string },
): Omit<ReconcileRules, 'template'> {
  const { rules, mappings } = parts.settings()
  const format = namespaceFormat(rules.namespaceFormat ?? parts.namespaceFormat)
  return {
    namespaces: rules.dataTypes.includes('projects'),
    bindings: rules.dataTypes.includes('role_assignments'),
    inScope: rules.takes,
    namespaceOf: ({ id, name, domain }) => format({ id, name, userDomainId: domain.id })?.name,
    roles: rules.roles,
    usernameOf: (user, project, roles) => loginName({ ...parts, mappings }, user, project, roles),
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
    const file = readSyncText(await syncText(config, kubernetes.client))
    const settings = { rules: readSyncRules(file), mappings: readRoleMappings(file) }
    const reconciler = composeReconciler(config, {
      client: kubernetes.client,
      inventory: keystone.inventory,
      settings: () => settings,
      identity: config.identity === 'qualified' ? qualifiedIdentity : compatibleIdentity,
      namespaceFormat: config.namespaceFormat,
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
  const text = typeof found !== 'string' && isRecord(found.data) ? found.data.syncConfig : undefined
  if (isText(text)) return text
  throw new PortcullisError('SYNC_CONFIG_INVALID', 'the ConfigMap is not there, or has no key syncConfig')
}

function readSyncText(text: string): unknown {
  try {
    return readYaml(text)
  } catch (error) {
    throw new PortcullisError('SYNC_CONFIG_INVALID', errorText(error))
  }
}
