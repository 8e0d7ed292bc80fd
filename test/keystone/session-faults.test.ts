import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { createSession } from '../../src/keystone/session.ts'
import { createManualClock } from '../support/manual-clock.ts'
import { scriptKeystone, settled } from '../support/scripted-keystone.ts'

const credentials = () => ({
  method: { kind: 'user', user: { id: 'u' }, password: 'pw', scope: undefined } as const,
  region: undefined,
  interface: 'public' as const,
})

t.test('one whose time is over already neither logs in nor leaves an error behind', async (t) => {
  const { call, calls } = scriptKeystone(() => new PortcullisError('HTTP_UNREACHABLE', 'down'))
  const session = createSession({
    call,
    endpoint: async () => 'http://h/v3',
    credentials,
    clock: createManualClock(),
  })
  const unhandled: unknown[] = []
  const note = (error: unknown) => unhandled.push(error)
  process.on('unhandledRejection', note)
  const over = AbortSignal.abort()
  for (const ask of [session.token(over), session.renewed('x', over), session.serviceUrl('identity', over)])
    await t.rejects(ask, { code: 'HTTP_TIMEOUT' })
  await settled()
  await settled()
  process.off('unhandledRejection', note)
  t.strictSame(unhandled, [])
  t.equal(calls.length, 0)
})
