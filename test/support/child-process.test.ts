import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { startChild } from './child-process.ts'
import { withoutTap } from './script.ts'
import { ROOT, sourceFiles } from './source-files.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { until } from './until.ts'

const { PATH = '' } = process.env

/** Whether a process runs: one that has ended may stay as a zombie for seconds, until its new parent looks. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return false
  }
  const status = `/proc/${pid}/status`
  const zombie = existsSync(status) && /^State:\s+Z/m.test(readFileSync(status, 'utf8'))
  return !zombie
}

/** A test file that starts two programs, one of which starts another, prints the process ids and its own. */
const TEST_FILE = `
  import { startChild } from ${JSON.stringify(join(ROOT, 'test/support/child-process.ts'))}
  const stdio = ['ignore', 'inherit', 'inherit']
  startChild('sh', ['-c', 'echo $$; exec sleep 600'], { stdio })
  startChild('sh', ['-c', 'sleep 600 & echo $! $$; wait'], { stdio })
  console.log(process.pid)
  setInterval(() => {}, 1000)`

async function pidsOf(child: ReturnType<typeof startChild>, count: number): Promise<number[]> {
  let text = ''
  child.stdout?.setEncoding('utf8')
  for await (const chunk of child.stdout ?? []) {
    text += chunk
    const pids = text.trim().split(/\s+/).map(Number)
    if (pids.length === count) return pids
  }
  throw new Error(`ended after it wrote ${text}`)
}

for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const)
  t.test(`a test file that ends by ${signal} leaves none of its programs`, async (t) => {
    const env = { PATH, HOME: temporaryFolder(t) }
    const args = ['--input-type=module', '-e', TEST_FILE]
    const file = startChild(...withoutTap(process.execPath, args, {}), {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const pids = await pidsOf(file, 4)
    t.same(pids.map(runs), [true, true, true, true])
    file.kill(signal)
    await until('all have ended', () => !pids.some(runs))
  })

t.test('a suite whose starter is killed leaves nothing of its process group', async () => {
  const suite = 'sleep 600 & echo $! $$; wait'
  const starter = `${process.execPath} ${join(ROOT, 'test/supervise.ts')} sh -c '${suite}'; true`
  const npm = startChild('sh', ['-c', starter], { env: { PATH }, stdio: ['ignore', 'pipe', 'inherit'] })
  const pids = await pidsOf(npm, 2)
  npm.kill('SIGKILL')
  await until('the suite has ended', () => !pids.some(runs))
})

t.test('a suite that is asked to end, ends with its exit code and runs what follows', async (t) => {
  const follow = join(temporaryFolder(t), 'follow.sh')
  const supervise = join(ROOT, 'test/supervise.ts')
  const suite = `trap 'exit 7' TERM; touch ${follow}.suite; while :; do sleep 0.1; done`
  writeFileSync(follow, `touch ${follow}.done\n`)
  const child = startChild(process.execPath, [supervise, '--then', follow, 'sh', '-c', suite], {
    env: { PATH },
    stdio: 'ignore',
  })
  await until('the suite runs', () => existsSync(`${follow}.suite`))
  child.kill('SIGTERM')
  const [code] = await once(child, 'close')
  t.equal(code, 7)
  t.ok(existsSync(`${follow}.done`))
})

t.test('every program of a test is started where it is sure to be ended', async (t) => {
  const starters = sourceFiles('test').filter(({ text }) =>
    /\bimport \{[^}]*\b(spawn|exec|execFile|fork)\b[^}]*\} from 'node:child_process'/.test(text),
  )
  t.same(
    starters.map(({ path }) => path),
    ['test/support/child-process.ts'],
  )
})

t.test('npm itself starts the suites: a shell between them would outlive it unnoticed', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const supervised = Object.entries<string>(scripts).filter(([, text]) => text.includes('test/supervise.ts'))
  t.same(
    supervised.map(([name]) => name),
    ['test', 'test:load', 'test:openstack', 'test:apiserver'],
  )
  for (const [name, text] of supervised) t.match(text, /(^|&& |=1 )exec node test\/supervise\.ts /, name)
})
