import { PortcullisError } from '../errors.ts'
import { isRecord, isText } from '../json.ts'
import type { Refusal } from './answer.ts'
import { apiPath } from './api-path.ts'
import type { KubernetesCall, KubernetesCaller } from './caller.ts'
import { asObject, type KubernetesObject, type Resource } from './object.ts'

/** Which objects of a kind: those of one namespace, or all. */
export interface Selection {
  readonly namespace?: string
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

/** An object by its name; what is not namespaced has no namespace. */
export interface ObjectName {
  readonly name: string
  readonly namespace?: string
}

export interface ObjectList {
  readonly items: readonly KubernetesObject[]
  /** Where a watch goes on from. */
  readonly resourceVersion: string
}

/**
 * The calls to the Kubernetes API that we need. What the API refuses is an answer (`Refusal`); all else throws HTTP_...
 * or KUBERNETES_.... Every call has a deadline and bounds, none is repeated: those who call know when to try again.
 */
export interface KubernetesClient {
  get(resource: Resource, name: ObjectName): Promise<KubernetesObject | Refusal>
  /** All of them, page by page. */
  list(resource: Resource, selection?: Selection): Promise<ObjectList | Refusal>
  /** With `dryRun` nothing is stored: the answer is what would be. */
  create(
    resource: Resource,
    object: KubernetesObject,
    options?: { dryRun?: boolean },
  ): Promise<KubernetesObject | Refusal>
  /** A JSON merge patch (RFC 7386); with `metadata.resourceVersion` in it: `conflict` if somebody was faster. */
  patch(resource: Resource, name: ObjectName, patch: object): Promise<KubernetesObject | Refusal>
  /** Server-side apply under the field manager `portcullis`; creates what is absent, takes over fields that others own. */
  apply(resource: Resource, object: KubernetesObject): Promise<KubernetesObject | Refusal>
  /** With `uid`, only that very object: `conflict` if the name has gone to another. */
  delete(resource: Resource, name: ObjectName & { uid?: string }): Promise<'deleted' | Refusal>
  /** The bare stream of a watch, for `watchObjects`; it ends by `signal`. */
  openWatch(
    resource: Resource,
    selection: Selection,
    options: { resourceVersion: string; timeoutSeconds: number; signal: AbortSignal },
  ): Promise<AsyncIterable<Buffer> | Refusal>
}

const PAGE = 500
/** Half a million objects: more than etcd holds. */
const MAX_PAGES = 1000
const MANAGER = 'portcullis'

export function createKubernetesClient(caller: KubernetesCaller): KubernetesClient {
  async function one(resource: Resource, call: KubernetesCall): Promise<KubernetesObject | Refusal> {
    const answer = await caller.call(call)
    return typeof answer === 'string' ? answer : (asObject(answer) ?? incomplete(resource))
  }

  async function pages(
    resource: Resource,
    { namespace, ...selectors }: Selection,
  ): Promise<ObjectList | Refusal> {
    const items: KubernetesObject[] = []
    let next: string | undefined
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const query = { ...selectors, limit: String(PAGE), continue: next }
      const answer = await caller.call({ operation: 'list', path: apiPath(resource, { namespace }, query) })
      if (typeof answer === 'string') return answer
      const { metadata, items: some } = answer
      if (!isRecord(metadata) || !isText(metadata.resourceVersion) || !Array.isArray(some))
        return incomplete(resource)
      for (const item of some) items.push(asObject(item) ?? incomplete(resource))
      next = isText(metadata.continue) ? metadata.continue : undefined
      if (next === undefined) return { items, resourceVersion: metadata.resourceVersion }
    }
    throw new PortcullisError('KUBERNETES_BAD_ANSWER', `the list of ${resource.plural} has no end`)
  }

  return {
    get: (resource, name) => one(resource, { operation: 'get', path: apiPath(resource, name) }),
    async list(resource, selection = {}) {
      const found = await pages(resource, selection)
      // the snapshot that the pages are of is gone: once more from the beginning
      return found === 'expired' ? await pages(resource, selection) : found
    },
    create: (resource, object, { dryRun = false } = {}) =>
      one(resource, {
        operation: 'create',
        method: 'POST',
        path: apiPath(
          resource,
          { namespace: object.metadata.namespace },
          { fieldManager: MANAGER, dryRun: dryRun ? 'All' : undefined },
        ),
        body: typed(resource, object),
      }),
    patch: (resource, name, patch) =>
      one(resource, {
        operation: 'patch',
        method: 'PATCH',
        path: apiPath(resource, name, { fieldManager: MANAGER }),
        contentType: 'application/merge-patch+json',
        body: patch,
      }),
    apply: (resource, object) =>
      one(resource, {
        operation: 'apply',
        method: 'PATCH',
        path: apiPath(resource, object.metadata, { fieldManager: MANAGER, force: 'true' }),
        contentType: 'application/apply-patch+yaml',
        body: typed(resource, object),
      }),
    async delete(resource, name) {
      const body = name.uid === undefined ? {} : { preconditions: { uid: name.uid } }
      const path = apiPath(resource, name)
      const answer = await caller.call({ operation: 'delete', method: 'DELETE', path, body })
      return typeof answer === 'string' ? answer : 'deleted'
    },
    openWatch(resource, { namespace, ...selectors }, { resourceVersion, timeoutSeconds, signal }) {
      const query = {
        ...selectors,
        watch: '1',
        allowWatchBookmarks: 'true',
        resourceVersion,
        timeoutSeconds: String(timeoutSeconds),
      }
      return caller.open({ operation: 'watch', path: apiPath(resource, { namespace }, query) }, signal)
    },
  }
}

const typed = ({ apiVersion, kind }: Resource, object: KubernetesObject) => ({ apiVersion, kind, ...object })

function incomplete({ plural }: Resource): never {
  throw new PortcullisError(
    'KUBERNETES_BAD_ANSWER',
    `what the Kubernetes API says of ${plural} lacks a part that decides`,
  )
}
