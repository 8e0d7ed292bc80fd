import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import t from 'tap'
import {
  cloudsVariable,
  commandName,
  overlay,
  plainFlags,
  savedFlags,
  tokenArgs,
} from '../../src/exec/saved-login.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { settingsOf } from '../support/token-source-world.ts'

const stanza = (command: string, ...args: string[]) => ({ command, args, env: {} })
const flagsOf = (values: Record<string, string>) =>
  new Map(Object.entries(values).map(([flag, text]) => [flag, [text]]))

t.test('the flags of a stanza are read where it runs this program to get a token', async (t) => {
  const flags = ['--cloud=lab', '--project-name', 'web']
  const expected = flagsOf({ cloud: 'lab', 'project-name': 'web' })
  for (const [command, args, read] of [
    ['portcullis', ['token', ...flags], expected],
    ['/opt/bin/portcullis', ['token', ...flags], expected],
    ['kubectl-keystone', ['token', ...flags], expected],
    ['client-keystone-auth', flags, expected],
    ['/usr/bin/client-keystone-auth', [], new Map()],
    ['portcullis', ['token'], new Map()],
    ['portcullis', ['login', ...flags], undefined],
    ['portcullis', flags, undefined],
    ['portcullis', [], undefined],
    ['aws', ['token', ...flags], undefined],
    ['/opt/portcullis/aws', ['token', ...flags], undefined],
    ['portcullis-2', ['token', ...flags], undefined],
  ] as const)
    t.strictSame(savedFlags(stanza(command, ...args)), read as never, `${command} ${args.join(' ')}`)
})

t.test('flags of the command line beat those of the kubeconfig, also by another name', async (t) => {
  const saved = flagsOf({ 'keystone-url': 'https://a/v3', 'user-name': 'alice', 'project-id': 'p1' })
  t.strictSame(
    overlay(flagsOf({ 'project-name': 'web' }), saved),
    flagsOf({
      'keystone-url': 'https://a/v3',
      'user-name': 'alice',
      'project-name': 'web',
    }),
  )
  t.strictSame(overlay(flagsOf({ 'user-name': 'bob' }), saved).get('user-name'), ['bob'])
  t.strictSame(overlay(new Map(), saved), saved)
  t.strictSame(overlay(saved, undefined), saved)
})

t.test('no secret is among the flags for kubectl, and files are named by their whole path', async (t) => {
  const settings = settingsOf({
    auth_url: 'https://a/v3',
    username: 'alice',
    project_name: 'web',
    password: 'secret',
    passcode: '123456',
    token: 'secret',
    application_credential_secret: 'secret',
    password_command: 'pass show keystone',
    password_file: 'here/secret',
    cacert: '/etc/ca.pem',
    cert: 'cert.pem',
    key: '../key.pem',
    cloud: 'lab',
  })
  t.strictSame(
    plainFlags(settings),
    flagsOf({
      'keystone-url': 'https://a/v3',
      'user-name': 'alice',
      'project-name': 'web',
      'password-file': resolve('here/secret'),
      'password-command': 'pass show keystone',
      cacert: '/etc/ca.pem',
      cert: resolve('cert.pem'),
      key: resolve('../key.pem'),
      cloud: 'lab',
    }),
  )
})

t.test(
  'the arguments for kubectl are those of `portcullis token`, the last value of each flag',
  async (t) => {
    t.strictSame(
      tokenArgs(
        new Map([
          ['cloud', ['old', 'lab']],
          ['project-name', ['--odd name']],
        ]),
      ),
      ['token', '--cloud=lab', '--project-name=--odd name'],
    )
    t.strictSame(
      savedFlags(stanza('portcullis', ...tokenArgs(flagsOf({ 'project-name': '--odd name', cloud: 'a=b' })))),
      flagsOf({ 'project-name': '--odd name', cloud: 'a=b' }),
      'which are read as they were',
    )
  },
)

t.test('a clouds.yaml that a variable or the folder names goes to kubectl by its whole path', async (t) => {
  const there = process.cwd()
  const folder = temporaryFolder(t)
  process.chdir(folder)
  t.teardown(() => process.chdir(there))
  t.strictSame(cloudsVariable({}), {})
  t.strictSame(cloudsVariable({ OS_CLIENT_CONFIG_FILE: '' }), {})
  t.strictSame(cloudsVariable({ OS_CLIENT_CONFIG_FILE: 'my.yaml' }), {
    OS_CLIENT_CONFIG_FILE: join(process.cwd(), 'my.yaml'),
  })
  writeFileSync('clouds.yaml', '')
  for (const file of ['', undefined])
    t.strictSame(cloudsVariable({ OS_CLIENT_CONFIG_FILE: file }), {
      OS_CLIENT_CONFIG_FILE: join(process.cwd(), 'clouds.yaml'),
    })
  t.strictSame(cloudsVariable({ OS_CLIENT_CONFIG_FILE: '/etc/clouds.yaml' }), {
    OS_CLIENT_CONFIG_FILE: '/etc/clouds.yaml',
  })
})

t.test('kubectl runs the bare name only where PATH leads to this very program first', async (t) => {
  const folder = temporaryFolder(t)
  for (const name of ['own', 'other', 'empty', 'linked']) mkdirSync(join(folder, name))
  const [own, other, empty, linked] = ['own', 'other', 'empty', 'linked'].map((name) => join(folder, name))
  for (const place of [own, other]) {
    writeFileSync(`${place}/portcullis`, '')
    chmodSync(`${place}/portcullis`, 0o755)
  }
  symlinkSync(`${own}/portcullis`, `${linked}/portcullis`)
  const executable = `${own}/portcullis`
  for (const [path, expected] of [
    [[own], 'portcullis'],
    [[empty, own, other], 'portcullis'],
    [[linked], 'portcullis'],
    [['', own], 'portcullis'],
    [[other, own], executable],
    [[other], executable],
    [[empty], executable],
    [[], executable],
  ] as const)
    t.equal(commandName(executable, path.join(delimiter)), expected, path.join(delimiter))
  t.equal(commandName(executable, undefined), executable)
  const there = process.cwd()
  t.teardown(() => process.chdir(there))
  process.chdir(other as string)
  t.equal(commandName(executable, `${delimiter}${own}`), 'portcullis', 'an empty entry is no folder')
  t.equal(commandName(`${linked}/portcullis`, own), 'portcullis')
  t.equal(commandName(`${folder}/gone`, empty), `${folder}/gone`)
})
