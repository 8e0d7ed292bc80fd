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

type Cell = { toCell(): string } | string

/** Writes rules as lines of a CSV policy; a cell that many rules share is written once. */
export function createRuleWriter(): (rule: Rule) => string {
  const written = new Map<Cell, string>()
  const write = (cell: Cell) => {
    let text = written.get(cell)
    if (text === undefined) {
      text = typeof cell === 'string' ? cell : cell.toCell()
      written.set(cell, text)
    }
    return text
  }
  return (rule) => cellsOf(rule).map(write).join(', ')
}

/** The rule as a line of a CSV policy. */
export const writeRule = (rule: Rule) => createRuleWriter()(rule)

function cellsOf({ effect, subject, target }: Rule): readonly Cell[] {
  if (target.kind === 'path') return ['p2', subject, target.path, target.verb, effect]
  const { namespace, group, resource, name, verb, selector } = target
  return ['p', subject, namespace, group, resource, name, verb, selector, effect]
}

/** Makes equal cells of many rules one object: ten thousand rules say few different things, and less memory is less pause. */
export function createCellSharer(): <R extends Pick<Rule, 'subject' | 'target'>>(rule: R) => R {
  const known = new Map<string, { toCell(): string }>()
  const share = <C extends { toCell(): string }>(cell: C): C => {
    const text = `${cell.constructor.name} ${cell.toCell()}`
    const first = known.get(text)
    if (first === undefined) known.set(text, cell)
    return (first ?? cell) as C
  }
  return (rule) => {
    const { target } = rule
    const shared =
      target.kind === 'path'
        ? { ...target, path: share(target.path), verb: share(target.verb) }
        : {
            ...target,
            namespace: share(target.namespace),
            group: share(target.group),
            resource: share(target.resource),
            verb: share(target.verb),
          }
    return { ...rule, subject: share(rule.subject), target: shared }
  }
}
