import t from 'tap'
import { token } from '../../src/commands/token.ts'
import { runCommand } from '../support/command.ts'
import { fakeTerminal } from '../support/fake-terminal.ts'

/** `portcullis token` at a terminal, run by kubectl with these words. */
function run(
  t: Parameters<typeof fakeTerminal>[0],
  spec: object,
  env: Readonly<Record<string, string>> = {},
) {
  const { input, events } = fakeTerminal(t)
  input.end()
  const info = { kind: 'ExecCredential', apiVersion: 'client.authentication.k8s.io/v1', spec }
  const given = { KUBERNETES_EXEC_INFO: JSON.stringify(info), PORTCULLIS_NO_CACHE: 'true', ...env }
  return {
    events,
    ended: runCommand(token, [], { input, env: given, complain: (text) => events.push(text) }),
  }
}

t.test('nobody is asked at a terminal that kubectl keeps for itself', async (t) => {
  const { events, ended } = run(t, { interactive: false })
  t.equal((await ended).code, 1)
  t.equal(events.length, 1)
  t.match(events[0], /^portcullis: LOGIN_INCOMPLETE: auth_url is missing/)
  const asked = run(t, { interactive: true })
  t.equal((await asked.ended).code, 1)
  t.match(asked.events[0], 'URL of Keystone: ')
  t.match(asked.events.at(-1), 'PROMPT_CANCELLED')
})

t.test('what the kubeconfig says of the cluster is not missing', async (t) => {
  const config = { auth_url: 'https://keystone/v3', username: 'alice', user_domain_name: 'Default' }
  const { events, ended } = run(t, { interactive: false, cluster: { config } })
  t.equal((await ended).code, 1)
  t.match(events[0], /^portcullis: LOGIN_INCOMPLETE: password is missing/)
})
