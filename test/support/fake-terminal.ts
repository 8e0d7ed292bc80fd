import { PassThrough } from 'node:stream'
import type { Terminal } from '../../src/exec/prompt.ts'
import { replaceFileCall } from './file-calls.ts'

interface Cleaner {
  teardown(run: () => unknown): void
}

/** A terminal that somebody types on. `events` has what happens to it in order: raw mode, and what it shows. */
export function fakeTerminal(t: Cleaner, options: { isTTY?: boolean } = {}) {
  const events: string[] = []
  let stop = () => {}
  const input = Object.assign(new PassThrough(), {
    isTTY: options.isTTY ?? true,
    isRaw: false,
    setRawMode(raw: boolean) {
      events.push(raw ? 'raw' : 'cooked')
      return input
    },
  })
  // there may be a terminal where the tests run
  replaceFileCall(t, 'openSync', (original) => (path, ...rest) => {
    if (path === '/dev/tty') throw Object.assign(new Error('none'), { code: 'ENXIO' })
    return original(path, ...rest)
  })
  const terminal: Terminal = {
    input,
    complain: (text) => events.push(text),
    stopped: new Promise((resolve) => {
      stop = resolve
    }),
  }
  return { terminal, input, events, stop: () => stop(), type: (keys: string) => void input.write(keys) }
}

/** An answer to what is typed at once comes within a few turns of the event loop; one that never comes fails at once. */
export function soon<T>(answer: Promise<T>): Promise<T> {
  const never = async () => {
    for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    throw new Error('no answer has come')
  }
  return Promise.race([answer, never()])
}
