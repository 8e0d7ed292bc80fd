import { EnforceContext, Enforcer, FunctionMap, newEnforcerWithClass, newModelFromString } from 'casbin'
import type { AccessRequest, Rule } from './rule.ts'

/** Finds, of some rules, the first that fits a request. */
export interface RuleEngine {
  /** `candidates` in the order in which they count. Undefined: none fits. */
  decide(request: AccessRequest, candidates: readonly Rule[]): Rule | undefined
}

/** A rule as casbin sees it: one value a column, then the rule itself, which casbin hands back. */
type PolicyLine = readonly unknown[] & { readonly rule?: Rule }

const RESOURCE = new EnforceContext('r', 'p', 'e', 'm')
const PATH = new EnforceContext('r2', 'p2', 'e', 'm2')

/** Without the functions that casbin brings along: it copies all of them for each rule that it looks at. */
class BareEnforcer extends Enforcer {
  protected override fm = new FunctionMap()
}

/**
 * The casbin enforcer of policies/model.conf. It decides in one synchronous call on the lines that are put into its
 * model just before, so it never sees half a policy. An empty list never reaches casbin, which would take it for one
 * rule of empty cells.
 */
export async function createCasbinEngine(modelText: string): Promise<RuleEngine> {
  const enforcer = await newEnforcerWithClass(BareEnforcer, newModelFromString(modelText))
  enforcer.addFunction('fits', (cell: { fits(value: unknown): boolean }, value: unknown) => cell.fits(value))
  const sections = enforcer.getModel().model.get('p')
  const [resourceLines, pathLines] = [sections?.get('p'), sections?.get('p2')]
  if (resourceLines === undefined || pathLines === undefined) throw new Error('the model defines no p and p2')
  const lines = new WeakMap<Rule, PolicyLine>()

  function lineOf(rule: Rule): PolicyLine {
    let line = lines.get(rule)
    if (line === undefined) {
      line = Object.assign(cells(rule), { rule })
      lines.set(rule, line)
    }
    return line
  }

  return {
    decide({ subject, target }, candidates) {
      if (candidates.length === 0) return undefined
      const section = target.kind === 'path' ? pathLines : resourceLines
      section.policy = candidates.map(lineOf) as unknown as string[][]
      const [allowed, line] =
        target.kind === 'path'
          ? enforcer.enforceExSync(PATH, subject, target.path, target.verb)
          : enforcer.enforceExSync(
              RESOURCE,
              subject,
              target.namespace,
              target.group,
              target.resource,
              target.name,
              target.verb,
              target.selector,
            )
      section.policy = []
      const { rule } = line as PolicyLine
      if (allowed !== (rule?.effect === 'allow')) throw new Error('casbin and the rule disagree')
      return rule
    },
  }
}

function cells({ effect, subject, target }: Rule): unknown[] {
  // to casbin a stop is a deny: the first rule that fits ends the matter
  const eft = effect === 'allow' ? 'allow' : 'deny'
  if (target.kind === 'path') return [subject, target.path, target.verb, eft]
  const { namespace, group, resource, name, verb, selector } = target
  return [subject, namespace, group, resource, name, verb, selector, eft]
}
