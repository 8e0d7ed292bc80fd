import t from 'tap'
import { executionText, planText, syncJson } from '../../src/commands/sync-report.ts'
import { PortcullisError } from '../../src/errors.ts'
import { NAMESPACES, ROLE_BINDINGS } from '../../src/kubernetes/object.ts'
import type { Step } from '../../src/sync/plan.ts'
import type { Execution } from '../../src/sync/plan-execution.ts'

const REVOKED: Step = {
  ...{ action: 'delete', reason: 'project_deleted', resource: ROLE_BINDINGS },
  ...{ namespace: 'n', name: 'u_\x1b[2J', uid: 'secret-uid' },
}
const MISSING: Step = {
  ...{ action: 'create', reason: 'missing', resource: NAMESPACES, name: 'new' },
  object: { metadata: { name: 'new' } },
}
const COMPARISON = {
  plan: {
    stages: [[REVOKED], [MISSING]],
    obstacles: [
      { resource: NAMESPACES, name: 'other', what: 'not_ours' },
      { resource: NAMESPACES, name: 'old', what: 'unclear' },
    ],
    ...{ vanished: [], owned: 7, removals: 1 },
  },
  ...{ projects: 3, refused: undefined, templateFault: undefined },
} as const
const EXECUTION: Execution = {
  done: { create: 1, update: 0, delete: 2 },
  skipped: 4,
  failures: [{ step: REVOKED, refusal: 'forbidden' }],
  interrupted: false,
}

t.test('a plan has a line for each step and each obstacle, which steers no terminal', async (t) => {
  t.equal(
    planText(COMPARISON),
    [
      'delete RoleBinding   n/u_?[2J  (project deleted)',
      'create Namespace     new  (missing)',
      'note:  Namespace     other is not ours',
      'note:  Namespace     old is ours, but does not say of which project',
      '3 projects, 7 owned objects: 1 to create, 0 to update, 1 to delete\n',
    ].join('\n'),
  )
})

t.test('what was done is counted by action, and each refusal is named', async (t) => {
  t.equal(
    executionText(EXECUTION),
    'failed: delete RoleBinding n/u_?[2J: forbidden\n1 created, 0 updated, 2 deleted, 4 overtaken by others, 1 failed\n',
  )
})

t.test('the JSON has all of it by the words of the plan', async (t) => {
  const plan = {
    ...{ projects: 3, owned: 7, removals: 1 },
    steps: [
      {
        ...{ action: 'delete', kind: 'RoleBinding', namespace: 'n', name: 'u_\x1b[2J' },
        reason: 'project_deleted',
      },
      { action: 'create', kind: 'Namespace', name: 'new', reason: 'missing' },
    ],
    obstacles: [
      { kind: 'Namespace', name: 'other', what: 'not_ours' },
      { kind: 'Namespace', name: 'old', what: 'unclear' },
    ],
  }
  t.strictSame(JSON.parse(syncJson(COMPARISON, undefined)), plan)
  const refused = new PortcullisError('SYNC_TOO_MANY_REMOVALS', 'too many')
  t.strictSame(JSON.parse(syncJson({ ...COMPARISON, refused }, EXECUTION)), {
    ...plan,
    refused: 'SYNC_TOO_MANY_REMOVALS',
    done: { create: 1, update: 0, delete: 2 },
    skipped: 4,
    failed: [
      {
        ...{ action: 'delete', kind: 'RoleBinding', namespace: 'n', name: 'u_\x1b[2J' },
        refusal: 'forbidden',
      },
    ],
  })
})
