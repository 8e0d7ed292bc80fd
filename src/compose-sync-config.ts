import { type RoleMapping, readRoleMappings } from './authn/role-mapping.ts'
import type { Clock } from './clock.ts'
import type { Kubernetes } from './compose-kubernetes.ts'
import { SYSTEM_NAMESPACE } from './compose-kubernetes.ts'
import type { ServeConfig } from './config/serve-options.ts'
import { type ConfigText, fileText } from './files/config-text.ts'
import type { ConfigMapMirror } from './kubernetes/config-map-mirror.ts'
import type { Log } from './log.ts'
import type { MetricsRegistry } from './metrics/registry.ts'
import { type NamespaceFormat, namespaceFormat } from './project-namespace.ts'
import type { HealthCheck } from './server/health.ts'
import { createSyncConfigMetrics, openSyncConfig } from './sync/sync-config.ts'
import { NO_SYNC, readSyncRules, type SyncRules } from './sync/sync-rules.ts'

/** What the sync configuration says at a moment: another object when it changes. */
export interface SyncSettings {
  readonly mappings: readonly RoleMapping[]
  readonly rules: SyncRules
  readonly namespaceOf: NamespaceFormat
}

export interface SyncConfiguration {
  settings(): SyncSettings
  /** Calls back now and whenever the settings change. */
  follow(take: (settings: SyncSettings) => void): void
  /** None without a sync configuration. */
  readonly watches: readonly { check: HealthCheck; stop: () => void }[]
}

/** The key of k8s-keystone-auth's sync configuration in its ConfigMap. */
export const SYNC_CONFIG_KEY = 'syncConfig'

/** What a parsed sync configuration says. Throws SYNC_CONFIG_INVALID or ROLE_MAPPING_INVALID. */
export function syncSettings(file: unknown, config: { readonly namespaceFormat: string }): SyncSettings {
  const rules = file === undefined ? NO_SYNC : readSyncRules(file)
  return {
    mappings: readRoleMappings(file),
    rules,
    namespaceOf: namespaceFormat(rules.namespaceFormat ?? config.namespaceFormat),
  }
}

/** The file or, if there is none, the ConfigMap; without either, the default. Throws what a bad file deserves. */
export function composeSyncConfiguration(
  config: ServeConfig,
  parts: { clock: Clock; log: Log; kubernetes: Kubernetes; mirror: ConfigMapMirror | undefined },
  registry: MetricsRegistry,
): SyncConfiguration {
  const { clock, log, kubernetes, mirror } = parts
  const followers: ((settings: SyncSettings) => void)[] = []
  let current = syncSettings(undefined, config)

  function use(text: unknown): void {
    const next = syncSettings(text, config)
    if (next.rules.dataTypes.length > 0) kubernetes.client()
    for (const unknown of next.rules.unknown) log.warn({ unknown }, 'Ignored a key of the sync configuration')
    current = next
    for (const follower of followers) follower(current)
  }

  const source = sourceOf(config, clock, mirror)
  const watches = source
    ? [
        openSyncConfig({
          source,
          strict: mirror === undefined,
          use,
          log,
          metrics: createSyncConfigMetrics(registry),
        }),
      ]
    : []
  return {
    settings: () => current,
    follow(take) {
      followers.push(take)
      take(current)
    },
    watches,
  }
}

function sourceOf(
  { syncConfigFile: file, syncConfigmapName: name }: ServeConfig,
  clock: Clock,
  mirror: ConfigMapMirror | undefined,
): ConfigText | undefined {
  if (mirror === undefined || name === undefined)
    return file === undefined ? undefined : fileText(file, clock)
  return {
    name: `${SYSTEM_NAMESPACE}/${name}`,
    read() {
      const texts = mirror.current()?.get(name)
      if (texts !== undefined && texts[SYNC_CONFIG_KEY] === undefined)
        throw new Error(`the ConfigMap has no key ${SYNC_CONFIG_KEY}`)
      return texts?.[SYNC_CONFIG_KEY]
    },
    watch: (changed) => mirror.watch(changed),
  }
}
