import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { CLIENT_FLAGS } from '../../src/commands/client-flags.ts'
import { SERVER_FLAGS } from '../../src/commands/server-flags.ts'
import { kmsOptions, rotateOptions } from '../../src/config/kms-options.ts'
import { tokenOptions } from '../../src/config/login-options.ts'
import type { Option, OptionTable } from '../../src/config/option.ts'
import { serveOptions } from '../../src/config/serve-options.ts'
import { syncOptions } from '../../src/config/sync-options.ts'
import {
  CLIENT,
  dropInOf,
  KMS,
  LOGIN_COMMAND,
  ROTATE,
  SOCKET,
  SYNC,
  serveOf,
  TOKEN,
  WEBHOOK_KUBECONFIG,
  WHOAMI,
} from '../support/documented-options.ts'
import { file, keepsPromises, list, type OptionPromises, onOff, text } from '../support/option-promises.ts'
import { ROOT } from '../support/source-files.ts'

const STATE_DIR = serveOptions('portcullis')['state-dir'].fallback

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

const STRICT: OptionPromises = { 'policy-strict': onOff() }
const NAMED: OptionPromises = { ...STRICT, 'namespace-format': text() }
const POLICY: OptionPromises = { ...NAMED, policy: list('FILE', { repeatable: true }) }

const COMMANDS: Readonly<Record<string, OptionPromises>> = {
  serve: serveOf(STATE_DIR),
  kms: KMS,
  'kms rotate': ROTATE,
  'kms status': SOCKET,
  'kms ping': SOCKET,
  'webhook-kubeconfig': WEBHOOK_KUBECONFIG(STATE_DIR),
  sync: {},
  'sync plan': SYNC,
  'sync run': SYNC,
  policy: {},
  'policy decide': POLICY,
  'policy check': STRICT,
  'policy explain': {
    ...POLICY,
    namespace: text('TEXT', { short: 'n' }),
    as: text(),
    'as-group': list('LIST', { repeatable: true }),
    role: list('LIST', { repeatable: true }),
    project: text(),
    'project-name': text(),
  },
  'policy test': POLICY,
  'policy diff': { ...NAMED, reviews: file() },
  'policy convert': STRICT,
  token: TOKEN,
  login: LOGIN_COMMAND,
  logout: CLIENT,
  whoami: WHOAMI,
  projects: CLIENT,
  completion: {},
  'completion bash': {},
  'completion zsh': {},
  'completion fish': {},
}

t.test('each command has the defaults, units, limits and variables of the documents', async (t) => {
  const tables: Readonly<Record<string, OptionTable>> = { ...SERVER_FLAGS, ...CLIENT_FLAGS }
  t.strictSame(Object.keys(tables).sort(), Object.keys(COMMANDS).sort())
  for (const [command, promises] of Object.entries(COMMANDS))
    t.test(command, async (t) => keepsPromises(t, tables[command] as OptionTable, promises))
})

t.test('k8s-keystone-auth differs from `serve` where the documents say so, and nowhere else', async (t) => {
  keepsPromises(t, serveOptions('k8s-keystone-auth'), dropInOf(STATE_DIR))
  const [ours, theirs]: readonly OptionTable[] = [
    serveOptions('portcullis'),
    serveOptions('k8s-keystone-auth'),
  ]
  const other = Object.keys(ours ?? {}).filter(
    (name) => !same(ours?.[name]?.fallback, theirs?.[name]?.fallback),
  )
  t.strictSame(other, ['listen', 'identity', 'token-scopes', 'policy-strict', 'sync-interval'])
})

t.test('health and metrics are open to this machine alone', async (t) => {
  for (const table of [serveOptions('portcullis'), serveOptions('k8s-keystone-auth'), kmsOptions])
    t.equal(table['admin-listen'].fallback.host, '127.0.0.1')
})

interface Row {
  readonly flag: string
  readonly value: string | undefined
  readonly env: readonly string[]
  readonly fallback: string
}

/** The rows of a section of docs/configuration.md whose table has a column for the environment. */
function documented(heading: string): readonly Row[] {
  const page = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8')
  const section = page.slice(page.indexOf(`\n## ${heading}\n`)).slice(1)
  const end = section.indexOf('\n## ')
  const rows = section.slice(0, end < 0 ? undefined : end).matchAll(/^\| `--([\w-]+)`(.*)$/gm)
  return [...rows].map(([, flag = '', rest = '']) => {
    const [value = '', env = '', fallback = ''] = rest.replaceAll('\\|', '\0').split('|')
    return {
      flag,
      value: value.replaceAll(/ *\0 */g, '|').trim() || undefined,
      env: [...env.matchAll(/`(\w+)`/g)].map((match) => match[1] as string),
      fallback: fallback.trim(),
    }
  })
}

/** What a cell says for a program: `3s`, or `5m` with other words for k8s-keystone-auth. */
function valueIn(cell: string, program: string): string | undefined {
  const other = new RegExp(`${program}: (.*)`).exec(cell)?.[1]
  const word = (other ?? cell.split(';')[0] ?? '').replaceAll('`', '').trim()
  return word === '' ? undefined : ({ on: 'true', off: 'false' }[word] ?? word)
}

function agrees(t: Test, rows: readonly Row[], table: OptionTable, program: string) {
  for (const { flag, value, env, fallback } of rows) {
    const option = table[flag] as Option<unknown>
    t.equal(option.value, value, `--${flag} is written with ${value}`)
    t.strictSame(option.env ?? [], env, `the variables of --${flag}`)
    if (flag === 'state-dir') continue // depends on who runs the program
    const word = valueIn(fallback, program)
    const none = [undefined, false].includes(option.fallback as undefined) || same(option.fallback, [])
    if (word === undefined) t.ok(none, `--${flag} is off or empty`)
    else t.strictSame(option.fallback, option.parse(word), `--${flag}: ${word}`)
  }
}

t.test('docs/configuration.md gives each flag its value, its variables and its default', async (t) => {
  const serve = documented('`portcullis serve` and `k8s-keystone-auth`')
  const sync = documented('`portcullis sync plan` and `portcullis sync run`')
  const [token, kms] = [
    documented('`portcullis token` and `client-keystone-auth`'),
    documented('`portcullis kms` and `barbican-kms-plugin`'),
  ]
  const names = (rows: readonly Row[]) => rows.map(({ flag }) => flag).sort()
  t.strictSame(names(serve), Object.keys(serveOptions('portcullis')).sort())
  t.strictSame(names(token), Object.keys(tokenOptions).sort())
  t.strictSame(names(kms), [...Object.keys(kmsOptions), 'activate-in'].sort())
  agrees(t, serve, serveOptions('portcullis'), 'portcullis')
  agrees(t, serve, serveOptions('k8s-keystone-auth'), 'k8s-keystone-auth')
  agrees(t, sync, syncOptions, 'portcullis')
  agrees(t, token, tokenOptions, 'portcullis')
  agrees(t, kms, { ...rotateOptions, ...kmsOptions }, 'portcullis')
})
