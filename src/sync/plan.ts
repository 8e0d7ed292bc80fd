import type { KubernetesObject, Resource } from '../kubernetes/object.ts'

/** Why something is to be done. */
export const REASONS = [
  'missing',
  'different',
  'adopted',
  'revoked',
  'project_disabled',
  'project_deleted',
  'project_back',
  'not_in_template',
  'grace_over',
] as const
export type Reason = (typeof REASONS)[number]

export const ACTIONS = ['create', 'update', 'delete'] as const
export type Action = (typeof ACTIONS)[number]

/** One call that makes the cluster more like it should be. */
export type Step = {
  readonly reason: Reason
  readonly resource: Resource
  readonly namespace?: string
  readonly name: string
} & (
  | { readonly action: 'create'; readonly object: KubernetesObject }
  /** A JSON merge patch that holds only for the version we looked at. */
  | { readonly action: 'update'; readonly patch: object }
  /** Only the very object that we looked at. */
  | { readonly action: 'delete'; readonly uid: string }
)

/** What stands in the way and is left alone. */
export interface Obstacle {
  readonly resource: Resource
  readonly namespace?: string
  readonly name: string
  /** `not_ours`: the name is taken by something without our label; `unclear`: ours, but it does not say of which project. */
  readonly what: 'not_ours' | 'unclear'
}

/** The difference between what is and what should be. Stages are done one after the other, the steps of a stage in any order. */
export interface Plan {
  readonly stages: readonly (readonly Step[])[]
  readonly obstacles: readonly Obstacle[]
  /** Projects that Keystone lists no more, and whose namespaces are to be marked or deleted for that. */
  readonly vanished: readonly string[]
  /** Namespaces and role bindings that carry our label. */
  readonly owned: number
  /** How many of these Keystone no longer justifies: bindings that go for good, namespaces that are marked. */
  readonly removals: number
}

export const stepsOf = (plan: Plan): readonly Step[] => plan.stages.flat()
