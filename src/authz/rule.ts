import { escapeCell } from './cell.ts'
import type { NamespacePattern, Pattern, RequestNamespace } from './pattern.ts'
import type { RequestResource, ResourcePattern } from './resource-pattern.ts'
import type { SelectorPattern, SelectorRequirement } from './selector.ts'
import type { Subject, SubjectRequirement } from './subject.ts'

/**
 * `stop` is no rule that anybody writes: it is an entry at which CPO breaks off without an answer, so what stands
 * after it must not allow.
 */
export type Effect = 'allow' | 'deny' | 'stop'

export interface Rule {
  readonly effect: Effect
  readonly subject: SubjectRequirement
  readonly target: ResourceTarget | PathTarget
  /** Where it stands: the name of a source and a line. */
  readonly source: string
  readonly line: number
}

export interface ResourceTarget {
  readonly kind: 'resource'
  readonly namespace: NamespacePattern
  readonly group: Pattern
  readonly resource: ResourcePattern
  readonly name: Pattern
  readonly verb: Pattern
  readonly selector: SelectorPattern
}

export interface PathTarget {
  readonly kind: 'path'
  readonly path: Pattern
  readonly verb: Pattern
}

/** What a review asks. */
export interface AccessRequest {
  readonly subject: Subject
  readonly target: RequestTarget
}

export type RequestTarget =
  | {
      readonly kind: 'resource'
      readonly namespace: RequestNamespace
      readonly group: string
      readonly resource: RequestResource
      readonly name: string
      readonly verb: string
      readonly selector: readonly SelectorRequirement[]
    }
  | { readonly kind: 'path'; readonly path: string; readonly verb: string }

/** The rule as a line of a CSV policy. */
export function writeRule({ effect, subject, target }: Rule): string {
  const cells =
    target.kind === 'path'
      ? ['p2', subject, target.path, target.verb]
      : [
          'p',
          subject,
          target.namespace,
          target.group,
          target.resource,
          target.name,
          target.verb,
          target.selector,
        ]
  return [...cells.map((cell) => (typeof cell === 'string' ? cell : cell.toCell())), escapeCell(effect)].join(
    ', ',
  )
}
