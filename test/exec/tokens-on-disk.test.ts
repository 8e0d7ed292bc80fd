import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { stayAlive, systemClock } from '../../src/clock.ts'
import { holdLock } from '../../src/exec/cache-lock.ts'
import { preparePlugin } from '../support/exec-plugin.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const pluginWorld = preparePlugin(t)
type World = Awaited<ReturnType<typeof pluginWorld>>
const root = process.getuid?.() === 0

const filesOf = (cache: string) => readdirSync(cache).map((name) => join(cache, name))
const tokenFile = (cache: string) => filesOf(cache).find((path) => path.endsWith('.token')) as string
/** The id of a process that has ended. */
const deadPid = () => Number(execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }))

/** A log-in goes well, whatever the cache is like; gives what it says about that on stderr. */
async function logsIn(t: Test, { run, env, logins }: World): Promise<string> {
  const before = logins()
  const { code, stdout, stderr } = await run(env)
  t.match({ code, stdout }, { code: 0, stdout: /"token":"/ })
  t.equal(logins(), before + 1)
  return stderr
}

t.test(
  'a token is got once and kept where nobody else can read it, under a name that tells nothing',
  async (t) => {
    const { run, env, cache, logins, user } = await pluginWorld(t)
    const first = await run(env)
    t.same((await run(env)).stdout, first.stdout)
    t.equal(logins(), 1)
    t.equal(statSync(cache).mode & 0o777, 0o700)
    for (const path of filesOf(cache)) {
      t.equal(statSync(path).mode & 0o777, 0o600)
      for (const secret of [user.password, user.name]) {
        t.notOk(path.includes(secret))
        t.notOk(readFileSync(path, 'utf8').includes(secret))
      }
      t.notOk(path.includes(first.token as string))
    }
    t.same(filesOf(cache).length, 2, 'the token and the key of the names')
  },
)

t.test('other inputs get no token that is kept for these', async (t) => {
  const { run, env, admin, user, logins } = await pluginWorld(t)
  const { token } = await run(env)
  t.match(await run({ ...env, OS_PASSWORD: 'another-password' }), { code: 1, stdout: '' })
  const other = await admin.createProject()
  await admin.grant(user, { project: other.id }, 'member')
  t.not((await run({ ...env, OS_PROJECT_ID: other.id })).token, token)
  t.equal(logins(), 3)
})

t.test('20 processes at once log in once, and a wrong password is tried once by all of them', async (t) => {
  const { run, env, logins } = await pluginWorld(t)
  const atOnce = (count: number, variables: Record<string, string>) =>
    Promise.all(Array.from({ length: count }, () => run(variables)))
  const outcomes = await atOnce(20, env)
  t.same(new Set(outcomes.map(({ code, stderr }) => `${code}${stderr}`)), new Set(['0']))
  t.equal(new Set(outcomes.map(({ token }) => token)).size, 1)
  t.equal(logins(), 1)
  for (const { code, stdout } of await atOnce(8, { ...env, OS_PASSWORD: 'wrong-password' }))
    t.same({ code, stdout }, { code: 1, stdout: '' })
  t.equal(logins(), 2)
})

t.test('an expired token costs exactly one new log-in', async (t) => {
  const { run, env, logins, cache } = await pluginWorld(t)
  const { token } = await run(env)
  const kept = JSON.parse(readFileSync(tokenFile(cache), 'utf8'))
  writeFileSync(tokenFile(cache), JSON.stringify({ ...kept, until: Date.now() - 1 }))
  const later = await Promise.all([run(env), run(env), run(env)])
  t.not(later[0].token, token)
  t.equal(new Set(later.map((outcome) => outcome.token)).size, 1)
  t.equal(logins(), 2)
})

t.test('--force-refresh heals a revoked token, --no-cache leaves nothing behind', async (t) => {
  const { run, env, keystone, logins, cache } = await pluginWorld(t)
  const { token } = await run(env)
  keystone.api.revoke(token as string)
  const healed = await run(env, ['--force-refresh'])
  t.not(healed.token, token)
  t.equal((await run(env)).token, healed.token)
  t.equal(logins(), 2)
  rmSync(cache, { recursive: true })
  t.match(await run(env, ['--no-cache']), { code: 0, stderr: '' })
  t.throws(() => statSync(cache), { code: 'ENOENT' })
})

t.test('a file that is cut, garbage or too large is replaced without a word', async (t) => {
  const world = await pluginWorld(t)
  await world.run(world.env)
  for (const content of ['', '{"token":"abc', 'garbage\0', '{"token":"x"}', '[]', 'x'.repeat(100_000)]) {
    writeFileSync(tokenFile(world.cache), content)
    t.equal(await logsIn(t, world), '')
    t.match(JSON.parse(readFileSync(tokenFile(world.cache), 'utf8')), { token: String })
  }
  for (const content of ['', 'short', 'x'.repeat(64)]) {
    writeFileSync(join(world.cache, 'key'), content)
    t.equal(await logsIn(t, world), '')
  }
})

t.test(
  'a file or folder that others can read, or that is a link, is not used, and that is said',
  async (t) => {
    const world = await pluginWorld(t)
    const { run, env, cache, home } = world
    await run(env)
    chmodSync(tokenFile(cache), 0o644)
    t.match(
      await logsIn(t, world),
      /^client-keystone-auth: tokens are not kept: .*\.token is open to others: chmod go= .*\n$/,
    )
    t.equal(statSync(tokenFile(cache)).mode & 0o777, 0o600, 'a new one took its place')
    chmodSync(cache, 0o750)
    t.match(await logsIn(t, world), /portcullis is open to others/)
    rmSync(cache, { recursive: true })
    mkdirSync(join(home, 'elsewhere'), { mode: 0o700 })
    symlinkSync(join(home, 'elsewhere'), cache)
    t.match(await logsIn(t, world), /is no folder/)
    t.same(readdirSync(join(home, 'elsewhere')), [])
  },
)

t.test(
  'a file or folder of somebody else is not used, and that is said',
  { skip: !root && 'needs root' },
  async (t) => {
    const world = await pluginWorld(t)
    await world.run(world.env)
    chownSync(tokenFile(world.cache), 65534, 65534)
    t.match(await logsIn(t, world), /\.token belongs to another user \(uid 65534\)\n$/)
    chownSync(world.cache, 65534, 65534)
    t.match(await logsIn(t, world), /portcullis belongs to another user \(uid 65534\)\n$/)
  },
)

t.test(
  'a full disk, one that cannot be written, and no folder at all: one sentence and a log-in',
  async (t) => {
    const world = await pluginWorld(t)
    const { run, env, cache, home } = world
    t.match(await run({ ...env, XDG_CACHE_HOME: '/dev/null' }), {
      code: 0,
      stderr: /tokens are not kept: .*ENOTDIR\n$/,
    })
    if (!root || !mounted(t, cache, 'size=4k,mode=0700'))
      return t.comment('no file system of our own: needs root')
    // the folder itself takes a page, the key none: nothing fits
    writeFileSync(join(cache, 'filling'), Buffer.alloc(4096))
    t.match(await logsIn(t, world), /tokens are not kept: .*ENOSPC\n$/)
    t.same(readdirSync(cache), ['filling'], 'no half a token is left behind')
    unlinkSync(join(cache, 'filling'))
    execFileSync('mount', ['-o', 'remount,ro', cache])
    t.match(await logsIn(t, world), /tokens are not kept: .*EROFS\n$/)
    t.ok(home)
  },
)

/** A small file system at a path, gone after the test; false where that is not allowed. */
function mounted(t: Test, path: string, options: string): boolean {
  mkdirSync(path, { recursive: true })
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    return false
  }
  t.teardown(() => execFileSync('umount', [path]))
  return true
}

t.test('what a process that was killed has left behind goes at the next log-in', async (t) => {
  const world = await pluginWorld(t)
  const { run, env, cache } = world
  await run(env)
  const [dead, lock] = [deadPid(), `${tokenFile(cache).replace(/token$/, 'lock')}`]
  writeFileSync(join(cache, `tmp-${dead}-0`), '{"token":"half a tok', { mode: 0o600 })
  writeFileSync(join(cache, `tmp-${process.pid}-0`), 'of a living one', { mode: 0o600 })
  writeFileSync(lock, `${dead} 1`)
  unlinkSync(tokenFile(cache))
  t.equal(await logsIn(t, world), '')
  t.same(
    readdirSync(cache)
      .sort()
      .map((name) => name.replace(/^[0-9a-f]{64}/, 'HASH')),
    ['HASH.token', 'key', `tmp-${process.pid}-0`],
  )
})

t.test('a process killed in the middle leaves no lock that holds up the next one', async (t) => {
  const world = await pluginWorld(t)
  const { run, env, keystone, cache } = world
  keystone.fail({ kind: 'hang' })
  const hanging = run(env, ['--keystone-timeout', '30s'])
  const lock = async () => {
    for (;;) {
      const found = readdirSync(cache).find((name) => name.endsWith('.lock'))
      if (found !== undefined && readFileSync(join(cache, found), 'utf8') !== '') return join(cache, found)
      await sleep(10)
    }
  }
  while (world.logins() === 0) await sleep(10)
  process.kill(Number(readFileSync(await lock(), 'utf8').split(' ')[0]), 'SIGKILL')
  await hanging
  keystone.fail(undefined)
  t.equal(await logsIn(t, world), '')
})

t.test('a lock of a living process is waited for, but not longer than agreed', async (t) => {
  const path = join(temporaryFolder(t), 'lock')
  t.teardown(stayAlive())
  const hold = (patienceMs: number) => holdLock({ path, patienceMs, clock: systemClock })
  const release = await hold(0)
  t.equal(typeof release, 'function')
  t.equal(await hold(50), undefined)
  const waiting = hold(10_000)
  release?.()
  const second = await waiting
  t.equal(typeof second, 'function')
  second?.()
  t.throws(() => statSync(path), { code: 'ENOENT' })
  t.equal(await holdLock({ path: '/dev/null/lock', patienceMs: 10_000, clock: systemClock }), undefined)
})

t.test('no secret stands in the arguments of a process that we start', async (t) => {
  const { run, env, user, home } = await pluginWorld(t)
  const { OS_PASSWORD: _, ...others } = env
  writeFileSync(join(home, 'secret'), user.password)
  const command = `cat /proc/$$/cmdline /proc/$PPID/cmdline > ${home}/seen; cat ${home}/secret`
  t.match(await run(others, ['--password-command', command]), { code: 0 })
  const seen = readFileSync(join(home, 'seen'), 'utf8')
  t.match(seen, /password-command/)
  t.notOk(seen.includes(user.password))
})
