import t from 'tap'
import { createReviewRecorder } from '../../src/authz/review-recorder.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { recordLog } from '../support/recorded-log.ts'
import { requestOf } from './support/authz-tools.ts'

const REQUEST = requestOf({ nonResourceAttributes: {} })
const ROLES = 'alpha.kubernetes.io/identity/roles'

/** A recorder and what it has written, one item for each time that it wrote. */
function recorderWorld() {
  const clock = createManualClock()
  const { log, lines } = recordLog()
  const written: string[] = []
  const world = {
    clock,
    lines,
    written,
    fault: undefined as unknown,
    record: (spec: unknown, kind: 'allow' | 'deny' | 'none' = 'allow') =>
      observe(spec, REQUEST, { kind, rule: undefined, failed: false }),
    /** All lines that were written, as values. */
    recorded: () => written.flatMap((lines) => lines.split('\n')).map((line) => JSON.parse(line)),
  }
  const file = {
    append(lines: string) {
      if (world.fault !== undefined) throw world.fault
      written.push(lines)
    },
  }
  const observe = createReviewRecorder({ file, clock, log })
  return world
}

t.test('what was asked and answered is one line of JSON', async (t) => {
  const { clock, record, recorded } = recorderWorld()
  const resource = {
    user: 'alice',
    uid: 'u1',
    groups: ['g1', 'g2'],
    resourceAttributes: { verb: 'get', resource: 'pods', namespace: 'a' },
    extra: { [ROLES]: ['member', 'reader'], 'alpha.kubernetes.io/identity/project/id': ['p1'] },
  }
  const path = { user: 'bob', group: ['g3'], nonResourceAttributes: { verb: 'get', path: '/x' }, extra: {} }
  record(resource, 'allow')
  record(path, 'deny')
  record({ user: '' }, 'none')
  await clock.advance(100)
  t.strictSame(recorded(), [
    { spec: resource, decision: 'allow' },
    { spec: path, decision: 'deny' },
    { spec: { user: '' }, decision: 'none' },
  ])
})

t.test("of extra only Keystone's identity is recorded, and no unknown field", async (t) => {
  const { clock, record, recorded } = recorderWorld()
  record({
    user: 'alice',
    token: 'secret',
    extra: {
      [ROLES]: ['member'],
      'authentication.kubernetes.io/credential-id': ['JTI=secret'],
      'x-alpha.kubernetes.io/identity/roles': ['secret'],
      'alpha.kubernetes.io/identity': ['secret'],
    },
  })
  record({ user: 'bob', extra: ['secret'] })
  record({ user: 'carol', extra: null })
  await clock.advance(100)
  t.strictSame(recorded(), [
    { spec: { user: 'alice', extra: { [ROLES]: ['member'] } }, decision: 'allow' },
    { spec: { user: 'bob' }, decision: 'allow' },
    { spec: { user: 'carol' }, decision: 'allow' },
  ])
})

t.test('no answer waits for the disk: lines are written together, a tenth of a second later', async (t) => {
  const { clock, written, record, recorded } = recorderWorld()
  record({ user: 'a' })
  await clock.advance(60)
  record({ user: 'b' })
  await clock.advance(39)
  t.strictSame(written, [])
  await clock.advance(1)
  t.equal(written.length, 1)
  await clock.advance(1000)
  t.equal(written.length, 1, 'nothing is written twice, or for nothing')
  record({ user: 'c' })
  await clock.advance(100)
  t.equal(written.length, 2)
  t.strictSame(
    recorded().map(({ spec }) => spec.user),
    ['a', 'b', 'c'],
  )
})

t.test(
  'at most 1024 lines wait, the first ones, and there is room again once they are written',
  async (t) => {
    const { clock, record, recorded } = recorderWorld()
    for (let number = 0; number < 1030; number++) record({ user: `u${number}` })
    await clock.advance(100)
    t.equal(recorded().length, 1024)
    t.equal(recorded().at(-1).spec.user, 'u1023')
    record({ user: 'later' })
    await clock.advance(100)
    t.equal(recorded().length, 1025)
    t.equal(recorded().at(-1).spec.user, 'later')
  },
)

t.test('a line of 64 KiB is written, a longer one is left out, and the others are not', async (t) => {
  const { clock, written, record } = recorderWorld()
  const around = JSON.stringify({ spec: { user: '' }, decision: 'allow' }).length
  record({ user: 'x'.repeat(65_537 - around) })
  await clock.advance(1000)
  t.strictSame(written, [], 'nothing to write')
  record({ user: 'x'.repeat(65_536 - around) })
  record({ user: 'y' })
  await clock.advance(100)
  t.strictSame(
    written.flatMap((lines) => lines.split('\n')).map((line) => line.length),
    [65_536, around + 1],
  )
})

t.test('a spec that is no object is not recorded', async (t) => {
  const { clock, written, record } = recorderWorld()
  for (const spec of [null, undefined, 'text', ['list'], 7]) record(spec)
  await clock.advance(1000)
  t.strictSame(written, [])
})

t.test('a disk that refuses is logged with its code, and recording goes on', async (t) => {
  const world = recorderWorld()
  const { clock, lines, record, recorded } = world
  const faults: [fault: unknown, err: string][] = [
    [Object.assign(new Error('holds a path'), { code: 'ENOSPC' }), 'ENOSPC'],
    [new Error('no code'), 'unknown'],
  ]
  for (const [fault, err] of faults) {
    world.fault = fault
    record({ user: 'lost' })
    await clock.advance(100)
    const { level, err: logged, msg, ...more } = lines.at(-1) ?? {}
    t.strictSame([level, logged, more], ['error', err, {}])
    t.match(msg, /record/)
  }
  t.equal(lines.length, 2)
  world.fault = undefined
  record({ user: 'kept' })
  await clock.advance(100)
  t.strictSame(
    recorded().map(({ spec }) => spec.user),
    ['kept'],
  )
})
