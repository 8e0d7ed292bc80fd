import type { Decision } from './policy.ts'
import { textOf } from './resource-pattern.ts'
import type { AccessRequest, RequestTarget } from './rule.ts'

const MAX_NAME = 64
const MAX_REASON = 300

/** One line for people: kubectl shows it (contracts B.4). Names that a client chose are cut and lose control characters. */
export function reasonOf(decision: Decision, request: AccessRequest): string {
  const { rule, kind } = decision
  const where = rule === undefined ? '' : `${clean(rule.source)}:${rule.line}`
  if (kind === 'allow') return `allowed by ${where}`
  if (kind === 'deny') return `denied by ${where}`
  if (rule !== undefined) return `${where} is no complete policy entry, so nothing after it can allow`
  return clip(`no rule for ${whoText(request)} allows ${targetText(request.target)}`, MAX_REASON)
}

function whoText({ subject }: AccessRequest): string {
  const { roles, project, user } = subject
  const name = project.name ?? project.id
  if (roles.length === 0 && name === undefined) return `user ${clean(user)}`
  const shown = roles.slice(0, 3).map(clean).join(', ')
  const role =
    roles.length === 0
      ? 'no role'
      : `role${roles.length > 1 ? 's' : ''} ${shown}${roles.length > 3 ? ', ...' : ''}`
  return name === undefined ? role : `${role} in project ${clean(name)}`
}

function targetText(target: RequestTarget): string {
  if (target.kind === 'path') return `${clean(target.verb)} on ${clean(target.path)}`
  const { group, namespace, resource, verb } = target
  const what = `${clean(textOf(resource))}${group === '' ? '' : `.${clean(group)}`}`
  return `${clean(verb)} on ${what}${namespace.name === '' ? '' : ` in namespace ${clean(namespace.name)}`}`
}

const clip = (text: string, length: number) =>
  text.length <= length ? text : `${text.slice(0, length - 3)}...`
const clean = (text: string) =>
  clip(text, MAX_NAME)
    .toWellFormed()
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
