import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t from 'tap'
import { createCasbinEngine } from '../../src/authz/casbin-engine.ts'
import { compilePolicy } from '../../src/authz/policy.ts'
import { readCpoText } from '../../src/authz/policy-text.ts'
import { readAccessRequest } from '../../src/authz/review-request.ts'
import { isRecord } from '../../src/json.ts'
import { runAtOnce } from '../../src/steps.ts'
import { ROOT } from '../support/source-files.ts'

interface Case {
  readonly review?: unknown
  readonly request?: unknown
  readonly body?: string
  readonly status?: number
  readonly allowed?: boolean
}
interface Recording {
  readonly policy?: unknown
  readonly policy_text?: string
  readonly load?: { kind: string }
  readonly load_configmap?: unknown
  readonly cases?: readonly Case[]
}

/** Recorded decisions of k8s-keystone-auth c453fb7c: see the README beside them. */
const recordings = (kind: string) =>
  gunzipSync(readFileSync(join(import.meta.dirname, `cpo-decisions/${kind}.jsonl.gz`)))
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Recording)

const engine = await createCasbinEngine(readFileSync(join(ROOT, 'policies/model.conf'), 'utf8'))
const textOf = (recording: Recording) => recording.policy_text ?? JSON.stringify(recording.policy)

/** The spec and whether the envelope is one that CPO answers; undefined: HTTP 400 or 500, or no answer at all. */
function specOf(given: Case): unknown {
  if (given.review !== undefined) return given.review
  let request = given.request
  try {
    request ??= JSON.parse(given.body ?? '')
  } catch {
    return undefined
  }
  if (!isRecord(request) || request.kind !== 'SubjectAccessReview') return undefined
  return request.apiVersion === 'authorization.k8s.io/v1beta1' ? request.spec : undefined
}

function decide(policyText: string, given: Case): boolean {
  const outcome = runAtOnce(readCpoText(policyText, { source: 'x', strict: false, rest: 'ignored' }))
  if ('fault' in outcome) throw new Error(outcome.fault.message)
  const policy = runAtOnce(compilePolicy([outcome], engine))
  const request = readAccessRequest('v1beta1', specOf(given), () => undefined)
  return typeof request !== 'string' && policy.decide(request).kind === 'allow'
}

interface Difference {
  readonly allowed: boolean
  readonly policy: string
  readonly given: Case
}

/** What docs/limitations.md lists: text behind the review, and a review of the other API group. Both are a 400. */
function isStricterEnvelope({ allowed, given }: Difference): boolean {
  if (allowed || given.review !== undefined) return false
  const { request, body } = given
  if (isRecord(request)) return request.apiVersion === 'authentication.k8s.io/v1beta1'
  try {
    JSON.parse(body ?? '')
    return false
  } catch {
    return true
  }
}

for (const kind of ['v1', 'v2', 'mixed', 'odd'])
  t.test(`every recorded ${kind} policy is decided as k8s-keystone-auth decided it`, async (t) => {
    let agreed = 0
    const differences: Difference[] = []
    for (const recording of recordings(kind))
      for (const given of recording.cases ?? []) {
        const allowed = decide(textOf(recording), given)
        if (allowed === (given.allowed ?? false)) agreed += 1
        else differences.push({ allowed, policy: textOf(recording), given })
      }
    t.comment(`${kind}: ${agreed} agree, ${differences.length} differ`)
    t.same(
      differences.filter((difference) => !isStricterEnvelope(difference)),
      [],
    )
    t.ok(differences.length < (kind === 'odd' ? 20 : 1))
    t.ok(agreed >= 500)
  })

t.test('a text that k8s-keystone-auth refuses to load is refused with line and column', async (t) => {
  for (const recording of recordings('odd')) {
    const read = (rest: 'ignored' | 'forbidden') =>
      runAtOnce(readCpoText(textOf(recording), { source: 'x', strict: false, rest }))
    const refused = recording.load !== undefined
    const file = read('ignored')
    t.equal('fault' in file, refused, textOf(recording))
    if ('fault' in file) t.ok(file.fault.line >= 1 && file.fault.column >= 1 && file.fault.message !== '')
    t.equal('fault' in read('forbidden'), refused || recording.load_configmap !== undefined)
  }
})
