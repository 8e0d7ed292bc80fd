import t from 'tap'
import type { Ask } from '../../src/exec/complete-login.ts'
import type { Terminal } from '../../src/exec/prompt.ts'
import { createAsk } from '../../src/exec/terminal-ask.ts'
import { fakeTerminal, soon } from '../support/fake-terminal.ts'

function askOf(terminal: Terminal): Ask {
  const ask = createAsk(terminal) as Ask
  return (question) => soon(ask(question))
}

t.test('there is nobody to ask where stdin is no terminal', async (t) => {
  t.equal(createAsk(fakeTerminal(t, { isTTY: false }).terminal), undefined)
})

t.test('each value is asked for in words, and only secrets without echo', async (t) => {
  const { terminal, events, type } = fakeTerminal(t)
  const ask = askOf(terminal)
  for (const [name, secret, words] of [
    ['auth_url', false, /URL/],
    ['username', false, /^User name/],
    ['user_domain_name', false, /Domain.*Default/],
    ['project_name', false, /Project.*none/],
    ['password', true, /Password/],
    ['passcode', true, /passcode/],
    ['token', true, /Token/],
    ['application_credential_id', false, /Id .*application credential/],
    ['application_credential_secret', true, /Secret .*application credential/],
    ['trust_id', false, /^trust_id/],
  ] as const) {
    events.length = 0
    const answer = ask({ name, secret, optional: false })
    type('typed\n')
    t.equal(await answer, 'typed', name)
    const shown = events.filter((event) => !['raw', 'cooked', '\n', ''].includes(event))
    t.equal(shown.length, 1)
    t.match(shown[0], words)
    t.equal(events.includes('raw'), secret, name)
    t.equal(events.includes('cooked'), secret, name)
  }
})

t.test('blanks around an answer go, save in a secret', async (t) => {
  const { terminal, type } = fakeTerminal(t)
  const ask = askOf(terminal)
  const open = ask({ name: 'username', secret: false, optional: false })
  type('  alice \n')
  t.equal(await open, 'alice')
  const hidden = ask({ name: 'password', secret: true, optional: false })
  type('  pass word \r')
  t.equal(await hidden, '  pass word ')
})

t.test('what must not be empty is asked for until it is given, what may be is taken', async (t) => {
  const { terminal, events, type } = fakeTerminal(t)
  const ask = askOf(terminal)
  const needed = ask({ name: 'username', secret: false, optional: false })
  type('\n   \nalice\n')
  t.equal(await needed, 'alice')
  t.equal(events.filter((event) => event.startsWith('User name')).length, 3)
  for (const keys of ['\n', '   \n']) {
    const optional = ask({ name: 'project_name', secret: false, optional: true })
    type(keys)
    t.equal(await optional, '')
  }
  const blank = ask({ name: 'password', secret: true, optional: false })
  type('\r \r')
  t.equal(await blank, ' ')
})

t.test('a question that is cancelled is not asked again', async (t) => {
  const { terminal, events, type } = fakeTerminal(t)
  const answer = askOf(terminal)({ name: 'password', secret: true, optional: false })
  type('\x03')
  await t.rejects(answer, { code: 'PROMPT_CANCELLED' })
  t.equal(events.filter((event) => event.startsWith('Password')).length, 1)
})
