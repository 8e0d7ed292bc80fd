import type { ObjectMetadata } from '../kubernetes/object.ts'

/** What Portcullis made, or was told to adopt, carries this label; what does not is never changed or removed. */
export const OWNER_LABEL = 'app.kubernetes.io/managed-by'
export const OWNER = 'portcullis'

/** What a namespace stands for. Names are as Keystone has them now; the id never changes. */
export const PROJECT_ID = 'portcullis.dev/project-id'
export const PROJECT_NAME = 'portcullis.dev/project-name'
export const PROJECT_DOMAIN = 'portcullis.dev/project-domain'

/** A label: `disabled` or `deleted`, while Keystone says so of the project; and an annotation: since when (ISO 8601). */
export const PROJECT_STATE = 'portcullis.dev/project-state'
export const PROJECT_STATE_SINCE = 'portcullis.dev/project-state-since'

/** A project of Keystone, as annotations tell of it. */
export interface ProjectIdentity {
  readonly id: string
  readonly name: string
  /** The id of the project's domain. */
  readonly domain: string
}

export const ownerLabels = { [OWNER_LABEL]: OWNER }

export const projectAnnotations = ({ id, name, domain }: ProjectIdentity) => ({
  [PROJECT_ID]: id,
  [PROJECT_NAME]: name,
  [PROJECT_DOMAIN]: domain,
})

export const isOwned = ({ labels }: ObjectMetadata) => labels?.[OWNER_LABEL] === OWNER

/** Nobody says to manage it, so it may be adopted. */
export const isUnclaimed = ({ labels }: ObjectMetadata) => labels?.[OWNER_LABEL] === undefined
