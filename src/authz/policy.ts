import { createHash } from 'node:crypto'
import type { Steps } from '../steps.ts'
import type { RuleEngine } from './casbin-engine.ts'
import { type AccessRequest, createRuleWriter, type Rule } from './rule.ts'
import { indexRules } from './rule-index.ts'

export interface Decision {
  readonly kind: 'allow' | 'deny' | 'none'
  /** The rule that decided; with `none`, the entry at which CPO would break off. */
  readonly rule: Rule | undefined
}

/** All rules of all sources, compiled. It never changes: a reload makes another one. */
export interface Policy {
  readonly rules: readonly Rule[]
  /** SHA-256 over the rules in their order: equal on replicas that decide equally. */
  readonly hash: string
  readonly hasDeny: boolean
  candidates(request: AccessRequest): readonly Rule[]
  decide(request: AccessRequest): Decision
}

/** Rules as they came out of one source. */
export interface RuleList {
  readonly format: 'cpo' | 'portcullis'
  readonly rules: readonly Rule[]
}

/** Deny rules first, then allow rules, then the entries of CPO policies in their order: the first that fits decides. */
export function* compilePolicy(lists: readonly RuleList[], engine: RuleEngine): Steps<Policy> {
  const rank = (list: RuleList, rule: Rule) => (list.format === 'cpo' ? 2 : rule.effect === 'deny' ? 0 : 1)
  const ranked: Rule[][] = [[], [], []]
  for (const list of lists)
    for (const rule of list.rules) {
      ranked[rank(list, rule)]?.push(rule)
      yield
    }
  const rules = ranked.flat()
  const index = yield* indexRules(rules)
  const hash = createHash('sha256')
  const writeRule = createRuleWriter()
  for (const rule of rules) {
    hash.update(`${writeRule(rule)}\n`)
    yield
  }
  const candidates = (request: AccessRequest) =>
    index.candidates(request).map((number) => rules[number] as Rule)
  return {
    rules,
    hash: hash.digest('hex'),
    hasDeny: ranked[0]?.length !== 0,
    candidates,
    decide(request) {
      const rule = engine.decide(request, candidates(request))
      return { kind: rule === undefined || rule.effect === 'stop' ? 'none' : rule.effect, rule }
    },
  }
}
