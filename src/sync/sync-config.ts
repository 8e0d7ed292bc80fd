import { errorText, PortcullisError } from '../errors.ts'
import type { ConfigText } from '../files/config-text.ts'
import { readYaml } from '../files/yaml.ts'
import type { Log } from '../log.ts'
import type { MetricsRegistry } from '../metrics/registry.ts'

/** Counts the readings of the sync configuration: at the start and after changes. */
export interface SyncConfigMetrics {
  reloaded(result: 'success' | 'failure'): void
}

export function createSyncConfigMetrics(registry: MetricsRegistry): SyncConfigMetrics {
  const reloads = registry.counter('sync_config_reloads_total', 'Readings of the sync configuration.', {
    result: ['success', 'failure'],
  })
  return { reloaded: (result) => reloads.add({ result }) }
}

/**
 * Keeps what `use` makes of the sync configuration in force: a text that cannot be used is reported and the one before
 * holds; without a text nothing is configured. At the start a `strict` one throws SYNC_CONFIG_INVALID, FILE_UNREADABLE
 * or what `use` throws.
 */
export function openSyncConfig(parts: {
  source: ConfigText
  strict: boolean
  /** Is given the parsed YAML; takes all of it up or throws. */
  use: (config: unknown) => void
  log: Log
  metrics: SyncConfigMetrics
}) {
  const { source, use, log, metrics } = parts
  let seen: string | undefined
  let fault: string | undefined

  function take(first: boolean): void {
    const text = source.read()
    if (text === seen) return
    use(text === undefined ? undefined : parsed(text))
    seen = text
    const said = first ? 'Read the sync configuration' : 'Took up the new sync configuration'
    log.info({ source: source.name }, said)
  }

  function reload(first: boolean): void {
    try {
      take(first)
      fault = undefined
      metrics.reloaded('success')
    } catch (error) {
      if (first && parts.strict) throw inPlace(error, source.name)
      fault = `${source.name} is not usable, the configuration before holds: ${errorText(error)}`
      metrics.reloaded('failure')
      log.error({ source: source.name, err: errorText(error) }, 'Kept the last good sync configuration')
    }
  }

  reload(true)
  const stop = source.watch(() => reload(false))
  return { check: { name: 'sync-config', reddens: [] as const, fault: () => fault }, stop }
}

function parsed(text: string): unknown {
  try {
    return readYaml(text)
  } catch (error) {
    throw new PortcullisError('SYNC_CONFIG_INVALID', errorText(error))
  }
}

function inPlace(error: unknown, name: string): unknown {
  if (!(error instanceof PortcullisError) || error.code === 'FILE_UNREADABLE') return error
  return new PortcullisError(error.code, `${name}: ${error.message}`)
}
