import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { signalGroup, startChild, whenKilled } from './support/child-process.ts'

/**
 * node test/supervise.ts [--then SCRIPT] SUITE ARGUMENT...
 * Runs a suite in a process group of its own; npm scripts start it with `exec`, so that npm is its parent. When the suite
 * ends, and also when this process or that npm is killed, the whole group is killed, and SCRIPT stops what has left the
 * group (servers with pid files).
 */
const { ppid } = process
const args = process.argv.slice(2)
const then = args[0] === '--then' ? args.splice(0, 2)[1] : undefined
const stopRest = whenKilled(then === undefined ? '' : `sh ${then}`)
const [file = 'true', ...suiteArgs] = args
const suite = startChild(file, suiteArgs, { stdio: ['ignore', 'inherit', 'inherit'] })
const ended = once(suite, 'exit') as Promise<[number | null, string | null]>

async function end(): Promise<void> {
  signalGroup(suite, 'SIGTERM')
  await Promise.race([ended, sleep(3000, undefined, { ref: false })])
  signalGroup(suite, 'SIGKILL')
}
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, end)
// npm passes some signals on and dies of others: either way the parent is another one then
setInterval(() => process.ppid !== ppid && void end(), 250).unref()

const [code] = await ended
signalGroup(suite, 'SIGKILL')
stopRest()
if (then !== undefined)
  await once(startChild('sh', [then], { stdio: ['ignore', 'inherit', 'inherit'] }), 'exit')
process.exitCode = code ?? 1
