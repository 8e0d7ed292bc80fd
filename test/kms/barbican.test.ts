import t from 'tap'
import { NEVER } from '../../src/kms/kek-store.ts'
import { badAnswer, behind, CREATED, down, info, OCTETS, raw, refusedUs, shown } from './barbican-world.ts'
import { counting } from './fixtures.ts'
import { uuid } from './memory-store.ts'

t.test('a secret is described without its payload', async (t) => {
  for (const [more, expected] of [
    [{}, {}],
    [{ name: null }, { name: '' }],
    [{ name: undefined }, { name: '' }],
    [{ name: 'other' }, { name: 'other' }],
    [{ status: 'PENDING' }, { active: false }],
    [{ status: 'active' }, { active: false }],
    [{ status: undefined }, { active: false }],
    [{ created: '2026-05-01T10:20:30.123Z' }, {}],
    [{ created: '2026-05-01T12:20:30.123+02:00' }, {}],
    [{ created: '2026-05-01T05:50:30.123-04:30' }, {}],
    [{ expiration: '2026-05-01T10:20:30.124000' }, { expires: CREATED + 1 }],
    [{ expiration: '' }, {}],
    [{ secret_ref: `https://h/p/v1/secrets/${uuid(1).toUpperCase()}` }, {}],
  ] as const) {
    const { barbican, calls } = behind(shown(1, more))
    t.strictSame(await barbican.describe(uuid(1)), info(1, expected), JSON.stringify(more))
    t.strictSame(calls, [{ operation: 'describe', path: `/secrets/${uuid(1)}` }])
  }
})

t.test('times without a zone are UTC, wherever the process runs', async (t) => {
  const { TZ } = process.env
  t.teardown(() => {
    if (TZ === undefined) delete process.env.TZ
    else process.env.TZ = TZ
  })
  for (const zone of ['Asia/Kolkata', 'America/New_York', 'UTC']) {
    process.env.TZ = zone
    const secret = shown(1, { expiration: '2026-05-01T10:20:31.123000' })
    t.strictSame(await behind(secret).barbican.describe(uuid(1)), info(1, { expires: CREATED + 1000 }), zone)
    const metadata = { activate_at: '2026-05-01T10:20:30.123' }
    t.equal(await behind({ metadata }).barbican.activateAt(uuid(1)), CREATED, zone)
  }
})

t.test('what is no secret is a bad answer', async (t) => {
  for (const body of [
    undefined,
    null,
    [],
    'text',
    {},
    shown(1, { created: undefined }),
    shown(1, { created: '' }),
    shown(1, { created: 'yesterday' }),
    shown(1, { created: 1777630830 }),
    shown(1, { expiration: 'soon' }),
  ])
    await t.rejects(behind(body).barbican.describe(uuid(1)), badAnswer(/no secret\b/), JSON.stringify(body))
  for (const secret_ref of [
    undefined,
    7,
    '',
    `http://h/v1/secrets/${uuid(1)}/`,
    `http://h/v1/secrets/${uuid(1)}0`,
    `http://h/v1/secrets/x${uuid(1)}`,
    uuid(1),
    'http://h/v1/secrets/1',
  ])
    await t.rejects(behind(shown(1, { secret_ref })).barbican.describe(uuid(1)), badAnswer(/no reference\b/))
})

t.test('a secret that may not be described is forbidden, also by a 401 of access rules', async (t) => {
  t.equal(await behind('gone').barbican.describe(uuid(1)), 'gone')
  t.equal(await behind('forbidden').barbican.describe(uuid(1)), 'forbidden')
  t.equal(await behind(refusedUs).barbican.describe(uuid(1)), 'forbidden')
})

t.test('no other error and no other call takes an error for a refusal', async (t) => {
  await t.rejects(behind(down).barbican.describe(uuid(1)), down)
  const broken = Object.assign(new Error('broken'), { code: 'BARBICAN_REFUSED_US' })
  await t.rejects(behind(broken).barbican.describe(uuid(1)), broken)
  for (const error of [refusedUs, down]) {
    await t.rejects(behind(error).barbican.payload(uuid(1)), error)
    await t.rejects(behind(error).barbican.list('kek'), error)
    await t.rejects(behind(error).barbican.activateAt(uuid(1)), error)
    await t.rejects(behind(error).barbican.order('kek'), error)
    await t.rejects(behind(error).barbican.ordered(uuid(1)), error)
    await t.rejects(behind(error).barbican.activate(uuid(1), 0), error)
  }
})

t.test('a payload is octets and nothing else', async (t) => {
  for (const type of [OCTETS, `${OCTETS}; charset=x`, `${OCTETS} ;x`, 'Application/Octet-Stream']) {
    const { barbican, calls } = behind(raw(200, type, counting(1, 32)))
    t.same(await barbican.payload(uuid(1)), counting(1, 32))
    t.strictSame(calls, [{ operation: 'payload', path: `/secrets/${uuid(1)}/payload`, accept: OCTETS }])
  }
  for (const refusal of ['gone', 'forbidden'])
    t.equal(await behind(refusal).barbican.payload(uuid(1)), refusal)
  t.same(await behind(raw(204, undefined, '')).barbican.payload(uuid(1)), Buffer.alloc(0), 'no bytes at all')
})

t.test('a payload of another type is a bad answer, and its bytes are zeroed', async (t) => {
  for (const type of ['text/html', 'application/json', 'text/plain', '', undefined, `x/${OCTETS}`]) {
    const answer = raw(200, type, counting(1, 32))
    await t.rejects(behind(answer).barbican.payload(uuid(1)), badAnswer(/no payload\b/))
    t.same(answer.body, Buffer.alloc(32))
  }
})

t.test('the list of a name is read page by page until it is whole', async (t) => {
  const all = Array.from({ length: 250 }, (_, number) => shown(number))
  const page = (from: number) => ({ secrets: all.slice(from, from + 100), total: 250 })
  const { barbican, calls } = behind(page(0), page(100), page(200))
  t.strictSame(
    await barbican.list('ke k&'),
    all.map((_, number) => info(number)),
  )
  t.strictSame(
    calls,
    [0, 100, 200].map((offset) => ({
      operation: 'list',
      path: `/secrets?name=ke+k%26&limit=100&offset=${offset}&sort=created%3Aasc`,
    })),
  )
})

t.test('a list ends with its total, or with an empty page', async (t) => {
  const none = behind({ secrets: [], total: 0 })
  t.strictSame(await none.barbican.list('kek'), [])
  const shrunk = behind({ secrets: [shown(1), shown(2)], total: 3 }, { secrets: [], total: 3 })
  t.strictSame(await shrunk.barbican.list('kek'), [info(1), info(2)])
  t.equal(shrunk.calls.length, 2)
  const grown = behind({ secrets: [shown(1), shown(2)], total: 3 }, { secrets: [shown(3)], total: 3 })
  t.strictSame(await grown.barbican.list('kek'), [info(1), info(2), info(3)])
  t.match(grown.calls[1]?.path, 'offset=2&')
})

t.test('a list is refused or fails whole, also at a later page', async (t) => {
  const page = { secrets: [shown(1)], total: 3 }
  t.equal(await behind('forbidden').barbican.list('kek'), 'forbidden')
  t.equal(await behind(page, 'gone').barbican.list('kek'), 'gone')
  await t.rejects(behind(page, down).barbican.list('kek'), down)
  await t.rejects(behind(page, {}).barbican.list('kek'), badAnswer(/no list\b/))
  for (const body of [
    [],
    null,
    { secrets: [] },
    { total: 0 },
    { secrets: {}, total: 0 },
    { secrets: [], total: '0' },
  ])
    await t.rejects(behind(body).barbican.list('kek'), badAnswer(/no list\b/), JSON.stringify(body))
  await t.rejects(
    behind({ secrets: [shown(1), {}], total: 2 }).barbican.list('kek'),
    badAnswer(/no secret\b/),
  )
})

t.test('more than a thousand secrets of a name are an error, not a part of them', async (t) => {
  const pages = (total: number) =>
    Array.from({ length: 11 }, (_, page) => ({
      secrets: Array.from({ length: 100 }, (_, index) => shown(page * 100 + index)),
      total,
    }))
  t.equal((await behind(...pages(1000)).barbican.list('kek')).length, 1000)
  const { barbican, calls } = behind(...pages(1001))
  await t.rejects(barbican.list('kek'), badAnswer(/more than 1000 secrets/))
  t.equal(calls.length, 10)
})

t.test('the mark is a time in UTC, none, or never', async (t) => {
  for (const [metadata, at] of [
    [{ activate_at: '2026-05-01T10:20:30.123Z' }, CREATED],
    [{ activate_at: '2026-05-01T10:20:30.123' }, CREATED],
    [{ activate_at: '2026-05-01T12:20:30.123+02:00' }, CREATED],
    [{}, undefined],
    [{ other: 'x' }, undefined],
    [{ activate_at: 'soon' }, NEVER],
    [{ activate_at: '' }, NEVER],
    [{ activate_at: null }, NEVER],
    [{ activate_at: CREATED }, NEVER],
  ] as const) {
    const { barbican, calls } = behind({ metadata })
    t.equal(await barbican.activateAt(uuid(1)), at, JSON.stringify(metadata))
    t.strictSame(calls, [{ operation: 'metadata', path: `/secrets/${uuid(1)}/metadata` }])
  }
  for (const refusal of ['gone', 'forbidden'])
    t.equal(await behind(refusal).barbican.activateAt(uuid(1)), NEVER)
  for (const body of [undefined, [], {}, { metadata: null }, { metadata: [] }])
    await t.rejects(behind(body).barbican.activateAt(uuid(1)), badAnswer(/no metadata\b/))
})

t.test('an order is one of an AES-256 key of that name, and gives its id', async (t) => {
  const { barbican, calls } = behind({ order_ref: `http://h/v1/orders/${uuid(9)}` })
  t.equal(await barbican.order('kek'), uuid(9))
  const meta = { name: 'kek', algorithm: 'aes', bit_length: 256, mode: 'gcm', payload_content_type: OCTETS }
  t.strictSame(calls, [{ operation: 'order', method: 'POST', path: '/orders', body: { type: 'key', meta } }])
  for (const refusal of ['gone', 'forbidden'])
    await t.rejects(behind(refusal).barbican.order('kek'), {
      code: 'BARBICAN_REFUSED_US',
      message: /role creator or member.*quota/,
    })
  for (const body of [undefined, [], {}, { order_ref: 'http://h/v1/orders/1' }])
    await t.rejects(behind(body).barbican.order('kek'), badAnswer(/no reference\b/))
})

t.test('an order is pending until it is active; one that failed or vanished is an error', async (t) => {
  const secret_ref = `http://h/v1/secrets/${uuid(5)}`
  const { barbican, calls } = behind({ status: 'PENDING', secret_ref }, { status: 'ACTIVE', secret_ref })
  t.equal(await barbican.ordered(uuid(9)), undefined)
  t.equal(await barbican.ordered(uuid(9)), uuid(5))
  t.strictSame(
    calls,
    [1, 2].map(() => ({ operation: 'order', path: `/orders/${uuid(9)}` })),
  )
  await t.rejects(behind({ status: 'ERROR', secret_ref }).barbican.ordered(uuid(9)), {
    code: 'BARBICAN_SERVER_ERROR',
    message: new RegExp(uuid(9)),
  })
  await t.rejects(behind({ status: 'ACTIVE' }).barbican.ordered(uuid(9)), badAnswer(/no reference\b/))
  for (const body of ['gone', 'forbidden', undefined, [], {}, { status: '' }, { status: 7 }])
    await t.rejects(behind(body).barbican.ordered(uuid(9)), badAnswer(/no order\b/))
})

t.test('a mark is written as a time in UTC; a refusal is an error that names the secret', async (t) => {
  const { barbican, calls } = behind(raw(201, 'application/json', '{}'))
  t.equal(await barbican.activate(uuid(5), CREATED), undefined)
  t.strictSame(calls, [
    {
      operation: 'metadata',
      method: 'PUT',
      path: `/secrets/${uuid(5)}/metadata`,
      body: { metadata: { activate_at: '2026-05-01T10:20:30.123Z' } },
    },
  ])
  for (const refusal of ['gone', 'forbidden'])
    await t.rejects(behind(refusal).barbican.activate(uuid(5), CREATED), {
      code: 'BARBICAN_REFUSED_US',
      message: new RegExp(uuid(5)),
    })
})
