import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { NAMESPACES, ROLE_BINDINGS } from '../../src/kubernetes/object.ts'
import type { Step } from '../../src/sync/plan.ts'
import type { Execution } from '../../src/sync/plan-execution.ts'
import { createReconcileLoop } from '../../src/sync/reconcile-loop.ts'
import type { Comparison } from '../../src/sync/reconciler.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { recordLog } from '../support/recorded-log.ts'
import { settled } from '../support/settled.ts'

const START = Date.parse('2026-06-01T00:00:00Z')
const comparison = (more: Partial<Comparison> = {}, obstacles = 0): Comparison => ({
  plan: {
    stages: [],
    obstacles: Array.from({ length: obstacles }, (_, index) => ({
      resource: NAMESPACES,
      name: `n${index}`,
      what: 'not_ours' as const,
    })),
    vanished: [],
    owned: 8,
    removals: 0,
  },
  projects: 3,
  refused: undefined,
  templateFault: undefined,
  ...more,
})
const execution = (more: Partial<Execution> = {}): Execution => ({
  done: { create: 0, update: 0, delete: 0 },
  skipped: 0,
  failures: [],
  interrupted: false,
  ...more,
})
const failure = (action: 'create' | 'delete', resource: typeof NAMESPACES, refusal: string) => ({
  step: { action, resource, name: 'x', reason: 'missing' } as Step,
  refusal,
})

/** A loop of ten minutes over a reconciler that does what the test says; a run takes two seconds. */
function world() {
  const manual = createManualClock()
  let spent = 0
  const clock = { ...manual, now: () => manual.now() + spent, monotonic: () => manual.monotonic() + spent }
  const { log, lines } = recordLog()
  const lead = new AbortController()
  const metrics = { ran: [] as unknown[], changed: [] as unknown[] }
  type Watched = { leading(): boolean; obstacles(): number; lastSuccess(): number | undefined }
  let watched: Watched | undefined
  const state = {
    wanted: true,
    plan: async (): Promise<Comparison> => comparison(),
    apply: async (_signal: AbortSignal): Promise<Execution> => execution(),
    applied: [] as Comparison[],
  }
  const leading = () => !lead.signal.aborted
  const loop = createReconcileLoop({
    reconciler: {
      async plan() {
        spent += 2000
        return state.plan()
      },
      async apply(found, signal) {
        state.applied.push(found)
        return state.apply(signal)
      },
    },
    wanted: () => state.wanted,
    intervalMs: 600_000,
    clock,
    log,
    metrics: {
      ran: (...args) => void metrics.ran.push(args),
      changed: (...args) => void metrics.changed.push(args),
      watch(values) {
        watched = values
      },
    },
    leading,
  })
  const gauges = () => [watched?.leading(), watched?.obstacles(), watched?.lastSuccess()]
  return { clock, lines, lead, metrics, state, loop, gauges }
}

t.test('a run that changes nothing says so, and when it ended', async (t) => {
  const { clock, lines, lead, metrics, state, loop, gauges } = world()
  t.strictSame(gauges(), [true, 0, undefined])
  const found = comparison({}, 2)
  state.plan = async () => found
  void loop.run(lead.signal)
  await settled()
  t.strictSame(metrics, {
    ran: [['unchanged', 2000]],
    changed: [
      ['create', 0],
      ['update', 0],
      ['delete', 0],
    ],
  })
  t.strictSame(lines, [
    {
      level: 'info',
      msg: 'Reconciled',
      ...{ projects: 3, owned: 8, create: 0, update: 0, delete: 0, skipped: 0, failed: 0, obstacles: 2 },
      milliseconds: 2000,
    },
  ])
  t.strictSame(state.applied, [found])
  t.equal(loop.fault(), undefined)
  t.strictSame(gauges(), [true, 2, START + 2000], 'in wall time')
  t.equal(clock.now(), START + 2000)
  lead.abort()
  t.equal(gauges()[0], false)
})

t.test('a run that changes something counts each action', async (t) => {
  for (const done of [
    { create: 1, update: 0, delete: 0 },
    { create: 0, update: 2, delete: 0 },
    { create: 0, update: 0, delete: 3 },
  ]) {
    const { lead, metrics, state, loop } = world()
    state.apply = async () => execution({ done, skipped: 4 })
    void loop.run(lead.signal)
    await settled()
    t.strictSame(metrics, { ran: [['changed', 2000]], changed: Object.entries(done) })
    lead.abort()
  }
})

t.test(
  'the next run begins an interval after the end of the one before, whatever the wall clock says',
  async (t) => {
    const { clock, lead, metrics, loop } = world()
    void loop.run(lead.signal)
    await settled()
    clock.setWallBy(86_400_000)
    await clock.advance(599_999)
    await settled()
    t.equal(metrics.ran.length, 1)
    await clock.advance(1)
    await settled()
    t.strictSame(metrics.ran, [
      ['unchanged', 2000],
      ['unchanged', 2000],
    ])
    lead.abort()
  },
)

t.test('nothing is compared while nothing is wanted, and the loop goes on', async (t) => {
  const { clock, lead, metrics, state, loop } = world()
  state.wanted = false
  void loop.run(lead.signal)
  await settled()
  await clock.advance(600_000)
  await settled()
  t.strictSame([metrics.ran, state.applied], [[], []])
  state.wanted = true
  await clock.advance(600_000)
  await settled()
  t.equal(metrics.ran.length, 1)
  lead.abort()
})

t.test('the end of the lead ends the run and its fault, and nothing is compared afterwards', async (t) => {
  const { clock, lead, metrics, state, loop, gauges } = world()
  state.apply = async (signal) => {
    t.equal(signal, lead.signal)
    lead.abort()
    return execution({ interrupted: true, done: { create: 1, update: 0, delete: 0 } })
  }
  await loop.run(lead.signal)
  t.strictSame(metrics.ran, [['interrupted', 2000]])
  t.equal(gauges()[2], undefined, 'that is no success')
  await clock.advance(1_200_000)
  t.equal(metrics.ran.length, 1)
  await loop.run(lead.signal)
  t.equal(metrics.ran.length, 1, 'a lead that is over already compares nothing')
})

t.test('a run that fails is an error with its code, and the loop goes on', async (t) => {
  const { clock, lines, lead, metrics, state, loop, gauges } = world()
  for (const [error, line, outcome] of [
    [new PortcullisError('HTTP_TIMEOUT', 'no answer'), { code: 'HTTP_TIMEOUT', err: 'no answer' }, 'failed'],
    [
      new PortcullisError('SYNC_TOO_MANY_REMOVALS', 'many'),
      { code: 'SYNC_TOO_MANY_REMOVALS', err: 'many' },
      'refused',
    ],
    [new Error('odd'), { err: 'odd' }, 'failed'],
  ] as const) {
    state.plan = async () => comparison({}, 5)
    state.apply = () => Promise.reject(error)
    if (metrics.ran.length === 0) void loop.run(lead.signal)
    else await clock.advance(600_000)
    await settled()
    t.equal(loop.fault(), line.err)
    t.strictSame(metrics.ran.at(-1), [outcome, 2000])
    t.strictSame(lines.at(-1), { level: 'error', ...line, msg: 'Could not reconcile' })
    t.strictSame(gauges().slice(1), [5, undefined], 'what is in the way is known all the same')
  }
  state.apply = async () => execution()
  await clock.advance(600_000)
  await settled()
  t.equal(loop.fault(), undefined)
  t.strictSame(metrics.ran.at(-1), ['unchanged', 2000])
  state.plan = () => Promise.reject(new Error('gone'))
  await clock.advance(600_000)
  await settled()
  t.equal(loop.fault(), 'gone')
  lead.abort()
  await settled()
  t.equal(loop.fault(), undefined, 'who does not lead has no fault')
})

t.test('refused changes are a fault, with one line for each kind and no name', async (t) => {
  const { lines, lead, metrics, state, loop, gauges } = world()
  const failures = [
    failure('create', ROLE_BINDINGS, 'forbidden'),
    failure('create', NAMESPACES, 'forbidden'),
    failure('create', ROLE_BINDINGS, 'forbidden'),
    failure('create', ROLE_BINDINGS, 'invalid'),
    failure('delete', ROLE_BINDINGS, 'forbidden'),
  ]
  state.apply = async () => execution({ failures, done: { create: 1, update: 0, delete: 0 } })
  void loop.run(lead.signal)
  await settled()
  t.match(lines[0], { msg: 'Reconciled', failed: 5, create: 1 })
  const line = (action: string, resource: string, refusal: string, count: number) => ({
    ...{ level: 'error', action, resource, refusal, count },
    msg: 'The Kubernetes API refused changes',
  })
  t.strictSame(lines.slice(1), [
    line('create', 'rolebindings', 'forbidden', 2),
    line('create', 'namespaces', 'forbidden', 1),
    line('create', 'rolebindings', 'invalid', 1),
    line('delete', 'rolebindings', 'forbidden', 1),
  ])
  t.match(loop.fault(), /refused 5 changes/)
  t.strictSame(metrics.ran, [['incomplete', 2000]])
  t.equal(gauges()[2], undefined)
  lead.abort()
})

t.test('a template that is not usable is a fault, although the rest was done', async (t) => {
  const { lines, lead, metrics, state, loop } = world()
  state.plan = async () => comparison({ templateFault: 'a.yaml: broken' })
  state.apply = async () => execution({ done: { create: 1, update: 0, delete: 0 } })
  void loop.run(lead.signal)
  await settled()
  t.strictSame(lines.slice(1), [
    { level: 'error', err: 'a.yaml: broken', msg: 'Kept the old template, the new one is not usable' },
  ])
  t.match(loop.fault(), /template/)
  t.strictSame(metrics.ran, [['incomplete', 2000]])
  lead.abort()
})
