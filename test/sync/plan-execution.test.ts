import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import type { Refusal } from '../../src/kubernetes/answer.ts'
import type { KubernetesClient } from '../../src/kubernetes/client.ts'
import { NAMESPACES, ROLE_BINDINGS } from '../../src/kubernetes/object.ts'
import type { Plan, Step } from '../../src/sync/plan.ts'
import { execute } from '../../src/sync/plan-execution.ts'

const SIGNAL = new AbortController().signal
const common = { resource: ROLE_BINDINGS, namespace: 'web', reason: 'different' } as const
const create = (name: string): Step => ({
  ...common,
  action: 'create',
  name,
  object: { metadata: { name, namespace: 'web' } },
})
const update = (name: string): Step => ({
  ...common,
  action: 'update',
  name,
  patch: { metadata: { resourceVersion: `v-${name}` } },
})
const remove = (name: string): Step => ({ ...common, action: 'delete', name, uid: `uid-${name}` })
const STEP = { create, update, delete: remove }
const planOf = (...stages: readonly (readonly Step[])[]): Plan => ({
  stages,
  obstacles: [],
  vanished: [],
  owned: 0,
  removals: 0,
})
const OK = { metadata: { name: 'x' } }
const down = () => new PortcullisError('HTTP_UNREACHABLE', 'down')

/** An API server that notes what it is sent and answers when the test says so. */
function apiserver(
  answerOf: (name: string) => Refusal | Error | undefined | Promise<undefined> = () => undefined,
) {
  const sent: unknown[][] = []
  const names: string[] = []
  let [running, most] = [0, 0]
  async function answer<T>(name: string, good: T): Promise<T | Refusal> {
    names.push(name)
    running += 1
    most = Math.max(most, running)
    const found = await answerOf(name)
    running -= 1
    if (found instanceof Error) throw found
    return found ?? good
  }
  const unused = () => Promise.reject(new Error('not for plans'))
  const client: KubernetesClient = {
    ...{ get: unused, list: unused, apply: unused, openWatch: unused },
    create(...args) {
      sent.push(['create', ...args])
      return answer(args[1].metadata.name, OK)
    },
    patch(...args) {
      sent.push(['patch', ...args])
      return answer(args[1].name, OK)
    },
    delete(...args) {
      sent.push(['delete', ...args])
      return answer(args[1].name, 'deleted' as const)
    },
  }
  return { client, sent, names: () => [...names], most: () => most }
}

t.test(
  'a step is sent with its name, and a delete holds for the very object that was looked at',
  async (t) => {
    const { client, sent } = apiserver()
    const { namespace, ...cluster } = { ...update('n'), resource: NAMESPACES }
    const gone: Step = {
      action: 'delete',
      resource: NAMESPACES,
      name: 'old',
      uid: 'u9',
      reason: 'grace_over',
    }
    const plan = planOf([remove('a')], [create('b')], [update('c')], [cluster as Step], [gone])
    t.strictSame(await execute(plan, client, SIGNAL), {
      done: { create: 1, update: 2, delete: 2 },
      skipped: 0,
      failures: [],
      interrupted: false,
    })
    t.strictSame(sent, [
      ['delete', ROLE_BINDINGS, { name: 'a', namespace: 'web', uid: 'uid-a' }],
      ['create', ROLE_BINDINGS, { metadata: { name: 'b', namespace: 'web' } }],
      ['patch', ROLE_BINDINGS, { name: 'c', namespace: 'web' }, { metadata: { resourceVersion: 'v-c' } }],
      ['patch', NAMESPACES, { name: 'n' }, { metadata: { resourceVersion: 'v-n' } }],
      ['delete', NAMESPACES, { name: 'old', uid: 'u9' }],
    ])
  },
)

t.test('what others did meanwhile is skipped, and every other refusal is a failure', async (t) => {
  const refusals = ['absent', 'exists', 'conflict', 'forbidden', 'terminating', 'invalid', 'expired'] as const
  const overtaken = {
    create: ['exists', 'terminating'],
    update: ['absent', 'conflict', 'terminating'],
    delete: ['absent', 'conflict'],
  }
  for (const action of ['create', 'update', 'delete'] as const)
    for (const refusal of refusals) {
      const { client } = apiserver((name) => (name === 'bad' ? refusal : undefined))
      const step = STEP[action]('bad')
      const skipped = (overtaken[action] as readonly string[]).includes(refusal)
      t.strictSame(
        await execute(planOf([step, create('next')], [create('last')]), client, SIGNAL),
        {
          done: { create: 2, update: 0, delete: 0 },
          skipped: skipped ? 1 : 0,
          failures: skipped ? [] : [{ step, refusal }],
          interrupted: false,
        },
        `${action} ${refusal}`,
      )
    }
})

t.test('eight steps are under way at a time, and a stage begins when the one before is done', async (t) => {
  const held = Array.from({ length: 20 }, () => Promise.withResolvers<undefined>())
  const { client, names, most } = apiserver((name) => held[Number(name)]?.promise)
  const range = (from: number, to: number) => [...held.keys()].slice(from, to).map(String)
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  const running = execute(planOf(range(0, 10).map(create), range(10, 20).map(remove)), client, SIGNAL)
  await settled()
  t.strictSame(names(), range(0, 8))
  held[0]?.resolve(undefined)
  await settled()
  t.strictSame(names(), range(0, 9))
  for (const one of held.slice(1, 9)) one.resolve(undefined)
  await settled()
  t.strictSame(names(), range(0, 10), 'the second stage waits for the last of the first')
  held[9]?.resolve(undefined)
  await settled()
  t.strictSame(names(), range(0, 18))
  for (const one of held) one.resolve(undefined)
  t.strictSame((await running).done, { create: 10, update: 0, delete: 10 })
  t.equal(most(), 8)
})

t.test('an API server that cannot be reached ends the run: nothing more is begun', async (t) => {
  const steps = Array.from({ length: 30 }, (_, index) => create(String(index)))
  const held = Promise.withResolvers<undefined>()
  const { client, names } = apiserver((name) => (name === '3' ? down() : held.promise))
  await t.rejects(execute(planOf(steps, [remove('later')]), client, SIGNAL), { code: 'HTTP_UNREACHABLE' })
  held.resolve(undefined)
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame(names(), ['0', '1', '2', '3', '4', '5', '6', '7'])
})

t.test('a run that is to end stops between two steps and says so', async (t) => {
  const lead = new AbortController()
  const { client, names } = apiserver((name) => {
    if (name === '2') lead.abort()
    return undefined
  })
  const steps = Array.from({ length: 30 }, (_, index) => create(String(index)))
  const { done, interrupted } = await execute(planOf(steps, [remove('later')]), client, lead.signal)
  t.ok(interrupted)
  t.strictSame(names(), ['0', '1', '2'])
  t.strictSame(done, { create: 3, update: 0, delete: 0 }, 'what was sent is counted')
  const before = apiserver()
  t.strictSame(await execute(planOf(steps), before.client, AbortSignal.abort()), {
    done: { create: 0, update: 0, delete: 0 },
    skipped: 0,
    failures: [],
    interrupted: true,
  })
  t.strictSame(before.names(), [])
})
