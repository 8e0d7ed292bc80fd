import type { Clock } from '../clock.ts'
import { isRecord } from '../json.ts'
import type { Log } from '../log.ts'
import type { KubernetesClient } from './client.ts'
import { CONFIG_MAPS, type KubernetesObject } from './object.ts'
import { watchObjects } from './watch.ts'

/** The texts of ConfigMaps by name, each by key. */
export type ConfigMapTexts = ReadonlyMap<string, Readonly<Record<string, string>>>

/** What some ConfigMaps of one namespace hold, kept up to date by a watch. */
export interface ConfigMapMirror {
  /** Undefined until the API server has answered for the first time; later the last that is known. */
  current(): ConfigMapTexts | undefined
  watch(changed: () => unknown): () => void
  /** Whether the watch stands. */
  connected(): boolean
  /** What is wrong, for /readyz?verbose. */
  fault(): string | undefined
  /** Resolves when the API server has answered, or failed, for the first time. */
  readonly settled: Promise<void>
  stop(): void
}

export function mirrorConfigMaps(parts: {
  client: KubernetesClient
  namespace: string
  /** One ConfigMap, which should be there, or those with these labels, however many. */
  which: { readonly name: string } | { readonly labelSelector: string }
  clock: Clock
  log: Log
}): ConfigMapMirror {
  const { client, namespace, which, clock, log } = parts
  const listeners = new Set<() => unknown>()
  const fields = { namespace, ...which }
  const { promise: settled, resolve: settle } = Promise.withResolvers<void>()
  let texts: Map<string, Readonly<Record<string, string>>> | undefined
  let lost: string | undefined = 'the Kubernetes API has not answered yet'

  function changed(): void {
    for (const listener of listeners) listener()
  }

  const put = (object: KubernetesObject) => texts?.set(object.metadata.name, textsOf(object.data))
  const missing = () => ('name' in which && texts?.size === 0 ? 'the ConfigMap is not there' : undefined)

  const stop = watchObjects({
    client,
    resource: CONFIG_MAPS,
    selection:
      'name' in which ? { namespace, fieldSelector: `metadata.name=${which.name}` } : { namespace, ...which },
    clock,
    listener: {
      listed(objects) {
        const first = texts === undefined
        texts = new Map()
        for (const object of objects) put(object)
        lost = undefined
        if (first) log.info({ ...fields, found: texts.size }, 'Read the ConfigMaps')
        changed()
        settle()
      },
      put(object) {
        put(object)
        changed()
      },
      gone({ metadata }) {
        texts?.delete(metadata.name)
        log.warn({ namespace, name: metadata.name }, 'A ConfigMap was deleted')
        changed()
      },
      fault(text) {
        lost = text
        if (text === undefined) log.info(fields, 'The watch of ConfigMaps stands again')
        else log.warn({ ...fields, err: text }, 'Cannot watch ConfigMaps, trying again')
        settle()
      },
    },
  })
  return {
    current: () => texts,
    watch(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    connected: () => lost === undefined,
    fault: () => lost ?? missing(),
    settled,
    stop,
  }
}

/** `binaryData` holds no configuration. */
function textsOf(data: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(isRecord(data) ? data : {})
  return Object.fromEntries(entries.filter((pair): pair is [string, string] => typeof pair[1] === 'string'))
}
