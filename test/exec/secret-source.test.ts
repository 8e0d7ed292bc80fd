import childProcess from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readSecretFile, runSecretCommand } from '../../src/exec/secret-source.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

t.test('a secret is the first line of its file, as it is', async (t) => {
  const path = join(temporaryFolder(t), 'secret')
  for (const [text, expected] of [
    ['secret', 'secret'],
    ['secret\n', 'secret'],
    ['secret\r\nnext\r\n', 'secret'],
    [' with blanks \nnext', ' with blanks '],
    ['with\rin it\n', 'with\rin it'],
    ['Grüße 🚀\n\n', 'Grüße 🚀'],
  ] as const) {
    writeFileSync(path, text)
    t.equal(readSecretFile(path), expected, JSON.stringify(text))
  }
})

t.test('a file without a first line, and one that is not there, are named and not quoted', async (t) => {
  const path = join(temporaryFolder(t), 'secret')
  for (const text of ['', '\n', '\r\n', '\nhidden below\n']) {
    writeFileSync(path, text)
    t.throws(
      () => readSecretFile(path),
      { code: 'FILE_UNREADABLE', message: new RegExp(`${path}[^\n]*empty$`) },
      JSON.stringify(text),
    )
  }
  const missing = join(path, '../none')
  t.throws(() => readSecretFile(missing), {
    code: 'FILE_UNREADABLE',
    message: new RegExp(`${missing}.*ENOENT`),
  })
})

/** In place of a shell: gives what the command prints, or throws as node:child_process does. */
function replaceShell(t: Test, run: (...call: readonly unknown[]) => string): void {
  const original = childProcess.execFileSync
  const set = (call: unknown) => {
    childProcess.execFileSync = call as typeof original
    syncBuiltinESMExports()
  }
  set(run)
  t.teardown(() => set(original))
}

const failing = (fault: object) => () => {
  throw Object.assign(new Error('Command failed: pass show keystone'), fault)
}

t.test('a command is run by the shell for a minute at most, with the terminal left to it', async (t) => {
  const calls: (readonly unknown[])[] = []
  replaceShell(t, (...call) => {
    calls.push(call)
    return 'secret\n'
  })
  t.equal(await runSecretCommand('pass show keystone', 'flag --password-command'), 'secret')
  t.strictSame(calls, [
    [
      '/bin/sh',
      ['-c', 'pass show keystone'],
      { stdio: ['inherit', 'pipe', 'inherit'], encoding: 'utf8', timeout: 60_000, maxBuffer: 65_536 },
    ],
  ])
})

t.test('a secret is the first line that a command prints', async (t) => {
  for (const [output, expected] of [
    ['secret', 'secret'],
    ['secret\r\nlogin: alice\n', 'secret'],
    [' blank \n', ' blank '],
  ] as const) {
    replaceShell(t, () => output)
    t.equal(await runSecretCommand('x', 'flag --password-command'), expected)
  }
})

t.test('a command that gives no secret is told by its source and its end, and never quoted', async (t) => {
  for (const [shell, reason] of [
    [() => '', /printed nothing$/],
    [() => '\nsecret\n', /printed nothing$/],
    [failing({ status: 3, signal: null }), /exit code 3$/],
    [failing({ status: 0, signal: null }), /exit code 0$/],
    [failing({ status: null, signal: 'SIGKILL' }), /SIGKILL$/],
    [failing({ code: 'ETIMEDOUT', status: null, signal: 'SIGTERM' }), /in time$/],
    [failing({ code: 'ENOBUFS', status: null, signal: 'SIGTERM' }), /too much$/],
  ] as const) {
    replaceShell(t, shell)
    for (const from of ['flag --password-command', 'environment PORTCULLIS_PASSCODE_COMMAND']) {
      const fault = await runSecretCommand('pass show keystone', from).then(
        () => t.fail('a secret was given'),
        (error) => error,
      )
      t.equal(fault.code, 'LOGIN_INCOMPLETE')
      t.match(fault.message, reason)
      t.ok(fault.message.startsWith(`${from}: `), fault.message)
      t.notMatch(fault.message, /pass show/)
    }
  }
})

t.test('a shell that cannot be started is told as the system tells it', async (t) => {
  replaceShell(t, () => {
    throw Object.assign(new Error('spawnSync /bin/sh ENOENT'), { code: 'ENOENT' })
  })
  await t.rejects(runSecretCommand('x', 'flag --password-command'), {
    code: 'LOGIN_INCOMPLETE',
    message: /flag --password-command.*ENOENT$/,
  })
})

t.test('a real shell: what it prints, and how it ends', async (t) => {
  t.equal(await runSecretCommand('printf "secret\\nmore"', 'flag --password-command'), 'secret')
  await t.rejects(runSecretCommand('exit 7', 'flag --password-command'), { message: /exit code 7$/ })
})
