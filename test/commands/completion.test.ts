import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import t from 'tap'
import { runProgram } from '../support/program.ts'

const scriptFor = async (shell: string) => {
  const { code, stdout, stderr } = await runProgram(t, 'portcullis', ['completion', shell])
  t.same([code, stderr], [0, ''])
  return stdout
}

t.test('bash completes commands, their parts, flags and what flags can be', async (t) => {
  const script = await scriptFor('bash')
  const lines: [string, string][] = [
    ['portcullis log', 'login logout'],
    ['kubectl-keystone who', 'whoami'],
    ['portcullis kms ro', 'rotate'],
    ['portcullis kms rotate --activ', '--activate-in'],
    ['portcullis policy check --policy-', '--policy-strict'],
    ['portcullis login --project-domain-', '--project-domain-name --project-domain-id'],
    ['portcullis whoami --identity ', 'qualified compatible'],
    ['portcullis serve --keystone-url ', ''],
    ['portcullis login --cacert /etc/host', '/etc/host'],
    ['portcullis completion z', 'zsh'],
    ['portcullis nonsense --', ''],
  ]
  const calls = lines.map(
    ([line]) =>
      `COMP_WORDS=(${line}${line.endsWith(' ') ? '""' : ''}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _portcullis; echo "\${COMPREPLY[*]}"`,
  )
  const shown = execFileSync('bash', ['--norc', '-c', `${script}\n${calls.join('\n')}`], { encoding: 'utf8' })
  const answers = shown.split('\n')
  for (const [index, [line, expected]] of lines.entries())
    if (expected.startsWith('/'))
      t.ok(
        answers[index]?.split(' ').every((path) => path.startsWith(expected)),
        line,
      )
    else t.equal(answers[index], expected, line)
})

t.test('every command is completed', async (t) => {
  const { stdout } = await runProgram(t, 'portcullis', ['--help'])
  const commands = /^Commands: (.*)$/m.exec(stdout)?.[1]?.split(', ') ?? []
  const script = await scriptFor('bash')
  const words = /words='([^']*)' before/.exec(script)?.[1]?.split(' ')
  t.same(words?.sort(), commands.filter((command) => command !== 'demo').sort())
})

t.test('zsh and fish take their scripts', async (t) => {
  const [zsh, fish] = [await scriptFor('zsh'), await scriptFor('fish')]
  t.match(zsh, /^#compdef portcullis kubectl-keystone\n/)
  t.match(fish, "complete -c kubectl-keystone -n '__fish_seen_subcommand_from login' -l cacert -r -F")
  for (const [shell, script] of [
    ['/usr/bin/zsh', zsh],
    ['/usr/bin/fish', fish],
  ] as const)
    if (existsSync(shell)) t.doesNotThrow(() => execFileSync(shell, ['-n'], { input: script }), shell)
})

t.test('another shell is refused', async (t) => {
  t.match(await runProgram(t, 'portcullis', ['completion', 'csh']), {
    code: 2,
    stderr: /expected bash, zsh, fish/,
  })
})
