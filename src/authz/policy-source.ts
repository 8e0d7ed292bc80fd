import { basename, extname } from 'node:path'
import type { Clock } from '../clock.ts'
import { PortcullisError } from '../errors.ts'
import { listConfigFiles, readConfigFile, watchFiles } from '../files/watched-file.ts'
import { POLICY_FORMATS, type PolicyDocument } from './policy-text.ts'

/** Where policies come from: a file, a directory, ConfigMaps. */
export interface PolicySource {
  readonly name: string
  /** A fault in it does not stop the start: what changes by itself must not keep the rest from serving. */
  readonly lenient?: true
  /** What it holds now; throws if that cannot be told. */
  documents(): readonly PolicyDocument[]
  /** Calls back when that may be another; gives what stops it. */
  watch(changed: () => Promise<void>): () => void
}

/** One file; its format is told by its name unless given. */
export function filePolicySource(path: string, clock: Clock, format = formatOf(path)): PolicySource {
  return {
    name: basename(path),
    documents: () => [{ name: basename(path), format, rest: 'ignored', text: () => readConfigFile(path) }],
    watch: (changed) => watchFiles({ paths: [path], clock, changed }),
  }
}

/** All files of a directory whose names end as a policy's; those that begin with a dot are left out. */
export function directoryPolicySource(directory: string, clock: Clock): PolicySource {
  const list = () => listConfigFiles(directory, Object.keys(POLICY_FORMATS))
  const listOrNothing = () => {
    try {
      return list()
    } catch {
      return [directory]
    }
  }
  return {
    name: basename(directory),
    documents: () =>
      list().map((path) => ({
        name: basename(path),
        format: formatOf(path),
        rest: 'ignored',
        text: () => readConfigFile(path),
      })),
    watch: (changed) => watchFiles({ paths: listOrNothing, clock, changed }),
  }
}

function formatOf(path: string): PolicyDocument['format'] {
  const ending = extname(path)
  if (Object.hasOwn(POLICY_FORMATS, ending)) return POLICY_FORMATS[ending as keyof typeof POLICY_FORMATS]
  const known = Object.keys(POLICY_FORMATS).join(', ')
  throw new PortcullisError('POLICY_INVALID', `${path}: the name of a policy file ends in one of ${known}`)
}
