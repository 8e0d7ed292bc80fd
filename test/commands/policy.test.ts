import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { policy } from '../../src/commands/policy.ts'
import { runCommand } from '../support/command.ts'
import { startProgram } from '../support/program.ts'
import { ROOT } from '../support/source-files.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const MAGNUM = join(ROOT, 'policies/k8s-roles-v2.json')
const EXTRA = 'alpha.kubernetes.io/identity'
const POLICY = [
  { users: { roles: ['member'], projects: ['demo'] }, resource_permissions: { '*/pods': ['create'] } },
]
const review = (attributes: object, more: object = {}) => ({
  user: 'alice',
  group: ['x'],
  extra: { [`${EXTRA}/roles`]: ['member'], [`${EXTRA}/project/name`]: ['demo'] },
  resourceAttributes: { namespace: 'default', verb: 'create', resource: 'pods', ...attributes },
  ...more,
})

/** `policy decide` with a line in and a line out at a time. */
function decider(t: Test, flags: readonly string[] = []) {
  const program = startProgram(t, 'portcullis', ['policy', 'decide', ...flags], {}, 'pipe')
  const { stdin, stdout } = program.child
  if (!stdin || !stdout) throw new Error('no pipes')
  const lines = createInterface({ input: stdout })
  return {
    program,
    end: () => stdin.end(),
    async ask(line: string): Promise<unknown> {
      stdin.write(`${line}\n`)
      const [answer] = (await once(lines, 'line')) as [string]
      return JSON.parse(answer)
    },
  }
}

t.test('policy decide answers each line at once, whatever is in it', async (t) => {
  const { ask, end, program } = decider(t)
  const line = (policy: unknown, ...reviews: unknown[]) => JSON.stringify({ policy, reviews })
  t.same(await ask(line(POLICY, review({}), review({ verb: 'get' }), review({ subresource: 'exec' }))), {
    allowed: [true, false, true],
  })
  t.same(
    await ask(line(POLICY, { ...review({}), group: undefined, groups: ['x'] })),
    { allowed: [true] },
    'v1',
  )
  t.same(await ask(line(POLICY, null, 7, {}, review({}, { user: 7 }), review({}, { group: null }))), {
    allowed: [false, false, false, false, false],
  })
  t.same(
    await ask(
      '{"policy":[{"USERS":null,"Resource_Permissions":{"*/*":["get"]},"resource_permissions":{"*/*":["create"]}}],"reviews":[' +
        JSON.stringify(review({})) +
        ']}',
    ),
    { allowed: [true] },
    'repeated fields merge',
  )
  t.match(await ask('{'), { error: /JSON/ })
  t.match(await ask('['.repeat(100_000)), { error: /./ })
  t.match(await ask(line([{ users: 'x' }])), { error: /^policy: line 1, column 21: expected an object/ })
  t.match(await ask('{"reviews":[]}'), { error: /policy/ })
  t.match(await ask('{"policy":[]}'), { error: /reviews/ })
  t.same(await ask('{"policy":[],"reviews":[{"__proto__":1}]}'), { allowed: [false] })
  end()
  t.equal(await program.exited, 0)
})

t.test('policy decide --policy-strict closes the holes, and --policy takes reviews alone', async (t) => {
  const strict = decider(t, ['--policy-strict'])
  const exec = review({ subresource: 'exec' })
  t.same(await strict.ask(JSON.stringify({ policy: POLICY, reviews: [review({}), exec] })), {
    allowed: [true, false],
  })
  strict.end()
  const path = join(temporaryFolder(t), 'p.json')
  writeFileSync(path, JSON.stringify(POLICY))
  const fixed = decider(t, ['--policy', path])
  t.same(await fixed.ask(JSON.stringify({ reviews: [exec] })), { allowed: [true] })
  t.same(await fixed.ask(JSON.stringify([exec, review({ verb: 'get' })])), { allowed: [true, false] })
  t.same(await fixed.ask(JSON.stringify(exec)), { allowed: [true] })
  fixed.end()
})

t.test('policy check finds faults, ignored keys, rules that decide nothing and hidden grants', async (t) => {
  const dir = temporaryFolder(t)
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text)
    return join(dir, name)
  }
  const check = (...paths: string[]) => runCommand(policy, ['check', ...paths])
  const bad = await check(file('bad.json', '[\n {"users": {"roles": "x"}}\n]'))
  t.match(bad, {
    code: 1,
    stdout: /bad.json: error: line 2, column 22: expected a list of strings, got a string/,
  })
  const odd = await check(
    file(
      'odd.json',
      '[{"users": {"Roles": ["a"], "projects": ["p"]}, "resource_permissions": {"*/pods": ["*"]}}]',
    ),
  )
  t.match(odd, { code: 1, stdout: /unknown: line 1, column 13: the key "Roles" is ignored/ })
  t.match(odd.stdout, /warning: line 1: grants sub-resources of pods too \(pods\/exec/)
  const rules = `p, role:a, x, -, pods, *, get|list, *, allow
p, role:a, x, -, pods, *, get, *, allow
p, *, *, *, secrets, *, *, *, deny
p, role:b, x, -, secrets, *, get, *, allow
p, role:c, x, -, pods, *, get, *, alow
`
  t.match(await check(file('alow.csv', rules)), {
    code: 1,
    stdout: /line 5, column 35: effect: expected allow or deny/,
  })
  const shadowed = await check(file('good.csv', rules.replace('alow', 'allow')))
  t.equal(shadowed.code, 0)
  t.match(shadowed.stdout, /line 2: decides nothing: line 1 covers all of it/)
  t.match(shadowed.stdout, /line 4: never allows: the deny rule of line 3 covers all of it/)
  for (const example of ['k8s-roles-v1.json', 'k8s-roles-v2.json', 'k8s-roles.csv', 'own-namespace.yaml'])
    t.equal((await check(join(ROOT, 'policies', example))).code, 0, example)
})

t.test(
  'policy convert gives rules that policy diff finds equal, and diff shows what strict changes',
  async (t) => {
    const path = join(temporaryFolder(t), 'converted.csv')
    const converted = await runCommand(policy, ['convert', MAGNUM])
    t.match(converted, { code: 0, stderr: /rules, equal on \d{3,} reviews/ })
    writeFileSync(path, converted.stdout)
    t.match(await runCommand(policy, ['diff', MAGNUM, path]), {
      code: 0,
      stderr: /^0 of \d{3,}/,
    })
    const strict = await runCommand(policy, ['diff', '--policy-strict', MAGNUM, path])
    t.equal(strict.code, 1)
    t.match(JSON.parse(strict.stdout.split('\n')[0] ?? ''), {
      old: 'none',
      new: 'allow',
      review: { user: /./ },
    })
    const reviews = join(temporaryFolder(t), 'reviews.jsonl')
    writeFileSync(reviews, `${JSON.stringify({ spec: review({}), decision: 'none' })}\n`)
    t.match(await runCommand(policy, ['diff', '--reviews', reviews, MAGNUM, path]), {
      code: 0,
      stderr: /^0 of 1 /,
    })
  },
)

t.test('policy explain names the rule, or the rules that nearly fit', async (t) => {
  const explain = (...args: string[]) =>
    runCommand(policy, ['explain', '--policy', join(ROOT, 'policies/own-namespace.yaml'), ...args])
  const who = ['--role', 'member', '--project', 'p1', '--as', 'alice']
  t.match(await explain(...who, '-n', 'p1', 'get', 'pods/log'), {
    code: 0,
    stdout: /^allow: allowed by own-namespace.yaml:3\n/,
  })
  t.match(await explain(...who, '-n', 'p2', 'get', 'deployments.apps'), {
    code: 1,
    stdout:
      /^none: no rule for role member in project p1 allows get on deployments.apps in namespace p2\nnear: own-namespace.yaml:3 but for namespace\n/,
  })
})

t.test('policy test passes and fails as its cases say', async (t) => {
  const dir = temporaryFolder(t)
  const cases = (expect: string) => `
policies: [${join(ROOT, 'policies/own-namespace.yaml')}]
cases:
  - name: anybody sees health
    expect: allow
    review: {user: a, nonResourceAttributes: {path: /livez, verb: get}}
  - name: nobody sees metrics
    expect: ${expect}
    review: {user: a, nonResourceAttributes: {path: /metrics, verb: get}}
`
  for (const [expect, code, stdout] of [
    ['none', 0, /^2 passed, 0 failed/],
    ['allow', 1, /^failed: nobody sees metrics: expected allow, got none: no rule .*\n1 passed, 1 failed/],
  ] as const) {
    writeFileSync(join(dir, 'cases.yaml'), cases(expect))
    t.match(await runCommand(policy, ['test', join(dir, 'cases.yaml')]), { code, stdout })
  }
})
