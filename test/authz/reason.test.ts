import t from 'tap'
import type { Decision } from '../../src/authz/policy.ts'
import { reasonOf } from '../../src/authz/reason.ts'
import type { AccessRequest } from '../../src/authz/rule.ts'
import type { Subject } from '../../src/authz/subject.ts'
import { type Asked, pathRequest, resourceRequest, ruleOf, subjectOf } from './support/requests.ts'

const RULE = { ...ruleOf('p, *, *, *, *, *, *, *, allow'), source: 'rules.csv', line: 12 }
const none: Decision = { kind: 'none', rule: undefined }

/** The request of somebody who is shown like this. */
const by = (shown: Partial<Omit<Subject, 'keys'>>, request: AccessRequest = resourceRequest()) => ({
  ...request,
  subject: subjectOf([], shown),
})
const reason = (shown: Partial<Omit<Subject, 'keys'>>, asked: Asked = {}) =>
  reasonOf(none, by(shown, resourceRequest(asked)))

t.test('a decision names the rule that made it', async (t) => {
  t.equal(reasonOf({ kind: 'allow', rule: RULE }, resourceRequest()), 'allowed by rules.csv:12')
  t.equal(reasonOf({ kind: 'deny', rule: RULE }, resourceRequest()), 'denied by rules.csv:12')
  t.match(reasonOf({ kind: 'none', rule: RULE }, resourceRequest()), /^rules\.csv:12 .*nothing after it/)
})

t.test('no opinion says whom no rule allows what', async (t) => {
  const project = (name: string | undefined, id: string | undefined) => ({ project: { id, name } })
  for (const [shown, who] of [
    [{ user: 'ann' }, 'user ann'],
    [{ user: 'ann', roles: ['member'] }, 'role member'],
    [{ roles: ['member', 'reader'] }, 'roles member, reader'],
    [{ roles: ['a', 'b', 'c'] }, 'roles a, b, c'],
    [{ roles: ['a', 'b', 'c', 'd'] }, 'roles a, b, c, ...'],
    [{ ...project('web', '0123') }, 'no role in project web'],
    [{ ...project(undefined, '0123') }, 'no role in project 0123'],
    [{ roles: ['member'], ...project('web', undefined) }, 'role member in project web'],
    [{ roles: ['a', 'b'], ...project('web', '0123') }, 'roles a, b in project web'],
  ] as const)
    t.equal(reason(shown), `no rule for ${who} allows get on pods in namespace red`)
})

t.test('the target is shown with its group, sub-resource and namespace, a path as it is', async (t) => {
  for (const [asked, target] of [
    [{ namespace: '' }, 'get on pods'],
    [
      { group: 'apps', resource: 'deployments', sub: 'scale', verb: 'patch' },
      'patch on deployments/scale.apps in namespace red',
    ],
    [{ group: 'metrics.k8s.io', namespace: '' }, 'get on pods.metrics.k8s.io'],
    [{ sub: 'log', namespace: 'blue' }, 'get on pods/log in namespace blue'],
  ] as const)
    t.equal(reason({}, asked), `no rule for user ann allows ${target}`)
  t.equal(
    reasonOf(none, by({}, pathRequest('/metrics', { verb: 'post' }))),
    'no rule for user ann allows post on /metrics',
  )
})

t.test('a name that a client chose is cut at 64 characters', async (t) => {
  const cut = (letter: string) => `${letter.repeat(61)}...`
  t.equal(
    reason({ user: 'u'.repeat(64) }),
    `no rule for user ${'u'.repeat(64)} allows get on pods in namespace red`,
  )
  t.equal(
    reason({ user: 'u'.repeat(65) }),
    `no rule for user ${cut('u')} allows get on pods in namespace red`,
  )
  t.equal(
    reason({ roles: ['r'.repeat(65)], project: { id: undefined, name: 'p'.repeat(65) } }),
    `no rule for role ${cut('r')} in project ${cut('p')} allows get on pods in namespace red`,
  )
  for (const [asked, target] of [
    [{ verb: 'v'.repeat(65) }, `${cut('v')} on pods in namespace red`],
    [{ resource: 'k'.repeat(65) }, `get on ${cut('k')} in namespace red`],
    [{ group: 'g'.repeat(65) }, `get on pods.${cut('g')} in namespace red`],
    [{ namespace: 'n'.repeat(65) }, `get on pods in namespace ${cut('n')}`],
  ] as const)
    t.equal(reason({}, asked), `no rule for user ann allows ${target}`)
  const path = by({}, pathRequest(`/${'p'.repeat(64)}`, { verb: 'v'.repeat(65) }))
  t.equal(reasonOf(none, path), `no rule for user ann allows ${cut('v')} on /${'p'.repeat(60)}...`)
  const source = { ...RULE, source: 's'.repeat(65) }
  t.equal(reasonOf({ kind: 'deny', rule: source }, resourceRequest()), `denied by ${cut('s')}:12`)
})

t.test('the whole reason has at most 300 characters', async (t) => {
  const long = 'x'.repeat(64)
  const shown = { roles: [long, long, long], project: { id: undefined, name: 'web' } }
  const whole = reason(shown, { verb: 'v'.repeat(28) })
  t.equal(
    whole,
    `no rule for roles ${long}, ${long}, ${long} in project web allows ${'v'.repeat(28)} on pods in namespace red`,
  )
  const spare = 300 - whole.length
  t.equal(reason(shown, { verb: 'v'.repeat(28 + spare) }).length, 300)
  t.notMatch(reason(shown, { verb: 'v'.repeat(28 + spare) }), /\.\.\.$/)
  const cut = reason(shown, { verb: 'v'.repeat(29 + spare) })
  t.equal(cut.length, 300)
  t.match(cut, /^no rule for roles x.* on pods in namespace\.\.\.$/)
})

t.test(
  'control characters, direction marks, line ends and halves of characters become harmless',
  async (t) => {
    for (const [name, shown] of [
      ['a\nb', 'a?b'],
      ['a\u001b[31mb', 'a?[31mb'],
      ['a\u202eb', 'a?b'],
      ['a\u2028b\u2029c', 'a?b?c'],
      ['\u0000', '?'],
      ['a\u200bb', 'a?b'],
      ['ä €', 'ä €'],
      ['\ud83d', '\ufffd'],
      ['😀', '😀'],
      [`${'a'.repeat(60)}😀bcd`, `${'a'.repeat(60)}\ufffd...`],
    ] as const)
      t.equal(reason({ user: name }), `no rule for user ${shown} allows get on pods in namespace red`)
    t.equal(
      reason(
        { user: 'a', roles: ['b\n'], project: { id: undefined, name: 'c\n' } },
        { verb: 'd\n', resource: 'e\n', sub: 'f\n', group: 'g\n', namespace: 'h\n' },
      ),
      'no rule for role b? in project c? allows d? on e?/f?.g? in namespace h?',
    )
  },
)
