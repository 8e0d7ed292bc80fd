import t from 'tap'
import { statusObject } from '../../src/server/status.ts'

t.test('a Status names its code, its reason and what is wrong, as kube-apiserver writes it', async (t) => {
  for (const [code, reason] of [
    [400, 'BadRequest'],
    [404, 'NotFound'],
    [405, 'MethodNotAllowed'],
    [413, 'RequestEntityTooLarge'],
    [415, 'UnsupportedMediaType'],
    [414, 'BadRequest'],
    [499, 'BadRequest'],
    [500, 'InternalError'],
    [503, 'InternalError'],
  ] as const)
    t.strictSame(statusObject(code, 'what is wrong'), {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'what is wrong',
      reason,
      code,
    })
})
