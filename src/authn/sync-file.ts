import type { Clock } from '../clock.ts'
import { errorText, PortcullisError } from '../errors.ts'
import { readConfigFile, watchFiles } from '../files/watched-file.ts'
import { readYaml } from '../files/yaml.ts'
import { isRecord } from '../json.ts'
import type { Log } from '../log.ts'
import { type RoleMapping, readRoleMappings } from './role-mapping.ts'

/** Reads the role mappings of k8s-keystone-auth's sync file. Throws FILE_UNREADABLE or ROLE_MAPPING_INVALID. */
export function readSyncFile(path: string): readonly RoleMapping[] {
  const text = readConfigFile(path)
  try {
    const file = readYaml(text)
    const types = isRecord(file) ? (file['data-types-to-sync'] ?? []) : []
    if (!Array.isArray(types) || types.length > 0)
      throw new Error('data-types-to-sync: this version does not synchronise yet; leave it out')
    return readRoleMappings(file)
  } catch (error) {
    throw new PortcullisError('ROLE_MAPPING_INVALID', `${path}: ${errorText(error)}`)
  }
}

/** Reloads the file when it changes; a bad one is reported and the old mappings stay. */
export function watchSyncFile(parts: {
  path: string
  clock: Clock
  log: Log
  use: (mappings: readonly RoleMapping[]) => void
}) {
  const { path, clock, log, use } = parts
  let fault: string | undefined
  const stop = watchFiles({
    paths: [path],
    clock,
    changed() {
      try {
        const mappings = readSyncFile(path)
        use(mappings)
        fault = undefined
        log.info({ path, mappings: mappings.length }, 'Took up the new role mappings')
      } catch (error) {
        fault = 'the sync file is not usable; the old role mappings hold'
        log.error({ path, err: errorText(error) }, 'Kept the old role mappings, the new ones are not usable')
      }
    },
  })
  return { check: { name: 'role-mappings', reddens: [] as const, fault: () => fault }, stop }
}
