/**
 * Prints the tables of docs/benchmarks.md for SubjectAccessReview: decision time, reload, requests a second.
 * `node bench/subjectaccessreview.ts [decide|reload|serve]`; without a word, all of it.
 */
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { newEnforcer, newModelFromString } from 'casbin'
import { createCasbinEngine } from '../src/authz/casbin-engine.ts'
import { compilePolicy, type Policy } from '../src/authz/policy.ts'
import { type PolicyDocument, readPolicyDocument } from '../src/authz/policy-text.ts'
import { readAccessRequest } from '../src/authz/review-request.ts'
import type { AccessRequest } from '../src/authz/rule.ts'
import { systemClock } from '../src/clock.ts'
import { runAtOnce, runInSlices, type Steps } from '../src/steps.ts'
import { ONE_PROJECT, SPREAD, type Workload } from './policies.ts'
import { serveTable } from './subjectaccessreview-server.ts'

const SIZES = [10, 100, 1000, 10_000]
const engine = await createCasbinEngine(readFileSync('policies/model.conf', 'utf8'))

function requestOf(spec: unknown): AccessRequest {
  const request = readAccessRequest('v1', spec, ({ id }) => id)
  if (typeof request === 'string') throw new Error(request)
  return request
}

const documentOf = (text: string, format: 'csv' | 'cpo'): PolicyDocument => ({
  name: 'bench',
  format,
  rest: 'ignored',
  text: () => text,
})

function* compile(text: string, format: 'csv' | 'cpo') {
  const outcome = yield* readPolicyDocument(documentOf(text, format), { strict: false })
  if ('fault' in outcome) throw new Error(outcome.fault.message)
  return yield* compilePolicy([outcome], engine)
}

/** Median microseconds of a call. */
function time(run: () => void): number {
  const samples: number[] = []
  for (let sample = 0; sample < 40; sample++) {
    const start = performance.now()
    let calls = 0
    do {
      for (let n = 0; n < 10; n++) run()
      calls += 10
    } while (performance.now() - start < 10)
    samples.push(((performance.now() - start) * 1000) / calls)
  }
  return samples.sort((a, b) => a - b)[20] as number
}

function decisionTable(workload: Workload, format: 'csv' | 'cpo'): void {
  console.log(`\n${workload.name}, ${format}: decision, us (candidates)\n`)
  console.log('| rules | first | last | none |\n|---|---|---|---|')
  for (const rules of SIZES) {
    const text = format === 'csv' ? workload.csv(rules) : workload.json(rules)
    const policy: Policy = runAtOnce(compile(text, format))
    const cells = [0, rules - 1, -1].map((n) => {
      const spec = workload.spec(n)
      const request = requestOf(spec)
      if ((policy.decide(request).kind === 'allow') !== n >= 0) throw new Error('a wrong decision')
      const micros = time(() => void policy.decide(requestOf(spec)))
      return `${micros.toFixed(1)} (${policy.candidates(request).length})`
    })
    console.log(`| ${rules} | ${cells.join(' | ')} |`)
  }
}

/** What casbin takes when it looks at every rule: plain equality, no index. */
async function unindexedTable(): Promise<void> {
  console.log('\ncasbin without index, no match: us\n\n| rules | none |\n|---|---|')
  const model = `[request_definition]\nr = sub, ns, obj, act\n[policy_definition]\np = sub, ns, obj, act
[policy_effect]\ne = some(where (p.eft == allow))\n[matchers]\nm = r.sub == p.sub && r.ns == p.ns && r.obj == p.obj && r.act == p.act`
  for (const rules of SIZES) {
    const enforcer = await newEnforcer(newModelFromString(model))
    await enforcer.addPolicies(Array.from({ length: rules }, (_, n) => [`p${n}`, `n${n}`, 'pods', 'get']))
    console.log(
      `| ${rules} | ${time(() => void enforcer.enforceExSync('x', 'y', 'pods', 'get')).toFixed(0)} |`,
    )
  }
}

async function reloadTable(): Promise<void> {
  const alive = setInterval(() => undefined, 1000)
  console.log(
    '\n10,000 rules read and compiled in slices, 20 times\n\n| format | ms each | longest pause, ms |\n|---|---|---|',
  )
  const paused = async (name: string, steps: () => Steps<unknown>) => {
    await runInSlices(steps(), systemClock)
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const start = performance.now()
    for (let n = 0; n < 20; n++) await runInSlices(steps(), systemClock)
    const each = (performance.now() - start) / 20
    delay.disable()
    console.log(`| ${name} | ${each.toFixed(0)} | ${(delay.max / 1e6).toFixed(1)} |`)
  }
  for (const format of ['csv', 'cpo'] as const) {
    const text = format === 'csv' ? ONE_PROJECT.csv(10_000) : ONE_PROJECT.json(10_000)
    await paused(format, () => compile(text, format))
  }
  await paused('nothing: the same slices, empty', function* () {
    const end = performance.now() + 500
    while (performance.now() < end) yield
  })
  clearInterval(alive)
}

const what = process.argv[2]
if (what === undefined || what === 'decide') {
  for (const workload of [SPREAD, ONE_PROJECT])
    for (const format of ['csv', 'cpo'] as const) decisionTable(workload, format)
  await unindexedTable()
}
if (what === undefined || what === 'reload') await reloadTable()
if (what === undefined || what === 'serve') await serveTable(SIZES)
