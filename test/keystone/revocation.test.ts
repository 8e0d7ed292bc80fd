import t from 'tap'
import { PortcullisError } from '../../src/errors.ts'
import { revokeToken } from '../../src/keystone/revocation.ts'
import { scriptKeystone } from '../support/scripted-keystone.ts'

const { signal } = new AbortController()

t.test('a token ends itself, and each answer has its own outcome', async (t) => {
  for (const [status, outcome] of [
    [204, 'revoked'],
    [401, 'gone'],
    [200, 'kept'],
    [400, 'kept'],
    [403, 'kept'],
    [404, 'kept'],
  ] as const) {
    const { call, calls } = scriptKeystone(() => ({ status }))
    t.equal(await revokeToken({ call, url: 'http://h/v3', token: 'tok', signal }), outcome, `${status}`)
    t.strictSame(calls, [
      {
        operation: 'revoke',
        method: 'DELETE',
        url: 'http://h/v3/auth/tokens',
        headers: {
          'x-auth-token': 'tok',
          'x-subject-token': 'tok',
          'openstack-identity-access-rules': '1.0',
        },
        signal,
        retry: true,
      },
    ])
    t.equal(calls[0]?.signal, signal)
  }
})

t.test('a revocation that cannot be sent is an error', async (t) => {
  const { call } = scriptKeystone(() => new PortcullisError('HTTP_UNREACHABLE', 'down'))
  await t.rejects(revokeToken({ call, url: 'http://h/v3', token: 'tok', signal }), {
    code: 'HTTP_UNREACHABLE',
  })
})
