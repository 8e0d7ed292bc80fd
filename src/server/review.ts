/** The versions of the two webhook APIs; kube-apiserver's default for both is v1beta1 (contracts A.1, B.1). */
export const REVIEW_VERSIONS = ['v1', 'v1beta1'] as const
export type ReviewVersion = (typeof REVIEW_VERSIONS)[number]

/** What a review is answered with: the JSON text of its `status`, or what is wrong with the request (a 400). */
export type ReviewAnswer = { readonly status: string } | { readonly invalid: string }

/** Answers one kind of review. Plain functions on plain types: the handler knows no HTTP. */
export interface ReviewHandler {
  readonly group: 'authentication.k8s.io' | 'authorization.k8s.io'
  readonly kind: 'TokenReview' | 'SubjectAccessReview'
  /** `spec` is whatever stood in the request: the handler checks it. It never throws and never rejects. */
  answer(version: ReviewVersion, spec: unknown): ReviewAnswer | Promise<ReviewAnswer>
}
