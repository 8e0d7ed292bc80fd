import { randomUUID } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { isRecord } from '../../src/json.ts'
import type { Refusal } from '../../src/kubernetes/answer.ts'
import type { KubernetesClient, ObjectName } from '../../src/kubernetes/client.ts'
import type { KubernetesObject, Resource } from '../../src/kubernetes/object.ts'

/** A Kubernetes API without a wire: objects with uids and versions, preconditions, and a count of all calls. */
export interface MemoryCluster {
  readonly client: KubernetesClient
  /** `create rolebindings`, `list namespaces`, ... in order. */
  readonly calls: string[]
  /** `namespace/name` or `name` of the objects of a kind. */
  names(plural: string): readonly string[]
  get(plural: string, path: string): KubernetesObject | undefined
  put(resource: Resource, object: KubernetesObject): void
  /** Deletes an object and tells the watches of it, as somebody else would. */
  remove(resource: Resource, name: ObjectName): void
  /** Tells the watches of a kind: `DELETED` and so on. */
  tell(resource: Resource, type: string, object: KubernetesObject): void
  /** What a call is answered with, or throws, before anything is done; undefined: it is done. */
  fault: (call: string, name: ObjectName) => Refusal | Error | undefined
}

export function createMemoryCluster(): MemoryCluster {
  const objects = new Map<string, KubernetesObject>()
  const calls: string[] = []
  const watches = new Set<{ plural: string; lines: PassThrough }>()
  let version = 0
  const pathOf = ({ name, namespace }: ObjectName) =>
    namespace === undefined ? name : `${namespace}/${name}`
  const keyOf = ({ plural }: Resource, name: ObjectName) => `${plural}:${pathOf(name)}`
  const cluster: MemoryCluster = {
    calls,
    fault: () => undefined,
    names: (plural) =>
      [...objects.keys()]
        .filter((key) => key.startsWith(`${plural}:`))
        .map((key) => key.slice(plural.length + 1))
        .sort(),
    get: (plural, path) => objects.get(`${plural}:${path}`),
    put: (resource, object) => void store(resource, object, randomUUID()),
    remove(resource, name) {
      const key = keyOf(resource, name)
      const old = objects.get(key)
      objects.delete(key)
      if (old !== undefined) cluster.tell(resource, 'DELETED', old)
    },
    tell(resource, type, object) {
      for (const watch of watches)
        if (watch.plural === resource.plural) watch.lines.write(`${JSON.stringify({ type, object })}\n`)
    },
    client: {
      get: async (resource, name) =>
        faulty('get', resource, name) ?? objects.get(keyOf(resource, name)) ?? 'absent',
      async list(resource, { namespace } = {}) {
        const refusal = faulty('list', resource, { name: '', ...(namespace && { namespace }) })
        if (refusal !== undefined) return refusal
        const items = [...objects]
          .filter(([key]) => key.startsWith(`${resource.plural}:`))
          .map(([, one]) => one)
          .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace)
        return { items, resourceVersion: String(version) }
      },
      async create(resource, object, { dryRun = false } = {}) {
        const { metadata } = object
        const refusal = faulty(dryRun ? 'dry-run' : 'create', resource, metadata)
        if (refusal !== undefined) return refusal
        if (dryRun) return object
        return objects.has(keyOf(resource, metadata)) ? 'exists' : store(resource, object, randomUUID())
      },
      async patch(resource, name, patch) {
        const refusal = faulty('patch', resource, name)
        if (refusal !== undefined) return refusal
        const old = objects.get(keyOf(resource, name))
        if (old === undefined) return 'absent'
        const asked = (patch as { metadata?: { resourceVersion?: string } }).metadata?.resourceVersion
        if (asked !== undefined && asked !== old.metadata.resourceVersion) return 'conflict'
        return store(resource, merged(old, patch) as KubernetesObject, String(old.metadata.uid))
      },
      apply: () => Promise.reject(new Error('nobody applies here')),
      async openWatch({ plural }, _selection, { signal }) {
        calls.push(`watch ${plural}`)
        const lines = new PassThrough()
        const watch = { plural, lines }
        watches.add(watch)
        signal.addEventListener('abort', () => {
          watches.delete(watch)
          lines.end()
        })
        return lines
      },
      async delete(resource, { uid, ...name }) {
        const refusal = faulty('delete', resource, name)
        if (refusal !== undefined) return refusal
        const old = objects.get(keyOf(resource, name))
        if (old === undefined) return 'absent'
        if (uid !== undefined && uid !== old.metadata.uid) return 'conflict'
        objects.delete(keyOf(resource, name))
        return 'deleted'
      },
    },
  }

  function faulty(verb: string, { plural }: Resource, name: ObjectName): Refusal | undefined {
    const call = `${verb} ${plural}`
    calls.push(call)
    const fault = cluster.fault(call, name)
    if (fault instanceof Error) throw fault
    return fault
  }

  function store(resource: Resource, object: KubernetesObject, uid: string): KubernetesObject {
    version += 1
    const metadata = { ...object.metadata, uid, resourceVersion: String(version) }
    const stored = { ...object, metadata }
    objects.set(keyOf(resource, metadata), stored)
    return stored
  }
  return cluster
}

/** RFC 7386. */
function merged(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  const result: Record<string, unknown> = isRecord(target) ? { ...target } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else if (value !== undefined) result[key] = merged(result[key], value)
  }
  return result
}
