import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startChild } from '../support/child-process.ts'
import { run } from '../support/script.ts'
import { ROOT } from '../support/source-files.ts'

/** Resolves with what a pattern finds in the output; rejects when the process ends before. */
async function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpMatchArray> {
  let text = ''
  child.stdout?.setEncoding('utf8')
  for await (const chunk of child.stdout ?? []) {
    text += chunk
    const found = pattern.exec(text)
    if (found !== null) return found
  }
  throw new Error(`ended after it printed:\n${text}`)
}

t.test('npm run try:cluster prints commands that work, and Ctrl-C leaves nothing behind', async (t) => {
  const child = startChild('npm', ['run', '--silent', 'try:cluster'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // Ctrl-C goes to the whole process group
  const signal = (name: NodeJS.Signals | 0): boolean => {
    try {
      return process.kill(-Number(child.pid), name)
    } catch {
      return false
    }
  }
  t.teardown(() => signal('SIGKILL'))
  const { input: page } = await printed(child, /Ctrl-C ends/)
  const lines = page?.split('\n').map((line) => line.trim()) ?? []
  const setUp = lines.find((line) => line.startsWith('export KUBECONFIG=')) ?? ''
  const command = (words: string) => {
    const text = lines.find((line) => line.startsWith(words)) ?? `echo '${words}' was not printed`
    const env = { PATH: process.env.PATH ?? '', HOME: t.testdirName }
    return run('sh', ['-c', `${setUp}\n${text}`], { env, timeoutMs: 60_000 })
  }
  t.match(await command('kubectl --context alice auth whoami'), {
    code: 0,
    stdout: /keystone:user:default\/alice/,
  })
  t.match(await command('kubectl --context bob get configmaps'), { code: 1, stderr: /no rule for roles/ })
  t.match(await command('kubectl --context admin create secret'), { code: 0 })
  t.match(await command('curl -s http://127.0.0.1'), { code: 0, stdout: /^k8s:enc:kms:v2:portcullis:$/ })

  const folder = dirname(/KUBECONFIG=(\S+)/.exec(setUp)?.[1] ?? '')
  t.ok(existsSync(folder))
  const [home] = /--data-dir (\S+)\/etcd /.exec((await processes()).join('\n'))?.slice(1) ?? []
  t.ok(home !== undefined && existsSync(home))
  signal('SIGINT')
  // npm may end before those it started
  while (signal(0)) await sleep(100)
  t.notOk(existsSync(folder), 'its files are gone')
  t.notOk(existsSync(home ?? ''), 'its store is gone')
  const left = (await processes()).filter((line) => line.includes(folder) || line.includes(home ?? ''))
  t.same(left, [], 'its processes are gone')
})

/** The command lines of all processes that have a folder of try:cluster among their arguments. */
async function processes(): Promise<readonly string[]> {
  const { stdout } = await run('ps', ['-eo', 'args', '-ww'], {
    env: { PATH: process.env.PATH ?? '' },
    timeoutMs: 10_000,
  })
  return stdout.split('\n').filter((line) => line.includes('portcullis-test-'))
}
