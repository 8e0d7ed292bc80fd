import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import type { ClusterAccess } from '../../src/kubernetes/cluster-access.ts'
import { openConnection } from '../../src/kubernetes/connection.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { recordLog } from '../support/recorded-log.ts'
import { settled } from '../support/settled.ts'
import { PLAIN } from './client-world.ts'

/** A connection whose credentials the test replaces, and how often they were read. */
function world(t: { teardown(run: () => unknown): void }) {
  const clock = createManualClock()
  const { log, lines } = recordLog()
  const state = {
    access: { server: 'http://k8s', ...PLAIN, token: 'first' } as ClusterAccess | Error,
    reads: 0,
  }
  const connection = openConnection({
    read() {
      state.reads += 1
      if (state.access instanceof Error) throw state.access
      return state.access
    },
    userAgent: 'test',
    connections: 1,
    clock,
    log,
  })
  t.teardown(() => connection.close())
  const change = (more: Partial<ClusterAccess>) => {
    state.access = { ...(state.access as ClusterAccess), ...more }
  }
  return { clock, lines, state, connection, change }
}

t.test(
  'credentials are read again once a minute by the clock that nobody sets, or when asked for',
  async (t) => {
    const { clock, state, connection, change } = world(t)
    change({ token: 'second' })
    clock.setWallBy(86_400_000)
    await clock.advance(59_999)
    t.equal(connection.current().access.token, 'first')
    await clock.advance(1)
    t.equal(connection.current().access.token, 'second')
    await clock.advance(59_999)
    connection.current()
    t.equal(state.reads, 2, 'a minute from the last reading')
    change({ token: 'third' })
    t.equal(connection.current(true).access.token, 'third')
    await clock.advance(59_999)
    connection.current()
    t.equal(state.reads, 3)
  },
)

t.test('a new token or address keeps the connections', async (t) => {
  const { connection, change } = world(t)
  const { http } = connection.current()
  change({ token: 'second', server: 'http://other' })
  const next = connection.current(true)
  t.equal(next.http, http)
  t.equal(next.access.server, 'http://other')
})

t.test(
  'each other part of the credentials asks for new connections; the old ones end when no call uses them',
  async (t) => {
    for (const part of ['ca', 'cert', 'key', 'serverName'] as const) {
      const { clock, connection, change } = world(t)
      const { http } = connection.current()
      let closed = 0
      Object.assign(http, {
        async close() {
          closed += 1
        },
      })
      change({ [part]: 'other' })
      t.not(connection.current(true).http, http, part)
      await clock.advance(119_999)
      t.equal(closed, 0, `${part}: a call may still be under way`)
      await clock.advance(1)
      await settled()
      t.equal(closed, 1, part)
    }
  },
)

t.test('credentials that cannot be read leave the old ones in force, which is logged once', async (t) => {
  const { clock, lines, state, connection, change } = world(t)
  const good = state.access
  state.access = new PortcullisError('KUBECONFIG_INVALID', 'half written')
  t.equal(connection.current(true).access.token, 'first')
  t.equal(connection.current(true).access.token, 'first')
  t.equal(state.reads, 3)
  await clock.advance(59_999)
  connection.current()
  t.equal(state.reads, 3, 'a file that cannot be read is not read at each call')
  const line = {
    level: 'error',
    err: 'half written',
    msg: 'Kept the old credentials for the Kubernetes API',
  }
  t.strictSame(lines, [line])
  state.access = good
  change({ token: 'second' })
  t.equal(connection.current(true).access.token, 'second')
  state.access = new PortcullisError('KUBECONFIG_INVALID', 'half written')
  connection.current(true)
  t.strictSame(lines, [line, line], 'another fault is logged again')
})

t.test('without credentials to begin with there is no connection', async (t) => {
  const read = () => {
    throw new PortcullisError('KUBECONFIG_INVALID', 'none')
  }
  const { log } = recordLog()
  const clock = createManualClock()
  t.throws(() => openConnection({ read, userAgent: 'test', connections: 1, clock, log }), {
    code: 'KUBECONFIG_INVALID',
  })
})
