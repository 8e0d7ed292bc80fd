import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { policyCheck } from '../../src/commands/policy-check.ts'
import { policyConvert } from '../../src/commands/policy-convert.ts'
import { policyDecide } from '../../src/commands/policy-decide.ts'
import { policyDiff } from '../../src/commands/policy-diff.ts'
import { policyExplain } from '../../src/commands/policy-explain.ts'
import { policyTest } from '../../src/commands/policy-test.ts'
import type { Command } from '../../src/commands/world.ts'
import { runCommand } from '../support/command.ts'

const EXTRA = 'alpha.kubernetes.io/identity'
const POD = JSON.stringify([{ resource_permissions: { 'p1/pods': ['create'] } }])
const EXEC = { verb: 'create', namespace: 'p1', resource: 'pods', subresource: 'exec' }
const keystone = (attributes: object, user = 'ann') => ({
  user,
  groups: ['g'],
  extra: { [`${EXTRA}/project/id`]: ['p1'], [`${EXTRA}/project/name`]: ['web'] },
  ...attributes,
})
const onPath = (path: string) => keystone({ nonResourceAttributes: { path, verb: 'get' } })
const onPods = (namespace: string) =>
  keystone({ resourceAttributes: { verb: 'get', resource: 'pods', namespace } })

/** Files of these texts, and what runs a command on them; words that name a file become its path. */
function files(t: Test, texts: Record<string, string>) {
  const folder = t.testdir({})
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return async (command: Command, argv: readonly string[], lines: readonly unknown[] = []) => {
    const { stdout, ...rest } = await runCommand(
      command,
      argv.map((word) => (Object.hasOwn(texts, word) ? join(folder, word) : word)),
      { lines: lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))) },
    )
    return { ...rest, stdout: stdout.replaceAll(`${folder}/`, '') }
  }
}

t.test('policy check reads every file, as strictly as it is told, and lints by the format', async (t) => {
  const run = files(t, {
    'bad.json': '[{"users": 1}]',
    'odd.json': '[{"odd": 1}]',
    'left-out.csv': 'p2, who:x, /a, get, allow',
    'open.csv': 'p2, *, /a, get, allow',
    'pod.json': POD,
  })
  const all = await run(policyCheck, ['bad.json', 'open.csv'])
  t.equal(all.code, 1)
  t.match(
    all.stdout,
    /^bad\.json: error: line 1, column 12: .*\nopen\.csv: warning: line 1: holds for everybody/,
  )
  for (const name of ['odd.json', 'left-out.csv']) t.equal((await run(policyCheck, [name])).code, 1, name)
  t.match(await run(policyCheck, ['pod.json']), {
    code: 0,
    stdout: /holds for every Keystone user[\s\S]*pods\/exec/,
  })
  t.notMatch((await run(policyCheck, ['--policy-strict', 'pod.json'])).stdout, /pods\/exec/)
})

t.test('policy convert gives rules that can be read back and decide the same, strict or not', async (t) => {
  const run = files(t, {
    'pod.json': POD,
    'stop.json': '[null]',
    'left-out.csv': 'p2, who:x, /a, get, allow',
  })
  t.match(await run(policyConvert, ['pod.json']), { code: 0, stdout: /^# from pod\.json\np, .*pods\/\*/ })
  const strict = await run(policyConvert, ['--policy-strict', 'pod.json'])
  t.match(strict, {
    code: 0,
    stdout: /^# from pod\.json, strict\np, keystone, p1, -, pods, \*, create, \*, allow\n$/,
  })
  for (const name of ['stop.json', 'left-out.csv'])
    await t.rejects(run(policyConvert, [name]), { code: 'POLICY_INVALID', message: /line 1/ }, name)
})

t.test('policy decide answers by all policies or by that of the line, under its flags', async (t) => {
  const run = files(t, {
    'pod.json': POD,
    'a.csv': 'p2, *, /a, get, allow\np2, *, /c, get, deny\n',
    'b.csv': 'p2, *, /b, get, allow\np, *, $own, -, pods, *, get, *, allow\n',
  })
  const fixed = ['--policy', 'a.csv', '--policy', 'b.csv']
  const reviews = [onPath('/a'), onPath('/b'), onPath('/c'), onPath('/d'), onPods('p1'), onPods('web-p1'), 7]
  t.same(JSON.parse((await run(policyDecide, fixed, [reviews])).stdout).allowed, [
    ...[true, true, false, false, true, false, false],
  ])
  const named = await run(policyDecide, [...fixed, '--namespace-format', '%n-%i'], [reviews])
  t.same(JSON.parse(named.stdout).allowed.slice(4, 6), [false, true])
  const exec = keystone({ resourceAttributes: EXEC })
  const line = (policy_text: string) => ({ policy_text, reviews: [exec] })
  const lines = [line(POD), 'nonsense', line('[]'), line(`${POD} and more`), line('{')]
  const answers = async (...flags: string[]) =>
    (await run(policyDecide, flags, lines)).stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text))
  const error = /./
  t.match(await answers(), [
    { allowed: [true] },
    { error },
    { allowed: [false] },
    { allowed: [true] },
    { error },
  ])
  t.match((await answers('--policy-strict'))[0], { allowed: [false] })
  for (const [flags, allowed] of [
    [[], true],
    [['--policy-strict'], false],
  ] as const)
    t.match(JSON.parse((await run(policyDecide, ['--policy', 'pod.json', ...flags], [exec])).stdout), {
      allowed: [allowed],
    })
})

t.test('policy diff compares on what either policy says, or on what was recorded', async (t) => {
  const own = 'p, *, $own, -, pods, *, get, *, allow\n'
  const web = 'p, *, web-p1, -, pods, *, get, *, allow\n'
  const run = files(t, {
    ...{ 'old.csv': 'p2, *, /old, get, allow', 'none.csv': '', 'own.csv': own, 'web.csv': web },
    ...{
      'pod.json': POD,
      'same.json': `${POD}\n`,
      'reviews.jsonl': JSON.stringify({ spec: onPods('web-p1') }),
    },
    'torn.jsonl': `${JSON.stringify({ spec: onPods('p1') })}\n{"spec`,
  })
  for (const [policies, old, now] of [
    [['old.csv', 'none.csv'], 'allow', 'none'],
    [['none.csv', 'old.csv'], 'none', 'allow'],
  ] as const) {
    const { code, stdout } = await run(policyDiff, policies)
    t.equal(code, 1)
    const changed = { old, new: now, review: { nonResourceAttributes: { path: '/old', verb: 'get' } } }
    t.match(JSON.parse(stdout.split('\n')[0] ?? ''), changed)
  }
  t.match(await run(policyDiff, ['--policy-strict', 'pod.json', 'same.json']), {
    code: 0,
    stderr: /^0 of [1-9]/,
  })
  const recorded = ['--reviews', 'reviews.jsonl', 'own.csv', 'web.csv']
  t.match(await run(policyDiff, recorded), { code: 1, stderr: '1 of 1 reviews change\n' })
  t.match(await run(policyDiff, ['--namespace-format', '%n-%i', ...recorded]), {
    code: 0,
    stderr: /^0 of 1 /,
  })
  const torn = run(policyDiff, ['--reviews', 'torn.jsonl', 'own.csv', 'web.csv'])
  await t.rejects(torn, { code: 'CONFIG_INVALID', message: /torn\.jsonl, line 2/ })
})

t.test('policy explain asks with each of its flags, and 0 means allowed alone', async (t) => {
  const run = files(t, {
    'who.csv': `p, user:ann & group:g & role:r & project:p1 & project-name:web, n, apps.example.org, things/scale, x, get, *, allow
p, role:own, $own, -, pods, *, get, *, allow\np, role:no, *, *, *, *, *, *, deny\n`,
    'pod.json': POD,
  })
  const who = ['--as', 'ann', '--as-group', 'g', '--role', 'r', '--project', 'p1', '--project-name', 'web']
  const what = ['-n', 'n', 'get', 'things.apps.example.org/scale', 'x']
  const explain = (...argv: string[]) => run(policyExplain, ['--policy', 'who.csv', ...argv])
  t.match(await explain(...who, ...what), {
    code: 0,
    stdout: /^allow: allowed by who\.csv:1\n {2}p, user:ann/,
  })
  t.match(await explain(...who, ...what.slice(0, -1)), { code: 1, stdout: /near: who\.csv:1 but for name\n/ })
  t.match(await explain('--role', 'no', ...what), { code: 1, stdout: /^deny: denied by who\.csv:3/ })
  const own = ['--role', 'own', '--project', 'p1', '--project-name', 'web', '-n', 'web-p1', 'get', 'pods']
  t.match(await explain(...own), { code: 1, stdout: /near: who\.csv:2 but for namespace/ })
  t.match(await explain('--namespace-format', '%n-%i', ...own), { code: 0 })
  const exec = ['--policy', 'pod.json', '-n', 'p1', 'create', 'pods/exec']
  for (const [flags, code] of [
    [[], 0],
    [['--policy-strict'], 1],
  ] as const)
    t.match(await run(policyExplain, [...flags, ...exec]), { code })
})

t.test('policy test reads policies beside the cases; a flag takes their place', async (t) => {
  const one = (expect: string, review: unknown) => ({ name: expect, expect, review })
  const own = onPods('web-p1')
  const run = files(t, {
    'a.csv': 'p2, *, /a, get, allow\np2, *, /c, get, deny\n',
    'cases.yaml': JSON.stringify({
      policies: ['a.csv'],
      cases: [one('allow', onPath('/a')), one('deny', onPath('/c')), one('none', { spec: onPath('/d') })],
    }),
    'odd.yaml': JSON.stringify({
      policies: ['a.csv'],
      cases: [one('none', { user: 7 }), one('none', onPath('/c'))],
    }),
    'own.csv': 'p, *, $own, -, pods, *, get, *, allow\n',
    'own.yaml': JSON.stringify({ cases: [one('allow', own)] }),
    pod: `${POD} and more`,
    'pod.yaml': JSON.stringify({
      policies: ['pod'],
      cases: [one('allow', { ...keystone({ resourceAttributes: EXEC }), groups: undefined, group: ['g'] })],
    }),
    'half.csv': 'p2, *, /a, get, allow\np2, who:x, /b, get, allow\n',
  })
  const test = (...argv: string[]) => run(policyTest, argv)
  t.match(await test('cases.yaml'), { code: 0, stdout: '3 passed, 0 failed\n' })
  t.match(await test('--policy', 'own.csv', 'cases.yaml'), { code: 1, stdout: /1 passed, 2 failed\n$/ })
  t.match(await test('odd.yaml'), {
    code: 1,
    stdout: /none: spec.user: .*\nfailed: none: expected none, got deny/,
  })
  t.match(await test('--policy', 'own.csv', 'own.yaml'), { code: 1 })
  t.match(await test('--policy', 'own.csv', '--namespace-format', '%n-%i', 'own.yaml'), { code: 0 })
  t.match(await test('pod.yaml'), { code: 0, stdout: '1 passed, 0 failed\n' })
  t.match(await test('--policy-strict', 'pod.yaml'), { code: 1 })
  await t.rejects(test('--policy', 'half.csv', 'cases.yaml'), { code: 'POLICY_INVALID', message: /line 2/ })
})
