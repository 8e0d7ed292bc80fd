/**
 * The rules of docs/policies.md, said once more without index, casbin or any code of src: one rule after the other,
 * one cell after the other. The property tests hold the real thing to it.
 */
export interface Item {
  readonly text: string
  readonly star?: boolean
  readonly not?: boolean
}
export interface ResourceItem extends Item {
  readonly sub?: { readonly text: string; readonly star?: boolean } | undefined
}
export interface SubjectTerm extends Item {
  readonly kind: string
}
export interface NaiveRule {
  readonly effect: 'allow' | 'deny'
  readonly subject: readonly (readonly SubjectTerm[])[]
  readonly namespace: readonly Item[]
  readonly group: readonly Item[]
  readonly resource: readonly ResourceItem[]
  readonly name: readonly Item[]
  readonly verb: readonly Item[]
}
export interface NaiveReview {
  readonly user: string
  readonly groups: readonly string[]
  readonly roles: readonly string[]
  readonly projectId: string
  readonly projectName: string
  readonly projectDomain: string
  readonly namespace: string
  readonly group: string
  readonly resource: string
  readonly subresource: string
  readonly name: string
  readonly verb: string
}

const oneFits = (item: { text: string; star?: boolean }, value: string) =>
  item.star ? value.slice(0, item.text.length) === item.text : value === item.text

function listFits(items: readonly Item[], value: string): boolean {
  const refused = items.filter((item) => item.not)
  if (items.some((item) => !item.not && oneFits(item, value))) return true
  return refused.length > 0 && value !== '' && !refused.some((item) => oneFits(item, value))
}

function resourceItemFits(item: ResourceItem, review: NaiveReview): boolean {
  if (item.sub === undefined) {
    if (item.star && item.text === '') return true
    return review.subresource === '' && oneFits(item, review.resource)
  }
  return review.subresource !== '' && oneFits(item, review.resource) && oneFits(item.sub, review.subresource)
}

function resourceFits(items: readonly ResourceItem[], review: NaiveReview): boolean {
  const refused = items.filter((item) => item.not)
  if (items.some((item) => !item.not && resourceItemFits(item, review))) return true
  return (
    refused.length > 0 && review.resource !== '' && !refused.some((item) => resourceItemFits(item, review))
  )
}

function namespaceFits(items: readonly Item[], review: NaiveReview): boolean {
  const own = items.some((item) => item.text === '$own')
  if (own && review.namespace !== '' && review.namespace === review.projectId) return true
  return listFits(
    items.filter((item) => item.text !== '$own'),
    review.namespace,
  )
}

function termFits(term: SubjectTerm, review: NaiveReview): boolean {
  const values: Readonly<Record<string, readonly string[]>> = {
    user: [review.user],
    group: review.groups,
    role: review.roles,
    project: [term.text.includes('/') ? `${review.projectDomain}/${review.projectName}` : review.projectId],
    'project-name': [review.projectName],
  }
  return (values[term.kind] ?? []).some((value) => oneFits(term, value))
}

export function naiveDecision(rules: readonly NaiveRule[], review: NaiveReview): 'allow' | 'deny' | 'none' {
  const fitting = rules.filter(
    (rule) =>
      rule.subject.every((clause) => clause.some((term) => termFits(term, review))) &&
      namespaceFits(rule.namespace, review) &&
      listFits(rule.group, review.group) &&
      resourceFits(rule.resource, review) &&
      listFits(rule.name, review.name) &&
      listFits(rule.verb, review.verb),
  )
  if (fitting.some((rule) => rule.effect === 'deny')) return 'deny'
  return fitting.length > 0 ? 'allow' : 'none'
}

const writeItem = (item: Item) =>
  `${item.not ? '!' : ''}${item.text === '' && !item.star ? '-' : item.text}${item.star ? '*' : ''}`
const writeList = (items: readonly Item[]) => items.map(writeItem).join('|')

/** The rule as a line of CSV; the texts of the tests need no escapes. */
export function writeNaiveRule(rule: NaiveRule): string {
  const subject = rule.subject
    .map((clause) => clause.map((term) => `${term.kind}:${writeItem(term)}`).join(' | '))
    .join(' & ')
  const resource = rule.resource
    .map((item) =>
      item.sub === undefined
        ? writeItem(item)
        : `${writeItem(item)}/${item.sub.text}${item.sub.star ? '*' : ''}`,
    )
    .join('|')
  return [
    'p',
    subject === '' ? '*' : subject,
    writeList(rule.namespace),
    writeList(rule.group),
    resource,
    writeList(rule.name),
    writeList(rule.verb),
    '*',
    rule.effect,
  ].join(', ')
}

export function naiveSpec(review: NaiveReview) {
  const extra = 'alpha.kubernetes.io/identity'
  return {
    user: review.user,
    groups: review.groups,
    extra: {
      [`${extra}/roles`]: review.roles,
      [`${extra}/project/id`]: [review.projectId],
      [`${extra}/project/name`]: [review.projectName],
      [`${extra}/project/domain/id`]: [review.projectDomain],
    },
    resourceAttributes: {
      namespace: review.namespace,
      group: review.group,
      resource: review.resource,
      subresource: review.subresource,
      name: review.name,
      verb: review.verb,
    },
  }
}
