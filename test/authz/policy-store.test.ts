import t from 'tap'
import { createManualClock } from '../support/manual-clock.ts'
import { decide } from './support/authz-tools.ts'
import { memorySource, policyWorld, rolesOf, rule } from './support/policy-world.ts'

t.test('at the start every document of every source is read', async (t) => {
  const first = memorySource('first', { 'a.csv': rule('r1'), 'b.csv': rule('r2') })
  const second = memorySource('second', { 'c.csv': `${rule('r3', 'a', 'deny')}\n${rule('r4')}` })
  const world = policyWorld([first, second])
  world.clock.setWallBy(5000)
  const store = await world.open()
  t.strictSame(rolesOf(store), ['r3', 'r1', 'r2', 'r4'], 'deny rules first, else in order')
  t.equal(store.current().hasDeny, true)
  t.equal(store.fault(), undefined)
  t.equal(store.rules(), 4)
  t.equal(store.sources(), 2)
  t.equal(store.faultySources(), 0)
  t.equal(store.quarantined(), 0)
  t.equal(store.lastSuccess(), Date.parse('2026-06-01T00:00:05Z'))
  t.equal(store.hash(), Number(`0x${store.current().hash.slice(0, 12)}`))
  t.strictSame(world.reloads, ['success', 'success'])
  t.strictSame(world.logged('info'), [{ rules: 4, hash: store.current().hash }])
  t.strictSame([world.logged('warn'), world.logged('error')], [[], []])
})

t.test('without sources nothing is allowed', async (t) => {
  const store = await policyWorld([]).open()
  t.strictSame(store.current().rules, [])
  t.equal(store.sources(), 0)
  t.equal(store.fault(), undefined)
})

t.test('a source that cannot be read stops the start, and names everything that is wrong', async (t) => {
  const sources = [
    memorySource('files', { 'a.csv': rule('r1'), 'b.csv': '\np, nonsense, deny' }),
    memorySource('folder', { 'c.csv': rule('r2') }),
    memorySource('maps', { 'd.json': '{' }, true),
  ] as const
  sources[1].fault = new Error('no such folder')
  await t.rejects(policyWorld(sources).open(), {
    code: 'POLICY_INVALID',
    message: /b\.csv: line 2, column 1: .*; no such folder$/,
  })
  t.strictSame(
    sources.map((source) => source.watched()),
    [false, false, false],
    'nothing is watched any longer',
  )
})

t.test('a lenient source that cannot be read leaves the others to serve', async (t) => {
  const maps = memorySource('maps', { 'good.csv': rule('r1'), 'bad.csv': 'x' }, true)
  const files = memorySource('files', { 'a.csv': rule('r2') })
  const world = policyWorld([maps, files])
  const store = await world.open()
  t.strictSame(rolesOf(store), ['r1', 'r2'])
  t.match(store.fault(), /^bad\.csv: line 1, column 1: [^;]+$/)
  t.equal(store.faultySources(), 1)
  t.strictSame(world.reloads, ['failure', 'success'])
  const [error, ...more] = world.logged('error')
  t.strictSame([error, more], [{ source: 'maps', fault: store.fault() }, []])
  t.equal(world.logged('info').length, 1)
})

t.test('a document that cannot be read keeps its last good version, the others are renewed', async (t) => {
  const files = memorySource('files', { 'a.csv': rule('a1'), 'b.csv': rule('b1') })
  const other = memorySource('other', { 'a.csv': rule('c1') })
  const world = policyWorld([files, other])
  const store = await world.open()
  const { hash } = store.current()

  files.texts = { 'a.csv': 'nonsense', 'b.csv': rule('b2') }
  await files.change()
  t.strictSame(rolesOf(store), ['a1', 'b2', 'c1'])
  t.not(store.current().hash, hash)
  t.match(store.fault(), /^a\.csv: line 1/)
  t.equal(store.faultySources(), 1)
  t.strictSame(world.reloads, ['success', 'success', 'failure'])

  files.texts['b.csv'] = rule('b3')
  await files.change()
  t.strictSame(rolesOf(store), ['a1', 'b3', 'c1'], 'the last good one is kept however often it is bad')

  files.texts['a.csv'] = rule('a2')
  await files.change()
  t.strictSame(rolesOf(store), ['a2', 'b3', 'c1'])
  t.equal(store.fault(), undefined)
  t.equal(store.faultySources(), 0)
  t.strictSame(world.reloads.slice(3), ['failure', 'success'])
  t.equal(world.logged('error').length, 2)
})

t.test('one fault alone stops the start', async (t) => {
  const world = policyWorld([memorySource('files', { 'a.csv': 'nonsense', 'b.csv': rule('b1') })])
  await t.rejects(world.open(), { code: 'POLICY_INVALID', message: /a\.csv: line 1, column 1: [^;]*$/ })
})

t.test('a document keeps its own last good version, not that of its namesake elsewhere', async (t) => {
  const files = memorySource('files', { 'a.csv': rule('a1') })
  const other = memorySource('other', { 'a.csv': rule('c1', 'a', 'deny') })
  const store = await policyWorld([files, other]).open()
  other.texts['a.csv'] = 'nonsense'
  await other.change()
  t.strictSame(rolesOf(store), ['c1', 'a1'])
  files.texts['a.csv'] = 'nonsense'
  await files.change()
  t.strictSame(rolesOf(store), ['c1', 'a1'])
})

t.test('a text that throws while it is read keeps its last good version', async (t) => {
  const files = memorySource('files', { 'a.csv': rule('a1'), 'b.json': '[]' })
  const store = await policyWorld([files]).open()
  files.texts['a.csv'] = () => {
    throw new Error('EACCES')
  }
  await files.change()
  t.strictSame(rolesOf(store), ['a1'])
  t.equal(store.fault(), 'a.csv: line 1, column 1: EACCES')
})

t.test('a source that cannot be listed keeps all it had, and the other source is renewed', async (t) => {
  const broken = memorySource('broken', { 'a.csv': rule('a1'), 'b.csv': rule('b1') })
  const sound = memorySource('sound', { 'c.csv': rule('c1') })
  const world = policyWorld([broken, sound])
  const store = await world.open()
  broken.fault = new Error('gone')
  sound.texts['c.csv'] = rule('c2')
  await Promise.all([broken.change(), sound.change()])
  t.strictSame(rolesOf(store), ['a1', 'b1', 'c2'])
  t.equal(store.fault(), 'gone')
  t.equal(store.faultySources(), 1)
  t.strictSame(world.reloads, ['success', 'success', 'failure', 'success'])
  t.strictSame(world.logged('error'), [{ source: 'broken', fault: 'gone' }])
  broken.fault = undefined
  broken.texts = { 'b.csv': rule('b2') }
  await broken.change()
  t.strictSame(rolesOf(store), ['b2', 'c2'], 'a document that is gone does not count')
  t.equal(store.fault(), undefined)
})

t.test('a lenient source that was never listed holds nothing', async (t) => {
  const maps = memorySource('maps', { 'a.csv': rule('a1') }, true)
  maps.fault = new Error('unknown yet')
  const store = await policyWorld([maps, memorySource('files', { 'b.csv': rule('b1') })]).open()
  t.strictSame(rolesOf(store), ['b1'])
  t.equal(store.fault(), 'unknown yet')
  t.equal(store.faultySources(), 1)
})

t.test('a new document does not take over the rules of another that was good', async (t) => {
  const files = memorySource('files', { 'a.csv': rule('a1') })
  const store = await policyWorld([files]).open()
  files.texts = { 'b.csv': 'nonsense' }
  await files.change()
  t.strictSame(rolesOf(store), [])
  t.match(store.fault(), /^b\.csv: /)
})

t.test('an empty document replaces a good one', async (t) => {
  const files = memorySource('files', { 'a.csv': rule('a1'), 'b.json': '[null]' })
  const store = await policyWorld([files]).open()
  t.equal(store.rules(), 3)
  files.texts = { 'a.csv': '', 'b.json': '[]' }
  await files.change()
  t.equal(store.rules(), 0)
  t.equal(store.fault(), undefined)
})

t.test('a rule that is left out and a part that is ignored are reported with their document', async (t) => {
  const csv = `${rule('r1')}\np, who:x, a, -, pods, *, get, *, allow`
  const source = memorySource('files', { 'a.csv': csv, 'b.json': '[{"odd": 1}]' })
  const world = policyWorld([source])
  const store = await world.open()
  t.strictSame(rolesOf(store), ['r1'])
  t.equal(store.quarantined(), 1)
  t.equal(store.faultySources(), 0)
  t.match(store.fault(), /^a\.csv: left out: line 2, column 4: /)
  const [{ document, fault } = {}, ...more] = world.logged('error')
  t.strictSame([document, more], ['a.csv', []])
  t.match(fault, /^line 2, column 4: /)
  t.strictSame(world.logged('warn'), [
    { document: 'b.json', fault: 'line 1, column 3: the field "odd" is ignored' },
  ])
  t.strictSame(world.reloads, ['success'], 'the text is usable')
  t.equal(new Set(world.messages()).size, 3, 'each event has a message of its own')
})

t.test('health names three faults, those of sources first, and says that there are more', async (t) => {
  const bad = 'p, who:x, a, -, pods, *, get, *, allow\n'
  const maps = memorySource('maps', { 'a.csv': 'x', 'b.csv': bad.repeat(2) }, true)
  const store = await policyWorld([memorySource('files', { 'c.csv': bad }), maps]).open()
  t.match(
    store.fault(),
    /^a\.csv: line 1, [^;]+; c\.csv: left out: line 1, [^;]+; b\.csv: left out: line 1, [^;]+; \.\.\.$/,
  )
  t.equal(store.quarantined(), 3)
  maps.texts['b.csv'] = bad
  await maps.change()
  t.match(store.fault(), /^a\.csv: [^;]+; c\.csv: [^;]+; b\.csv: left out: line 1, [^;]+$/)
})

t.test('strict reaches the reading of policies, at the start and later', async (t) => {
  const who = { user: 'u', groups: [], extra: {} }
  const exec = {
    resourceAttributes: { verb: 'create', namespace: 'a', resource: 'pods', subresource: 'exec' },
  }
  const text = '[{"resource_permissions": {"a/pods": ["create"]}}]'
  for (const [strict, kind] of [
    [true, 'none'],
    [false, 'allow'],
  ] as const) {
    const files = memorySource('files', { 'a.json': text })
    const store = await policyWorld([files], { strict }).open()
    t.equal(decide(store.current(), { ...who, ...exec }), kind)
    files.texts['a.json'] = ` ${text}`
    await files.change()
    t.equal(decide(store.current(), { ...who, ...exec }), kind)
  }
})

t.test('the time of the last success is that of the last compiled policy, by the wall clock', async (t) => {
  const files = memorySource('files', { 'a.csv': rule('a1') })
  const world = policyWorld([files])
  const store = await world.open()
  const start = createManualClock().now()
  t.equal(store.lastSuccess(), start)
  await world.clock.advance(1500)
  t.equal(store.lastSuccess(), start)
  world.clock.setWallBy(250)
  await files.change()
  t.equal(store.lastSuccess(), start + 1750)
})
