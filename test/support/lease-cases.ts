import type { Test } from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { LEASE, leaseWorld } from './lease-api.ts'

export const DOWN = new PortcullisError('HTTP_UNREACHABLE', 'down')
export const OTHER = { holderIdentity: 'other', leaseDurationSeconds: 10, leaseTransitions: 4 }
export const LEADS = { level: 'info', msg: 'Leads' }
export const noLonger = (why: string) => ({ level: 'warn', why, msg: 'Leads no longer' })

/** What one candidate sends and when it leads, to the millisecond. */
export function leaseCases(t: Test): void {
  t.test(
    'a Lease that is missing is made, then renewed every fifth of its life in its version',
    async (t) => {
      const { advance, sent, leads, lines, election, clock } = await leaseWorld(t)
      const [first, renewed] = ['2026-06-01T00:00:00.000000Z', '2026-06-01T00:00:02.000000Z']
      const spec = { holderIdentity: 'one', leaseDurationSeconds: 10 }
      t.strictSame(sent(), [
        ['get', LEASE],
        [
          'create',
          { metadata: LEASE, spec: { ...spec, renewTime: first, acquireTime: first, leaseTransitions: 0 } },
        ],
      ])
      t.strictSame([leads.length, lines, election.leading()], [1, [LEADS], true])
      await advance(1999)
      t.strictSame(sent(), [])
      await advance(1)
      t.strictSame(sent(), [
        ['patch', LEASE, { metadata: { resourceVersion: 'w1' }, spec: { ...spec, renewTime: renewed } }],
      ])
      clock.setWallBy(86_400_000)
      await advance(2000)
      t.strictSame(sent(), [
        [
          'patch',
          LEASE,
          {
            metadata: { resourceVersion: 'w2' },
            spec: { ...spec, renewTime: '2026-06-02T00:00:04.000000Z' },
          },
        ],
      ])
      await advance(60_000)
      t.strictSame([leads.length, leads[0]?.aborted, election.leading()], [1, false, true])
    },
  )

  t.test('a Lease without a holder, or of this very candidate, is taken over at once', async (t) => {
    for (const holderIdentity of ['', undefined, 7, 'one']) {
      const { sent, leads } = await leaseWorld(t, { spec: { ...OTHER, holderIdentity }, version: 'v3' })
      t.match(sent(), [
        ['get', LEASE],
        [
          'patch',
          LEASE,
          { metadata: { resourceVersion: 'v3' }, spec: { holderIdentity: 'one', leaseTransitions: 5 } },
        ],
      ])
      t.equal(leads.length, 1)
    }
    for (const spec of [undefined, 'text', { leaseTransitions: 1.5 }, { leaseTransitions: '4' }]) {
      const { sent } = await leaseWorld(t, { spec: spec as never })
      t.match(sent()[1], ['patch', LEASE, { spec: { leaseTransitions: 1 } }])
    }
  })

  t.test('the Lease of another is taken over when it has not changed for as long as it says', async (t) => {
    for (const [leaseDurationSeconds, seconds] of [
      [4, 4],
      [10, 10],
      ['6', 6],
      [1, 2],
      [3600, 3600],
      [0, 3600],
      [3601, 3600],
      [undefined, 3600],
      ['soon', 3600],
    ] as const) {
      const { advance, leads, election, clock } = await leaseWorld(t, {
        spec: { ...OTHER, leaseDurationSeconds },
        // a look at each full minute is enough for an hour
        leaseMs: seconds === 3600 ? 300_000 : 10_000,
      })
      clock.setWallBy(86_400_000)
      await advance(seconds * 1000 - 1)
      t.notOk(election.leading(), `${leaseDurationSeconds}: not before ${seconds} s`)
      await advance(1)
      t.ok(election.leading(), `${leaseDurationSeconds}: after ${seconds} s`)
      t.equal(leads.length, 1)
    }
  })

  t.test('a Lease that its holder renews stays its holder’s, whatever times it writes', async (t) => {
    const { advance, put, sent, election } = await leaseWorld(t, { spec: OTHER })
    for (let time = 0; time < 5; time += 1) {
      await advance(8000)
      put({ ...OTHER, renewTime: '2020-01-01T00:00:00.000000Z' })
    }
    await advance(9999)
    t.notOk(election.leading())
    t.ok((sent() as string[][]).every(([verb]) => verb === 'get'))
    await advance(4000)
    t.ok(election.leading(), 'until it does so no more')
  })

  t.test('the lead ends before the Lease does when it cannot be renewed', async (t) => {
    const { advance, state, leads, lines, election } = await leaseWorld(t)
    await advance(2000)
    state.fault = () => DOWN
    await advance(6666)
    t.ok(election.leading())
    t.equal(election.fault(), 'down')
    await advance(1)
    t.strictSame([election.leading(), leads[0]?.aborted], [false, true])
    t.strictSame(lines, [
      LEADS,
      { level: 'warn', err: 'down', msg: 'The lease cannot be had' },
      noLonger('not renewed in time'),
    ])
    state.fault = () => undefined
    await advance(2000)
    t.strictSame(
      [election.leading(), election.fault(), leads.length],
      [true, undefined, 2],
      'it is its own still',
    )
    t.equal(leads[1]?.aborted, false, 'a lead of its own')
  })

  t.test('an answer that comes when the lead would be over is no lead', async (t) => {
    const { advance, state, election, leads } = await leaseWorld(t, { spec: OTHER })
    const held = Promise.withResolvers<void>()
    state.fault = (verb) => (verb === 'patch' ? held.promise : undefined)
    await advance(10_000)
    await advance(6667)
    held.resolve()
    await advance(0)
    t.strictSame([election.leading(), leads.length], [false, 0])
    state.fault = () => undefined
    await advance(2000)
    t.ok(election.leading())
  })

  t.test('the time of a lead counts from the question, not from the answer', async (t) => {
    const { advance, state, election } = await leaseWorld(t)
    const held = Promise.withResolvers<void>()
    state.fault = (verb) => (verb === 'patch' ? held.promise : undefined)
    await advance(6000)
    held.resolve()
    await advance(0)
    state.fault = () => DOWN
    t.ok(election.leading())
    await advance(2666)
    t.ok(election.leading())
    await advance(1)
    t.notOk(election.leading(), '6667 ms after 2000')
  })

  t.test('a candidate whose Lease another has written steps down, and is not in a fault', async (t) => {
    for (const refusal of ['conflict', 'absent'] as const) {
      const { advance, put, state, leads, lines, election } = await leaseWorld(t)
      if (refusal === 'conflict') put(OTHER)
      else state.lease = undefined
      await advance(2000)
      t.strictSame(
        [election.leading(), leads[0]?.aborted, election.fault()],
        [false, true, undefined],
        refusal,
      )
      t.strictSame(lines, [LEADS, noLonger('another has the lease')])
      if (refusal === 'absent') {
        await advance(2000)
        t.ok(election.leading(), 'a Lease that is gone is made again')
      }
    }
  })

  t.test('one who comes too late is not in a fault; one who is refused is', async (t) => {
    for (const [verb, refusal, fault] of [
      ['create', 'exists', false],
      ['create', 'conflict', false],
      ['create', 'forbidden', true],
      ['patch', 'conflict', false],
      ['patch', 'absent', false],
      ['patch', 'forbidden', true],
      ['get', 'forbidden', true],
    ] as const) {
      const free = { spec: { ...OTHER, holderIdentity: '' } }
      const { advance, state, lines, election } = await leaseWorld(t, { spec: OTHER })
      if (verb === 'create') state.lease = undefined
      else state.lease = { ...free, version: 'v1' }
      state.fault = (called) => (called === verb ? refusal : undefined)
      await advance(2000)
      const text = `${verb} ${refusal}`
      t.notOk(election.leading(), text)
      if (!fault) t.strictSame([election.fault(), lines], [undefined, []], text)
      else {
        t.match(election.fault(), new RegExp(`Lease \\(${refusal}\\).*RBAC`), text)
        await advance(2000)
        t.match(lines, [{ level: 'warn', err: new RegExp(refusal), msg: 'The lease cannot be had' }], text)
        t.equal(lines.length, 1, 'said once')
      }
      state.fault = () => undefined
      await advance(2000)
      t.strictSame([election.leading(), election.fault()], [true, undefined], text)
    }
  })

  t.test('a renewal that is refused is a fault while the lead lasts', async (t) => {
    const { advance, state, election } = await leaseWorld(t)
    state.fault = () => 'forbidden'
    await advance(2000)
    t.ok(election.leading())
    t.match(election.fault(), /forbidden/)
    await advance(4667)
    t.notOk(election.leading())
  })

  t.test('looks are spread by a fifth, so that replicas do not come together', async (t) => {
    for (const [chance, ms] of [
      [0, 1600],
      [0.25, 1800],
      [1, 2400],
    ] as const) {
      const { advance, sent } = await leaseWorld(t, { chance })
      sent()
      await advance(ms - 1)
      t.strictSame(sent(), [])
      await advance(1)
      t.equal(sent().length, 1, `after ${ms} ms`)
    }
  })

  t.test('a renewal that is answered with no after the lead is over changes nothing more', async (t) => {
    const { advance, put, state, lines, election } = await leaseWorld(t)
    const held = Promise.withResolvers<void>()
    state.fault = (verb) => (verb === 'patch' ? held.promise : undefined)
    await advance(6667)
    put(OTHER)
    held.resolve()
    await advance(0)
    t.strictSame([election.leading(), election.fault()], [false, undefined])
    t.strictSame(lines, [LEADS, noLonger('not renewed in time')])
  })
}
