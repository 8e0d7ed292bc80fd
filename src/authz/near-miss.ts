import type { AccessRequest, Rule } from './rule.ts'

/** The columns of a rule that keep it from fitting; undefined if it is about another kind of request. */
export function misfits(rule: Rule, { subject, target }: AccessRequest): readonly string[] | undefined {
  const cells: [string, boolean][] = [['subject', rule.subject.fits(subject)]]
  const { target: wanted } = rule
  if (wanted.kind === 'path' && target.kind === 'path')
    cells.push(['path', wanted.path.fits(target.path)], ['verb', wanted.verb.fits(target.verb)])
  else if (wanted.kind === 'resource' && target.kind === 'resource')
    cells.push(
      ['namespace', wanted.namespace.fits(target.namespace)],
      ['group', wanted.group.fits(target.group)],
      ['resource', wanted.resource.fits(target.resource)],
      ['name', wanted.name.fits(target.name)],
      ['verb', wanted.verb.fits(target.verb)],
      ['selector', wanted.selector.fits(target.selector)],
    )
  else return undefined
  return cells.filter(([, fits]) => !fits).map(([name]) => name)
}

export interface NearMiss {
  readonly rule: Rule
  readonly misfits: readonly string[]
}

/** The rules that come closest to fitting, the closest first. */
export function nearMisses(
  rules: readonly Rule[],
  request: AccessRequest,
  most: number,
): readonly NearMiss[] {
  return rules
    .map((rule) => ({ rule, misfits: misfits(rule, request) ?? [] }))
    .filter((miss) => miss.misfits.length > 0 && miss.misfits.length <= 2)
    .sort((a, b) => a.misfits.length - b.misfits.length)
    .slice(0, most)
}
