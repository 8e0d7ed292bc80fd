import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createPrompt, type Prompt } from '../../src/exec/prompt.ts'
import { fakeTerminal, soon } from '../support/fake-terminal.ts'
import { replaceFileCall, watchOpenFiles } from '../support/file-calls.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const CANCELLED = { code: 'PROMPT_CANCELLED' }

function promptWorld(t: Test) {
  const world = fakeTerminal(t)
  const ask = createPrompt(world.terminal) as Prompt
  const prompt: Prompt = (question, options) => soon(ask(question, options))
  return { ...world, prompt }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

t.test('there is nobody to ask where stdin is no terminal', async (t) => {
  t.equal(createPrompt(fakeTerminal(t, { isTTY: false }).terminal), undefined)
})

t.test('an answer is one line, whatever ends it', async (t) => {
  const { prompt, events, type } = promptWorld(t)
  for (const [keys, expected] of [
    ['alice\n', 'alice'],
    ['alice\r', 'alice'],
    ['\n', ''],
    [' alice and bob \n', ' alice and bob '],
    ['Grüße 東京 🚀\n', 'Grüße 東京 🚀'],
  ] as const) {
    events.length = 0
    const answer = prompt('User name')
    type(keys)
    t.equal(await answer, expected, JSON.stringify(keys))
    t.equal(events.join(''), 'User name: ')
  }
})

t.test('an open answer leaves echo and editing to the terminal', async (t) => {
  const { prompt, events, type } = promptWorld(t)
  const answer = prompt('User name', { hidden: false })
  type('alice\n')
  t.equal(await answer, 'alice')
  t.equal(events.join(''), 'User name: ')
})

t.test('a hidden answer is not echoed from before the question until it is given', async (t) => {
  const { prompt, events, type } = promptWorld(t)
  const answer = prompt('Password', { hidden: true })
  t.equal(events.join('|'), 'raw|Password: ')
  type('sec')
  type('ret\r')
  t.equal(await answer, 'secret')
  t.equal(events.join('|'), 'raw|Password: |cooked|\n', 'and the cursor goes to a line of its own')
})

t.test('an answer that arrives in parts, cut within a letter, is put together', async (t) => {
  const { prompt, input } = promptWorld(t)
  for (const hidden of [true, false]) {
    const answer = prompt('Name', { hidden })
    const bytes = Buffer.from('naïve 🚀\n')
    for (const byte of bytes) input.write(Buffer.of(byte))
    t.equal(await answer, 'naïve 🚀')
  }
})

t.test('a slip in a hidden answer can be mended', async (t) => {
  const { prompt, type } = promptWorld(t)
  for (const [keys, expected] of [
    ['secretx\x7f\r', 'secret'],
    ['secretx\b\r', 'secret'],
    ['secretxyz\x7f\x7f\x7f\r', 'secret'],
    ['\x7fsecret\r', 'secret'],
    ['a🚀\x7f\r', 'a'],
    ['wrong\x15secret\r', 'secret'],
    ['wrong\x15\r', ''],
    ['with blank\r', 'with blank'],
    ['~}{|\r', '~}{|'],
  ] as const) {
    const answer = prompt('Password', { hidden: true })
    type(keys)
    t.equal(await answer, expected, JSON.stringify(keys))
  }
})

t.test('keys that write nothing are not part of a hidden answer', async (t) => {
  const { prompt, type } = promptWorld(t)
  for (const key of ['\x00', '\x01', '\x04', '\x07', '\x1f']) {
    const answer = prompt('Password', { hidden: true })
    type(`sec${key}ret\r`)
    t.equal(await answer, 'secret', JSON.stringify(key))
  }
})

t.test('Ctrl-C cancels a hidden question at any time, Ctrl-D where nothing is typed', async (t) => {
  const { prompt, events, type } = promptWorld(t)
  for (const keys of ['\x03', 'sec\x03', '\x04', 'x\x7f\x04']) {
    events.length = 0
    const answer = prompt('Password', { hidden: true })
    type(keys)
    await t.rejects(answer, CANCELLED, JSON.stringify(keys))
    t.equal(events.join('|'), 'raw|Password: |cooked|\n', 'the terminal echoes again')
  }
})

t.test('the end of the input and a signal cancel any question and give the terminal back', async (t) => {
  for (const hidden of [true, false])
    for (const what of ['end', 'signal']) {
      const { prompt, events, input, stop, type } = promptWorld(t)
      const answer = prompt('Password', { hidden })
      type('sec')
      await settle()
      if (what === 'end') input.end()
      else stop()
      await t.rejects(answer, CANCELLED, `${what}, ${hidden ? 'hidden' : 'open'}`)
      t.equal(events.at(0), hidden ? 'raw' : 'Password: ')
      t.equal(events.includes('cooked'), hidden)
      t.equal(events.at(-1), '\n', 'what is said next is on a line of its own')
    }
})

t.test('a question after a signal is cancelled without an answer', async (t) => {
  const { prompt, stop } = promptWorld(t)
  stop()
  await t.rejects(prompt('Password', { hidden: true }), CANCELLED)
})

t.test('what is typed ahead answers the questions that follow', async (t) => {
  const { prompt, type } = promptWorld(t)
  const first = prompt('User name')
  type('alice\nsecret\nweb\n')
  t.equal(await first, 'alice')
  t.equal(await prompt('Password', { hidden: true }), 'secret')
  t.equal(await prompt('Project'), 'web')
})

t.test('between questions nothing is read', async (t) => {
  const { prompt, input, type } = promptWorld(t)
  const first = prompt('User name')
  type('alice\n')
  await first
  t.equal(input.isPaused(), true)
  t.equal(input.listenerCount('data'), 0)
  type('secret\n')
  await settle()
  t.equal(await prompt('Password', { hidden: true }), 'secret')
})

t.test('an answer of 8192 characters is taken, a longer one is cancelled', async (t) => {
  for (const hidden of [true, false]) {
    const { prompt, type } = promptWorld(t)
    const long = prompt('Token', { hidden })
    type('x'.repeat(8192))
    await settle()
    type('\n')
    t.equal((await long).length, 8192)
    const longer = prompt('Token', { hidden })
    type('x'.repeat(8193))
    await t.rejects(longer, CANCELLED)
  }
})

t.test('questions go to the terminal itself, whatever stderr leads to', async (t) => {
  const path = join(temporaryFolder(t), 'terminal')
  writeFileSync(path, '')
  const { prompt, events, type } = promptWorld(t)
  const modes: unknown[] = []
  replaceFileCall(t, 'openSync', (original) => (file, mode) => {
    if (file === '/dev/tty') modes.push(mode)
    return original(file === '/dev/tty' ? path : file, 'a')
  })
  const open = watchOpenFiles(t)
  const answer = prompt('Password', { hidden: true })
  type('secret\r')
  t.equal(await answer, 'secret')
  t.equal(readFileSync(path, 'utf8'), 'Password: \n')
  t.same(events, ['raw', 'cooked'])
  t.same(new Set(modes), new Set(['w']))
  t.same(open(), [])
})
